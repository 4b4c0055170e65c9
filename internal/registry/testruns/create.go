package testruns

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// Value is a variable that a test run is given, its value an expression of the language.
type Value struct {
	Key   string  `json:"key"`
	Value literal `json:"value"`
}

// literal is text that stands in JSON as text, or as the number or truth that it says
// (page, "Sample Payload").
type literal string

// UnmarshalJSON implements json.Unmarshaler.
func (l *literal) UnmarshalJSON(b []byte) error {
	if b[0] == '{' || b[0] == '[' {
		return errors.New("a value is text, a number or a truth")
	}
	if b[0] == '"' {
		return json.Unmarshal(b, (*string)(l))
	}
	*l = literal(b)
	return nil
}

// request are the attributes of a new test run.
type request struct {
	Verbose     jsonapi.Opt[bool]     `json:"verbose"`
	Directory   jsonapi.Opt[string]   `json:"test-directory"`
	Filters     jsonapi.Opt[[]string] `json:"filters"`
	Variables   jsonapi.Opt[[]Value]  `json:"variables"`
	Parallelism jsonapi.Opt[int]      `json:"parallelism"`
}

// Words of test runs for people.
const (
	messageAPI = "Queued manually via the Terraform Enterprise API"
	messageCLI = "Queued manually using Terraform"
)

// create queues a test run of a configuration version, by default of the newest one of the
// module that was uploaded.
func (f *Feature) create(ctx context.Context, m modules.Module, in jsonapi.In[request]) (TestRun, error) {
	a, now := in.Data.Attributes, db.Now()
	t := TestRun{ID: id.New("trun"), OrgID: m.OrgID, ModuleID: m.ID, Status: Queued, Source: FromAPI, Message: messageAPI, Verbose: a.Verbose.V,
		Directory: a.Directory.Or("tests"), CreatedAt: now, UpdatedAt: now, QueuedAt: &now, values: a.Variables.V}
	t.Filters.V = a.Filters.V
	a.Parallelism.IntoPtr(&t.Parallelism)
	if api.Request(ctx).Header.Get("X-Terraform-Integration") != "" { // every command line says so of itself
		t.Source, t.Message = FromCLI, messageCLI
	}
	if user := authz.From(ctx).UserID(); user != "" {
		t.CreatedBy = &user
	}
	if m.TestConfigID != nil && !m.TestsEnabled {
		return t, problem.Unprocessable("Tests are turned off for this module: set its test-config's tests-enabled to true.")
	}
	if err := problem.All(t.badDirectory(), t.badFilters(), t.badVariables(), t.badParallelism()); err != nil {
		return t, err
	}
	v, err := f.configuration(ctx, m, in)
	if err != nil {
		return t, err
	}
	t.ConfigurationID = v.ID
	if err := f.seal(ctx, &t); err != nil {
		return t, err
	}
	return t, f.queue(ctx, m, t)
}

// queue stores a test run, and the job and the log that it has.
func (f *Feature) queue(ctx context.Context, m modules.Module, t TestRun) error {
	err := f.DB.Insert(ctx, "test_runs", t)
	if db.IsForeign(err) {
		return problem.NotFound // the module has just been deleted
	}
	if err != nil {
		return err
	}
	if err := f.Logs.Open(ctx, logs.Stream{ID: t.ID, OrgID: t.OrgID}); err != nil {
		return err
	}
	_, err = f.Dispatch.Enqueue(ctx, dispatch.Job{OrgID: t.OrgID, PoolID: m.TestPoolID, Kind: proto.KindTest, Subject: t.ID, Log: t.ID, Priority: dispatch.Speculative})
	return err
}

// configuration is what a new test run tests. It may be of another module of the
// organization (page, "Tests API reference").
func (f *Feature) configuration(ctx context.Context, m modules.Module, in jsonapi.In[request]) (configversions.Version, error) {
	ref, _ := in.Data.One("configuration-version")
	if ref.ID == "" {
		v, err := f.Configs.NewestOf(ctx, m.ID)
		if errors.Is(err, problem.NotFound) {
			err = problem.InvalidRelation("configuration-version", "Configuration version must exist: nothing was uploaded for tests of this module yet")
		}
		return v, err
	}
	v, err := f.Configs.Find(ctx, ref.ID)
	if err == nil && (v.OrgID != m.OrgID || v.ModuleID == nil) {
		err = problem.NotFound
	}
	if errors.Is(err, problem.NotFound) {
		return v, problem.InvalidRelation("configuration-version", "Configuration version must exist")
	}
	if err == nil && v.Status != configversions.Uploaded {
		err = problem.InvalidRelation("configuration-version", "Configuration version must be uploaded, it is %s", v.Status)
	}
	return v, err
}

// configure makes a configuration version to upload a module's files to.
func (f *Feature) configure(ctx context.Context, m modules.Module, _ jsonapi.In[struct{}]) (configversions.Version, error) {
	return f.Configs.MakeForModule(ctx, m.OrgID, m.ID)
}

// Limits of what a request may carry.
const (
	maxFilters     = 1000
	maxPath        = 1000 // bytes
	maxValues      = 1000
	maxValue       = 256 << 10 // bytes
	maxKey         = 128       // bytes
	maxParallelism = 256
)

func (t TestRun) badDirectory() *problem.Problem {
	if !local(t.Directory) {
		return problem.Invalid("test-directory", "Test directory must be a path in the configuration")
	}
	return nil
}

func (t TestRun) badFilters() *problem.Problem {
	if len(t.Filters.V) > maxFilters {
		return problem.Invalid("filters", "Filters are too many (maximum is %d)", maxFilters)
	}
	for _, file := range t.Filters.V {
		if !local(file) {
			return problem.Invalid("filters", "Filters must be paths of test files in the configuration")
		}
	}
	return nil
}

// local says whether a path stays in the folder that it is relative to.
func local(file string) bool {
	clean := path.Clean(file)
	return file != "" && len(file) <= maxPath && !path.IsAbs(clean) && clean != ".." && !strings.HasPrefix(clean, "../") && !strings.ContainsAny(file, "\x00\n\r\\")
}

var keyForm = regexp.MustCompile(`^[\pL_][\pL\pN_-]*$`)

func (t TestRun) badVariables() *problem.Problem {
	if len(t.values) > maxValues {
		return problem.Invalid("variables", "Variables are too many (maximum is %d)", maxValues)
	}
	for _, v := range t.values {
		switch {
		case len(v.Key) > maxKey || !keyForm.MatchString(v.Key):
			return problem.Invalid("variables", "Variables must have keys of letters, numbers, underscores and hyphens that do not begin with a number")
		case len(v.Value) > maxValue:
			return problem.Invalid("variables", "Variables have values of at most %d kilobytes", maxValue>>10)
		}
	}
	return nil
}

func (t TestRun) badParallelism() *problem.Problem {
	if t.Parallelism != nil && (*t.Parallelism < 1 || *t.Parallelism > maxParallelism) {
		return problem.Invalid("parallelism", "Parallelism must be from 1 to %d", maxParallelism)
	}
	return nil
}
