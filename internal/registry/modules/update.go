package modules

import (
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// updateRequest are the attributes that can be changed of a module.
type updateRequest struct {
	NoCode     jsonapi.Opt[bool]        `json:"no-code"`
	Repo       jsonapi.Opt[repoRequest] `json:"vcs-repo"`
	TestConfig jsonapi.Opt[testRequest] `json:"test-config"`
}

func (f *Feature) update(ctx context.Context, m Module, in jsonapi.In[updateRequest]) (Module, error) {
	a := in.Data.Attributes
	if err := f.setRepo(ctx, &m, a.Repo); err != nil {
		return m, err
	}
	if err := f.setTests(ctx, &m, a.TestConfig); err != nil {
		return m, err
	}
	switch on := a.NoCode.Or(m.NoCodeID != nil); {
	case !on:
		m.NoCodeID = nil
	case m.NoCodeID == nil:
		m.NoCodeID = new(id.New("nocode"))
	}
	if bindings, named := in.Data.Many("tag-bindings"); named {
		if err := f.setTags(ctx, m, bindings); err != nil {
			return m, err
		}
	}
	m.UpdatedAt = db.Now()
	return m, taken(f.DB.Update(ctx, "registry_modules", m, "publishing", "vcs_repo", "no_code_id", "test_config_id", "tests_enabled", "test_execution_mode",
		"test_agent_pool_id", "updated_at"))
}

// Where the tests of a module run.
const (
	remote = "remote"
	agent  = "agent"
)

// testRequest is the test-config of a request.
type testRequest struct {
	Enabled jsonapi.Opt[bool]   `json:"tests-enabled"`
	Mode    jsonapi.Opt[string] `json:"agent-execution-mode"`
	PoolID  jsonapi.Opt[string] `json:"agent-pool-id"`
}

// testConfig is how a module's tests run, as clients see it.
type testConfig struct {
	ID      string  `json:"id"`
	Enabled bool    `json:"tests-enabled"`
	Mode    string  `json:"agent-execution-mode"`
	PoolID  *string `json:"agent-pool-id"`
}

func (m Module) testConfig() *testConfig {
	if m.TestConfigID == nil {
		return nil
	}
	return &testConfig{*m.TestConfigID, m.TestsEnabled, m.TestMode, m.TestPoolID}
}

// setTests changes how the tests of a module run. What the request leaves out stays, but
// mode remote lets go of the agent pool.
func (f *Feature) setTests(ctx context.Context, m *Module, in jsonapi.Opt[testRequest]) error {
	if !in.Set || in.Null {
		return nil
	}
	if m.RegistryName == Public {
		return problem.Invalid("test-config", "Tests are for private modules")
	}
	if m.TestConfigID == nil {
		m.TestConfigID = new(id.New("tc"))
	}
	before := m.TestPoolID
	m.TestsEnabled, m.TestMode = in.V.Enabled.Or(m.TestsEnabled), in.V.Mode.Or(m.TestMode)
	if m.TestMode == remote {
		m.TestPoolID = nil
	}
	in.V.PoolID.IntoPtr(&m.TestPoolID)
	switch {
	case m.TestMode != remote && m.TestMode != agent:
		return problem.Invalid("test-config/agent-execution-mode", "Agent execution mode must be either remote or agent")
	case m.TestMode == remote && m.TestPoolID != nil:
		return problem.Invalid("test-config/agent-pool-id", "Agent pool must not be set when the execution mode is remote")
	case m.TestMode == agent && m.TestPoolID == nil:
		return problem.Invalid("test-config/agent-pool-id", "Agent pool is required when the execution mode is agent")
	case m.TestPoolID == nil || (before != nil && *before == *m.TestPoolID):
		return nil
	}
	usable, err := f.AgentPool(ctx, *m.TestPoolID, m.Scope())
	if errors.Is(err, problem.NotFound) || (err == nil && !usable) {
		return problem.Invalid("test-config/agent-pool-id", "Agent pool does not exist, or not every module may use it")
	}
	return err
}

// maxTags is how many tag bindings a module may have.
const maxTags = 10

// tag is a row of registry_module_tags.
type tag struct {
	ID        string  `db:"id"`
	ModuleID  string  `db:"module_id"`
	Key       string  `db:"key"`
	Value     string  `db:"value"`
	CreatedAt db.Time `db:"created_at"`
}

// setTags makes the tag bindings of a module exactly those of the request.
func (f *Feature) setTags(ctx context.Context, m Module, members []jsonapi.Member) error {
	want, err := tags.ParseBindings(members)
	if err != nil {
		return err
	}
	if len(want) > maxTags {
		return problem.InvalidRelation("tag-bindings", "A module has at most %d tag bindings", maxTags)
	}
	rows := make([]tag, len(want))
	for i, w := range want {
		rows[i] = tag{id.New("tb"), m.ID, w.Key, w.Value, db.Now()}
	}
	if _, err := f.DB.Exec(ctx, `DELETE FROM registry_module_tags WHERE module_id = ?`, m.ID); err != nil {
		return err
	}
	return db.InsertAll(ctx, f.DB, "registry_module_tags", rows, "")
}

// tagsOf lists the tag bindings of a module in the order of their keys.
func (f *Feature) tagsOf(ctx context.Context, m Module, q api.Query) (api.Page[tags.Binding], error) {
	rows, err := api.Select[tag](ctx, f.DB, q, `FROM registry_module_tags WHERE module_id = ? ORDER BY key`, m.ID)
	page := api.Page[tags.Binding]{Total: rows.Total}
	for _, t := range rows.Items {
		page.Items = append(page.Items, tags.Binding{ID: t.ID, Key: t.Key, Value: t.Value, CreatedAt: t.CreatedAt, OrgID: m.OrgID})
	}
	return page, err
}
