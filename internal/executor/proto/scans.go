package proto

import (
	"encoding/json"
	"time"
)

// Kinds of jobs that look for drift. Executors do them beside runs, in slots of their own.
const (
	KindScan       = "drift-scan" // of a folder of a repository
	KindAssessment = "assessment" // of a workspace
)

// Findings is what a scan puts: a Report in JSON.
const Findings = "findings"

// Scan is the Spec of KindScan and KindAssessment. It has the inputs of a plan: the archive,
// and the state if HasState.
type Scan struct {
	Phase
	ID     string `json:"id"`     // of the scan
	Target string `json:"target"` // of what is scanned: the same in each of its scans
	Folder string `json:"folder"` // as fingerprints name it
	// Remote says that the backend of the configuration is read, without its lock; else the
	// state is the input, in a local backend.
	Remote      bool      `json:"remote,omitempty"`
	RefreshOnly bool      `json:"refresh_only,omitempty"` // what the next apply would do is not of interest
	VarFiles    []string  `json:"var_files,omitempty"`    // relative to the working directory
	Outputs     bool      `json:"outputs,omitempty"`      // PlanJSON and Schemas are wanted
	Key         []byte    `json:"key"`                    // of fingerprints, so that nobody guesses values from them
	Judgement   Judgement `json:"judgement"`
	// Cache names the folder that is kept between the scans of a target, "" keeps none. It is
	// used again if the job After left it, and its configuration is fetched and initialized
	// again only if Revision is another.
	Cache    string `json:"cache,omitempty"`
	After    string `json:"after,omitempty"`
	Revision string `json:"revision,omitempty"` // of the configuration
}

// Judgement is what severities depend on beside what is found (drift/severity, Context). The
// executor judges, because rules look at values that must not leave its memory.
type Judgement struct {
	Labels     []string        `json:"labels,omitempty"`
	OldestOpen time.Duration   `json:"oldest_open,omitempty"` // nanoseconds
	Rules      json.RawMessage `json:"rules,omitempty"`       // of the organization, []severity.Rule
}

// Report is what was found. Values of sensitive attributes are not in it.
type Report struct {
	Verdict json.RawMessage `json:"verdict"` // severity.Verdict
	// Fingerprints are those of the findings of Verdict, in order.
	Fingerprints []string `json:"fingerprints"`
	Undrifted    int      `json:"undrifted"`
	// TerraformVersion is what the engine calls itself in the plan.
	TerraformVersion string            `json:"terraform_version"`
	Providers        map[string]string `json:"providers,omitempty"` // source addresses to constraints
	// Text is the plan as the engine prints it, cut after MaxReportText bytes.
	Text string `json:"text"`
}

// MaxReportText is the length of Report.Text in bytes.
const MaxReportText = 256 << 10

// ScanResult is the Data of a scan that ended, also of one that errored.
type ScanResult struct {
	Engine        string `json:"engine,omitempty"` // the product that was used
	EngineVersion string `json:"engine_version"`
	Warm          bool   `json:"warm,omitempty"`      // the folder was used as the scan before left it
	Refreshed     bool   `json:"refreshed,omitempty"` // a second pass settled what checks say
}
