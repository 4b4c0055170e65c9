package testruns

import (
	"context"
	"regexp"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/workspace/variables"
)

// Variable is a variable of the environment of a module's tests.
type Variable struct {
	variables.Variable
	ModuleID string
}

func viewVariable(ctx context.Context, v Variable) jsonapi.Resource {
	res := variables.View(ctx, v.Variable)
	res.Relationships, res.Links = nil, jsonapi.Self("/api/v2/vars/"+v.ID)
	return res
}

// maxVariables is how many variables a module may have.
const maxVariables = 1000

const selectVariables = `SELECT id, org_id, key, category, description, hcl, sensitive, value, version_id, created_at FROM test_variables WHERE module_id = ?`

// variablesOf returns the variables of a module's tests, sealed.
func (f *Feature) variablesOf(ctx context.Context, moduleID string) ([]Variable, error) {
	return of(moduleID)(db.All[variables.Variable](ctx, f.DB, selectVariables+` ORDER BY key, id`, moduleID))
}

func of(moduleID string) func([]variables.Variable, error) ([]Variable, error) {
	return func(list []variables.Variable, err error) ([]Variable, error) {
		out := make([]Variable, len(list))
		for i, v := range list {
			out[i] = Variable{v, moduleID}
		}
		return out, err
	}
}

func (f *Feature) listVariables(ctx context.Context, m modules.Module, q api.Query) (api.Page[Variable], error) {
	page, err := api.Select[variables.Variable](ctx, f.DB, q, selectVariables+` ORDER BY key, id`, m.ID)
	if err == nil {
		err = f.Variables.Open(ctx, page.Items)
	}
	items, err := of(m.ID)(page.Items, err)
	return api.Page[Variable]{Items: items, Total: page.Total}, err
}

// findVariable returns the variable that a path names after its module.
func (f *Feature) findVariable(ctx context.Context, keys []string) (Variable, error) {
	m, err := f.module(ctx, keys)
	if err != nil {
		return Variable{}, err
	}
	return f.opened(ctx, m.ID, keys[5], "")
}

// opened returns a variable of a module, decrypted; how ends the query.
func (f *Feature) opened(ctx context.Context, moduleID, id, how string) (Variable, error) {
	v, err := db.One[variables.Variable](ctx, f.DB, selectVariables+` AND id = ?`+how, moduleID, id)
	if err != nil {
		return Variable{}, err
	}
	list := []variables.Variable{v}
	err = f.Variables.Open(ctx, list)
	return Variable{list[0], moduleID}, err
}

func (f *Feature) addVariable(ctx context.Context, m modules.Module, in jsonapi.In[variables.Request]) (Variable, error) {
	v := Variable{variables.Variable{ID: id.New("var"), OrgID: m.OrgID, CreatedAt: db.Now()}, m.ID}
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM test_variables WHERE module_id = ?`, m.ID)
	if err != nil {
		return v, err
	}
	if n >= maxVariables {
		return v, problem.Unprocessable("No more than %d variables fit here", maxVariables)
	}
	if err := f.change(ctx, &v, in.Data.Attributes); err != nil {
		return v, err
	}
	_, err = f.DB.Exec(ctx, `INSERT INTO test_variables (id, org_id, module_id, key, category, description, hcl, sensitive, value, version_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.ID, v.OrgID, v.ModuleID, v.Key, v.Category, v.Description, v.HCL, v.Sensitive, v.Value, v.VersionID, v.CreatedAt)
	return v, explain(err)
}

func (f *Feature) changeVariable(ctx context.Context, v Variable, in jsonapi.In[variables.Request]) (Variable, error) {
	v, err := f.opened(ctx, v.ModuleID, v.ID, f.DB.ForUpdate()) // as others left it
	if err != nil {
		return v, err
	}
	if err := f.change(ctx, &v, in.Data.Attributes); err != nil {
		return v, err
	}
	return v, explain(f.DB.Update(ctx, "test_variables", v.Variable, "key", "description", "hcl", "sensitive", "value", "version_id"))
}

// nameForm is the form of keys (page, "Create an Environment Variable for Module Tests").
var nameForm = regexp.MustCompile(`^[A-Za-z_][0-9A-Za-z_]*$`)

func (f *Feature) change(ctx context.Context, v *Variable, a variables.Request) error {
	if err := f.Variables.Change(ctx, &v.Variable, a); err != nil {
		return err
	}
	switch {
	case v.Category != "env":
		return problem.Invalid("category", "Category must be \"env\": tests have no others")
	case !nameForm.MatchString(v.Key):
		return problem.Invalid("key", "Key must begin with a letter or underscore and can only contain letters, numbers, and underscores")
	}
	return nil
}

func (f *Feature) deleteVariable(ctx context.Context, v Variable) error {
	return f.DB.Delete(ctx, "test_variables", v.ID)
}

// explain says what a violated constraint means.
func explain(err error) error {
	switch {
	case db.IsUnique(err):
		return problem.Invalid("key", "Key has already been taken")
	case db.IsForeign(err):
		return problem.NotFound // the module has just been deleted
	}
	return err
}
