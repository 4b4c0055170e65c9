package testruns

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/phases"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// minutes is how long a test run may take.
const minutes = 2 * 60

// work registers what executors do for this package, and what others must know of it. A
// lost test is not repeated: what it had made may still be there.
func (f *Feature) work() {
	f.Dispatch.Handle(proto.KindTest, dispatch.Kind{
		Lock: func(ctx context.Context, j dispatch.Job) error { _, err := f.lock(ctx, j.Subject); return err },
		Spec: f.spec, Claimed: f.started, Requeued: f.requeued, Get: f.input, Finished: f.ended,
		Put: func(context.Context, dispatch.Job, string, io.Reader) error { return problem.NotFound },
	})
	f.Modules.OnDelete = append(f.Modules.OnDelete, f.deleting)
	ofRuns := f.Configs.Uses
	f.Configs.Uses = func(ctx context.Context, versionIDs []string) (map[string]bool, error) {
		uses, err := ofRuns(ctx, versionIDs)
		if err != nil {
			return nil, err
		}
		return uses, f.addUses(ctx, versionIDs, uses)
	}
}

// addUses adds which of the configuration versions have test runs, and of those whether one
// is in progress.
func (f *Feature) addUses(ctx context.Context, versionIDs []string, uses map[string]bool) error {
	rows, err := db.In[struct {
		ID     string `db:"id"`
		Status Status `db:"status"`
	}](ctx, f.DB, `SELECT DISTINCT configuration_version_id AS id, status FROM test_runs WHERE configuration_version_id IN (?)`, versionIDs)
	for _, r := range rows {
		uses[r.ID] = uses[r.ID] || !r.Status.final()
	}
	return err
}

// spec says what an executor is to test. No module names an engine, so it is OpenTofu, or
// what the executor has.
func (f *Feature) spec(ctx context.Context, j dispatch.Job) (any, error) {
	t, err := db.One[TestRun](ctx, f.DB, `FROM test_runs WHERE id = ?`, j.Subject)
	if err != nil {
		return nil, err
	}
	if err := f.open(ctx, &t); err != nil {
		return nil, err
	}
	m, err := f.Modules.Find(ctx, t.ModuleID)
	if err != nil {
		return nil, err
	}
	address := f.Address(ctx)
	p := proto.Phase{RunID: t.ID, Organization: m.OrgName, Engine: proto.Engine{Product: "tofu", Version: "latest", Any: true},
		Structured: true, Host: phases.Host(address), Address: address, Minutes: minutes}
	if f.CA != nil {
		p.CA = f.CA()
	}
	if f.Mirror != nil {
		p.Mirror = f.Mirror(address)
	}
	if p.Env, p.Variables, err = f.values(ctx, t); err != nil {
		return nil, err
	}
	_, token, err := f.Tokens.MintTest(ctx, t.ModuleID, j.ID)
	p.Token = token.Reveal()
	out := proto.Test{Phase: p, Directory: t.Directory, Filters: t.Filters.V, Verbose: t.Verbose}
	if t.Parallelism != nil {
		out.Parallelism = *t.Parallelism
	}
	return out, err
}

// values are the environment of a test run and its input variables. What the test run was
// given wins over a variable of the module with the same key.
func (f *Feature) values(ctx context.Context, t TestRun) (env []proto.Env, vars []proto.Variable, err error) {
	own, err := f.variablesOf(ctx, t.ModuleID)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range own {
		value, err := f.Variables.Reveal(ctx, v.Variable)
		if err != nil {
			return nil, nil, err
		}
		env = append(env, proto.Env{Name: v.Key, Value: value.Reveal(), Sensitive: v.Sensitive})
	}
	for _, v := range t.values {
		text, isLiteral := literalText(string(v.Value))
		if i := slices.IndexFunc(env, func(e proto.Env) bool { return e.Name == v.Key }); i >= 0 {
			env[i].Value = text
			continue
		}
		vars = append(vars, proto.Variable{Key: v.Key, Value: string(v.Value), HCL: isLiteral})
	}
	return env, vars, nil
}

// literalText reads the value of a variable, which is to be a literal of the language; what
// is none is text as it stands. It returns the value as an environment has it.
func literalText(given string) (text string, isLiteral bool) {
	e, diags := hclsyntax.ParseExpression([]byte(given), "", hcl.InitialPos)
	if diags.HasErrors() {
		return given, false
	}
	value, diags := e.Value(nil)
	if diags.HasErrors() {
		return given, false
	}
	if value.IsWhollyKnown() && !value.IsNull() && value.Type().FriendlyName() == "string" {
		return value.AsString(), true
	}
	return given, true
}

func (f *Feature) input(ctx context.Context, j dispatch.Job, name string) (io.ReadCloser, error) {
	if name != proto.Archive {
		return nil, problem.NotFound
	}
	t, err := db.One[TestRun](ctx, f.DB, `FROM test_runs WHERE id = ?`, j.Subject)
	if err != nil {
		return nil, err
	}
	return f.Configs.Open(ctx, t.ConfigurationID)
}

