// Package testruns runs the tests of modules: configuration versions with a module's files,
// test runs of them by the same executors as runs have, and the variables of their
// environment.
//
// The surprising rule: a test run "finished" if its tests came to an end, passed or failed;
// it "errored" if they could not, such as for a module that does not initialize.
//
// Source: private registry tests page; go-tfe, test_run.go.
package testruns

import (
	"context"
	"net/http"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/workspace/variables"
)

// TestRun is a run of a module's tests.
type TestRun struct {
	ID              string            `db:"id"`
	OrgID           string            `db:"org_id"`
	ModuleID        string            `db:"module_id"`
	ConfigurationID string            `db:"configuration_version_id"`
	Status          Status            `db:"status"`
	Source          string            `db:"source"` // FromAPI, FromCLI or FromVCS
	Message         string            `db:"message"`
	Verbose         bool              `db:"is_verbose"`
	Directory       string            `db:"test_directory"`
	Filters         db.JSON[[]string] `db:"filters"`
	Parallelism     *int              `db:"parallelism"` // nil: the engine's
	Variables       []byte            `db:"variables"`   // sealed JSON of []Value
	TestStatus      string            `db:"test_status"` // pass, fail, error or skip; "" before the end
	Passed          *int              `db:"tests_passed"`
	Failed          *int              `db:"tests_failed"`
	Errored         *int              `db:"tests_errored"`
	Skipped         *int              `db:"tests_skipped"`
	Error           string            `db:"error"` // why it errored, one line for people
	CancelAsked     bool              `db:"cancel_asked"`
	CreatedBy       *string           `db:"created_by"`
	CreatedAt       db.Time           `db:"created_at"`
	UpdatedAt       db.Time           `db:"updated_at"`
	QueuedAt        *db.Time          `db:"queued_at"`
	StartedAt       *db.Time          `db:"started_at"`
	FinishedAt      *db.Time          `db:"finished_at"`
	ErroredAt       *db.Time          `db:"errored_at"`
	CanceledAt      *db.Time          `db:"canceled_at"`
	ForceCanceledAt *db.Time          `db:"force_canceled_at"`

	values []Value
}

// Status is where a test run stands.
type Status string

// The statuses (page, "Test Run States"). The page has pending too, which is over before
// anybody can see it.
const (
	Queued   Status = "queued"
	Running  Status = "running"
	Errored  Status = "errored" // final, as are those below
	Canceled Status = "canceled"
	Finished Status = "finished"
)

// final reports whether nothing comes after s.
func (s Status) final() bool { return s != Queued && s != Running }

// Where test runs come from (page, "Test Sources").
const (
	FromAPI = "tfe-api"
	FromCLI = "terraform"
	FromVCS = "tfe-configuration-version"
)

// Scope implements authz.Scoped.
func (t TestRun) Scope() authz.Scope { return authz.Scope{Org: t.OrgID} }

// Feature serves test runs.
type Feature struct {
	DB        *db.DB
	Bus       *events.Bus // hears of the statuses of test runs
	Keyring   *crypt.Keyring
	Modules   *modules.Feature
	Configs   *configversions.Feature
	Variables *variables.Feature
	Logs      *logs.Feature
	Dispatch  *dispatch.Feature
	Tokens    *tokens.Store
	// Revoked tells that tokens are no more.
	Revoked func(ctx context.Context, tokenIDs []string)
	// Address is the address of this server as configurations and executors know it,
	// without a slash at its end.
	Address func(ctx context.Context) string
	// Mirror is where executors get providers of other registries, as for runs.
	Mirror func(address string) proto.Mirror
	// CA is the certificate authority of Address in PEM form, "" if every system knows it.
	CA func() string
}

