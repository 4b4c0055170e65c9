package proto

import "time"

// The kinds of jobs that a run has.
const (
	KindPlan  = "plan"
	KindApply = "apply"
)

// Inputs and outputs of the jobs of runs.
const (
	Archive       = "archive"        // in: configuration, tar.gz
	StateIn       = "state"          // in: the state before, absent in Phase.HasState if there is none
	PlanFile      = "plan"           // out of a plan, in of its apply: the saved plan as the engine wrote it
	PlanJSON      = "plan-json"      // out: show -json
	PlanRedacted  = "plan-redacted"  // out: parts of show -json and the provider schemas without sensitive values
	Schemas       = "schemas"        // out: providers schema -json
	GeneratedHCL  = "generated"      // out: configuration generated for imports
	LockFile      = "lock-file"      // out of a plan, in of its apply: .terraform.lock.hcl
	Modules       = "modules"        // out: .terraform/modules/modules.json of a plan that uses modules of registries
	Notices       = "notices"        // in, after Modules: what is to be said about them, a JSON list of Notice
	StateSnapshot = "state-snapshot" // out: the state while an apply goes on
	StateFinal    = "state-final"    // out: the state after an apply
	StateJSON     = "state-json"     // out: show -json of StateFinal
)

// Engine is which binary to use.
type Engine struct {
	Product string `json:"product"` // tofu or terraform
	Version string `json:"version"` // exact, a constraint, or "latest"
	// Near says that Version may be that of another product: if there is no such version,
	// the newest of the same minor release is meant, or else the newest of all.
	Near bool `json:"near,omitempty"`
	// Any says that the workspace names no product: an executor that has none of Product
	// uses what it has.
	Any bool `json:"any,omitempty"`
	// From is what asks for Version, for people, such as "net/.terraform-version".
	From string `json:"from,omitempty"`
}

// Env is a variable of the environment of the engine.
type Env struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Sensitive bool   `json:"sensitive,omitempty"`
	InFiles   bool   `json:"in_files,omitempty"` // Folder in Value stands for where Files are
}

// File is a small file for the engine, such as a token. Folder in its text stands for
// where all of them are.
type File struct {
	Name      string `json:"name"` // without slashes
	Text      string `json:"text"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Folder stands for the folder of Files, which only the executor knows.
const Folder = "@plumbline/files@"

// Variable is an input variable. Later ones win over earlier ones of the same key.
type Variable struct {
	Key       string `json:"key"`
	Value     string `json:"value"`
	HCL       bool   `json:"hcl,omitempty"` // Value is an expression, else a string
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Phase is what a plan and an apply have in common.
type Phase struct {
	RunID            string     `json:"run_id"`
	Organization     string     `json:"organization"`
	Workspace        string     `json:"workspace"`
	Project          string     `json:"project"`
	Engine           Engine     `json:"engine"`
	WorkingDirectory string     `json:"working_directory"` // relative to the archive
	Structured       bool       `json:"structured"`        // the log has one JSON object a line (-json)
	Debug            bool       `json:"debug"`             // TF_LOG=TRACE
	HasState         bool       `json:"has_state"`
	Env              []Env      `json:"env"` // environment variables of the workspace and of the platform
	Files            []File     `json:"files,omitempty"`
	Variables        []Variable `json:"variables"` // of the workspace, its sets and the run, in rising priority
	Host             string     `json:"host"`      // of this server as configurations name it: HOST[:PORT]
	Address          string     `json:"address"`   // of this server: https://HOST[:PORT]
	Token            string     `json:"token"`     // for Host: reads the states and modules that the run may read
	SSHKey           string     `json:"ssh_key,omitempty"`
	CA               string     `json:"ca,omitempty"` // PEM, of Address if the system does not know it
	Mirror           Mirror     `json:"mirror,omitzero"`
	Minutes          int        `json:"minutes"` // wall clock limit
	SameExecutor     string     `json:"same_executor,omitempty"`
}

// Mirror is a network mirror of providers, which takes Token.
type Mirror struct {
	URL   string   `json:"url"`   // ends with a slash
	Hosts []string `json:"hosts"` // of the registries whose providers it has
}

// Plan is the Spec of KindPlan.
type Plan struct {
	Phase
	Destroy        bool     `json:"destroy,omitempty"`
	Refresh        bool     `json:"refresh"`
	RefreshOnly    bool     `json:"refresh_only,omitempty"`
	Targets        []string `json:"targets,omitempty"`
	Replace        []string `json:"replace,omitempty"`
	GenerateConfig bool     `json:"generate_config,omitempty"`
	PlanOnly       bool     `json:"plan_only,omitempty"` // no apply follows: the plan file need not be kept
}

// Apply is the Spec of KindApply.
type Apply struct {
	Phase
	PlanID    string `json:"plan_id"`
	PlanJobID string `json:"plan_job_id"` // whose folder may still be there
	Serial    int64  `json:"serial"`      // of the state before, 0 if there is none
	Lineage   string `json:"lineage"`
	// Quiet is how long after the start an apply may not end as errored: a command line that
	// still reads the log of the plan takes an errored run for an errored plan, and shows
	// neither plan nor apply.
	Quiet time.Duration `json:"quiet,omitempty"` // nanoseconds
}

// PlanResult is the Data of a finished plan.
type PlanResult struct {
	EngineVersion string `json:"engine_version"` // what was used
	HasChanges    bool   `json:"has_changes"`    // of resources or outputs
	Counts
	Generated bool `json:"generated,omitempty"` // GeneratedHCL was put
}

// ApplyResult is the Data of an apply, also of one that errored or was cancelled.
type ApplyResult struct {
	EngineVersion string `json:"engine_version"`
	Counts
	Applied bool `json:"applied"` // the engine got as far as applying: there may be a new state
}

// Notice is a warning for the log.
type Notice struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// Counts are the changes of a plan or those that an apply made.
type Counts struct {
	Add          int `json:"add"`
	Change       int `json:"change"`
	Destroy      int `json:"destroy"`
	Import       int `json:"import"`
	ActionInvoke int `json:"action_invoke"`
}
