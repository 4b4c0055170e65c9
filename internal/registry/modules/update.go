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
	if err := f.lock(ctx, m.ID); err != nil {
		return m, err
	}
	m, err := f.Find(ctx, m.ID) // as others left it
	if err != nil {
		return m, err
	}
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
		if err := f.tags().Set(ctx, m.ID, bindings); err != nil {
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

// tags are the tag bindings of modules.
func (f *Feature) tags() tags.Own {
	return tags.Own{DB: f.DB, Table: "registry_module_tags", Owner: "module_id", Noun: "module"}
}

func (f *Feature) tagsOf(ctx context.Context, m Module, q api.Query) (api.Page[tags.Binding], error) {
	return f.tags().List(ctx, m.ID, m.OrgID, q)
}