// Routes adds the endpoints of this package to r, and its kind of jobs to Dispatch. Who
// manages modules tests them, as a test is code that sees the module's variables.
func (f *Feature) Routes(r *api.Router) {
	const (
		module = "/organizations/{organization}/tests/registry-modules/{registry}/{namespace}/{name}/{provider}"
		all    = module + "/test-runs"
		one    = all + "/{test_run}"
		vars   = module + "/vars"
	)
	f.work()
	inModule, run, variable := api.Keys(f.module), api.Keys(f.find), api.Keys(f.findVariable)
	api.Type(r, "test-runs", authz.ManageModules, f.byIDs, f.view)
	api.Variant(r, "test-vars", viewVariable, "vars")

	api.List(r, all, authz.ManageModules, inModule, f.list, api.Params("filter[source]"))
	api.Create(r, all, authz.ManageModules, inModule, f.create)
	api.Action(r, all+"/configuration-versions", authz.ManageModules, inModule, f.configure, api.Status(http.StatusCreated))
	api.Read(r, one, authz.ManageModules, run)
	api.Do(r, "POST "+one+"/cancel", authz.ManageModules, run, f.cancel, api.Status(http.StatusAccepted))
	api.Do(r, "POST "+one+"/force-cancel", authz.ManageModules, run, f.forceCancel, api.Status(http.StatusAccepted))
	api.Handle(r, "GET "+one+"/junit", authz.ManageModules, run, f.junit)
	api.Handle(r, "GET "+one+"/log/events", authz.ManageModules, run, f.follow)

	large := api.BodyLimit(variables.BodyLimit)
	api.List(r, vars, authz.ManageModules, inModule, f.listVariables)
	api.Create(r, vars, authz.ManageModules, inModule, f.addVariable, large, api.Accepts("vars"))
	api.Read(r, vars+"/{id}", authz.ManageModules, variable)
	api.Update(r, vars+"/{id}", authz.ManageModules, variable, f.changeVariable, large, api.Accepts("vars"))
	api.Delete(r, vars+"/{id}", authz.ManageModules, variable, f.deleteVariable)
}

// view is a test run as clients see it.
func (f *Feature) view(ctx context.Context, t TestRun) jsonapi.Resource {
	a := shown{
		Status: t.Status, Timestamps: timestamps{t.QueuedAt, t.StartedAt, t.FinishedAt, t.ErroredAt, t.CanceledAt, t.ForceCanceledAt},
		LogReadURL: f.Logs.URL(ctx, t.ID), CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Type: "RegistryModule", ModuleID: t.ModuleID,
		Variables: append([]Value{}, t.values...), Filters: append([]string{}, t.Filters.V...), Directory: t.Directory, Verbose: t.Verbose, Parallelism: t.Parallelism,
		TestStatus: db.Null(t.TestStatus), Passed: t.Passed, Failed: t.Failed, Errored: t.Errored, Skipped: t.Skipped, Source: t.Source, Message: t.Message, Error: t.Error,
	}
	by := jsonapi.ToOne("users", "")
	if t.CreatedBy != nil {
		by = jsonapi.ToOneAt("users", *t.CreatedBy, "/api/v2/users/"+*t.CreatedBy)
	}
	return jsonapi.Resource{Type: "test-runs", ID: t.ID, Attributes: a, Relationships: jsonapi.Relationships{
		"configuration-version": jsonapi.ToOneAt("configuration-versions", t.ConfigurationID, "/api/v2/configuration-versions/"+t.ConfigurationID),
		"registry-module":       jsonapi.ToOne("registry-modules", t.ModuleID),
		"created-by":            by,
	}}
}

type shown struct {
	Status      Status     `json:"status"`
	Timestamps  timestamps `json:"status-timestamps"`
	LogReadURL  string     `json:"log-read-url"`
	CreatedAt   db.Time    `json:"created-at"`
	UpdatedAt   db.Time    `json:"updated-at"`
	Type        string     `json:"test-configurable-type"`
	ModuleID    string     `json:"test-configurable-id"`
	Variables   []Value    `json:"variables"`
	Filters     []string   `json:"filters"`
	Directory   string     `json:"test-directory"`
	Verbose     bool       `json:"verbose"`
	Parallelism *int       `json:"parallelism,omitempty"`
	TestStatus  *string    `json:"test-status"` // null before the end, as the counts
	Passed      *int       `json:"tests-passed"`
	Failed      *int       `json:"tests-failed"`
	Errored     *int       `json:"tests-errored"`
	Skipped     *int       `json:"tests-skipped"`
	Source      string     `json:"source"`
	Message     string     `json:"message"`
	Error       string     `json:"error-message,omitempty"`
}

type timestamps struct {
	Queued        *db.Time `json:"queued-at,omitempty"`
	Started       *db.Time `json:"started-at,omitempty"`
	Finished      *db.Time `json:"finished-at,omitempty"`
	Errored       *db.Time `json:"errored-at,omitempty"`
	Canceled      *db.Time `json:"canceled-at,omitempty"`
	ForceCanceled *db.Time `json:"force-canceled-at,omitempty"`
}

// follow sends the log as events, for browsers.
func (f *Feature) follow(ctx context.Context, w http.ResponseWriter, req *http.Request, t TestRun) error {
	return f.Logs.Follow(ctx, w, req, t.ID)
}
