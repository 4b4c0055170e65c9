package testruns

import (
	"context"
	"encoding/json"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// module returns the private module that a path names.
func (f *Feature) module(ctx context.Context, keys []string) (modules.Module, error) {
	if keys[1] != modules.Private {
		return modules.Module{}, problem.NotFound
	}
	return f.Modules.ByPath(ctx, keys)
}

// find returns the test run that a path names after its module.
func (f *Feature) find(ctx context.Context, keys []string) (TestRun, error) {
	m, err := f.module(ctx, keys)
	if err != nil {
		return TestRun{}, err
	}
	t, err := db.One[TestRun](ctx, f.DB, `FROM test_runs WHERE module_id = ? AND id = ?`, m.ID, keys[5])
	if err != nil {
		return t, err
	}
	return t, f.open(ctx, &t)
}

// lock returns the test run with the given id and keeps others from changing it until the
// transaction ends. Its job is locked after it.
func (f *Feature) lock(ctx context.Context, id string) (TestRun, error) {
	return db.One[TestRun](ctx, f.DB, `SELECT {} FROM test_runs WHERE id = ?`+f.DB.ForUpdate(), id)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]TestRun, error) {
	list, err := db.In[TestRun](ctx, f.DB, `FROM test_runs WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.openAll(ctx, list)
}

// list gives the newest first.
func (f *Feature) list(ctx context.Context, m modules.Module, q api.Query) (api.Page[TestRun], error) {
	where, args := `FROM test_runs WHERE module_id = ?`, []any{m.ID}
	if sources := q.Get("filter[source]"); sources != "" {
		where, args = db.List(where+` AND source IN (?)`, strings.Split(sources, ","), args...)
	}
	page, err := api.Select[TestRun](ctx, f.DB, q, where+` ORDER BY created_at DESC, id DESC`, args...)
	if err != nil {
		return page, err
	}
	return page, f.openAll(ctx, page.Items)
}

func (f *Feature) openAll(ctx context.Context, list []TestRun) error {
	for i := range list {
		if err := f.open(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func aad(id string) string { return "test_runs:variables:" + id }

// open decrypts the variables that a test run was given.
func (f *Feature) open(ctx context.Context, t *TestRun) error {
	text, err := f.Keyring.Open(ctx, t.OrgID, t.Variables, aad(t.ID))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &t.values)
}

func (f *Feature) seal(ctx context.Context, t *TestRun) error {
	text, err := json.Marshal(t.values)
	if err == nil {
		t.Variables, err = f.Keyring.Seal(ctx, t.OrgID, text, aad(t.ID))
	}
	return err
}