func (f *Feature) started(ctx context.Context, j dispatch.Job) error {
	changes.Tell(ctx, f.Bus, authz.Scope{Org: j.OrgID}, "test-runs", j.Subject)
	_, err := f.DB.Exec(ctx, `UPDATE test_runs SET status = ?, started_at = ?, updated_at = ? WHERE id = ?`, Running, db.Now(), db.Now(), j.Subject)
	return err
}

// requeued is called only for a test run that no executor has heard of.
func (f *Feature) requeued(ctx context.Context, j dispatch.Job) error {
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: j.OrgID}, "test-runs", j.Subject)
	_, err := f.DB.Exec(ctx, `UPDATE test_runs SET status = ?, started_at = NULL, updated_at = ? WHERE id = ?`, Queued, db.Now(), j.Subject)
	return err
}

// ended notes what came of a test run.
func (f *Feature) ended(ctx context.Context, j dispatch.Job, r proto.Result) error {
	t, err := f.lock(ctx, j.Subject)
	if err != nil {
		return err
	}
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	now := db.Now()
	t.UpdatedAt = now
	var data proto.TestResult
	if len(r.Data) > 0 && json.Unmarshal(r.Data, &data) != nil {
		r, data = proto.Result{Outcome: proto.Errored, Error: "The executor sent a result that is none."}, proto.TestResult{}
	}
	switch {
	case r.Outcome == proto.Finished && testStatuses[data.Status]:
		t.Status, t.FinishedAt = Finished, &now
	case r.Outcome == proto.Canceled || (r.Outcome == proto.Lost && j.Cancel != proto.GoOn):
		t.Status, t.CanceledAt = Canceled, &now
		if j.Cancel == proto.Kill {
			t.ForceCanceledAt = &now
		}
	default:
		t.Status, t.ErroredAt, t.Error = Errored, &now, cmp.Or(r.Error, "The tests did not come to an end.")
	}
	if testStatuses[data.Status] {
		t.TestStatus, t.Passed, t.Failed, t.Errored, t.Skipped = data.Status, &data.Passed, &data.Failed, &data.Errored, &data.Skipped
	}
	if err := f.DB.Update(ctx, "test_runs", t, "status", "test_status", "tests_passed", "tests_failed", "tests_errored", "tests_skipped", "error",
		"finished_at", "errored_at", "canceled_at", "force_canceled_at", "updated_at"); err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: t.OrgID}, "test-runs", t.ID)
	return f.Logs.Close(ctx, t.ID)
}

// testStatuses are what tests can come to. Command lines know no others.
var testStatuses = map[string]bool{"pass": true, "fail": true, "error": true, "skip": true, "pending": true}

// revoke ends the tokens of a job.
func (f *Feature) revoke(ctx context.Context, j dispatch.Job) error {
	ids, err := f.Tokens.RevokeOf(ctx, j.ID)
	if err == nil && f.Revoked != nil {
		f.Revoked(ctx, ids)
	}
	return err
}

// cancel interrupts a test run, which then takes down what it has made (page, "Cancel a
// Test"). To ask twice changes nothing.
func (f *Feature) cancel(ctx context.Context, t TestRun, _ jsonapi.In[struct{}]) error {
	t, err := f.lock(ctx, t.ID)
	if err != nil {
		return err
	}
	if t.Status.final() {
		return problem.Conflict("Test was not running; cancel not allowed")
	}
	if _, err := f.DB.Exec(ctx, `UPDATE test_runs SET cancel_asked = ?, updated_at = ? WHERE id = ?`, true, db.Now(), t.ID); err != nil {
		return err
	}
	return f.Dispatch.Cancel(ctx, t.ID, proto.Interrupt)
}

// forceCancel ends a test run that was cancelled before and has not ended (page,
// "Forcefully cancel a Test").
func (f *Feature) forceCancel(ctx context.Context, t TestRun, _ jsonapi.In[struct{}]) error {
	t, err := f.lock(ctx, t.ID)
	if err != nil {
		return err
	}
	if t.Status.final() || !t.CancelAsked {
		return problem.Conflict("Test was not running, or has not been canceled non-forcefully")
	}
	if err := f.Logs.Say(ctx, t.ID, "The test was ended by force. What it had made may still be there."); err != nil {
		return err
	}
	return f.Dispatch.Cancel(ctx, t.ID, proto.Kill)
}

// deleting ends the test runs of modules that are about to go, and forgets their logs.
func (f *Feature) deleting(ctx context.Context, moduleIDs []string) error {
	list, err := db.In[TestRun](ctx, f.DB, `FROM test_runs WHERE module_id IN (?) ORDER BY id`+f.DB.ForUpdate(), moduleIDs)
	if err != nil || len(list) == 0 {
		return err
	}
	var errs []error
	ids := make([]string, len(list))
	for i, t := range list {
		if ids[i] = t.ID; !t.Status.final() {
			errs = append(errs, f.Dispatch.Cancel(ctx, t.ID, proto.Kill))
		}
	}
	return errors.Join(append(errs, f.Logs.Remove(ctx, ids))...)
}
