package variables

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Limits as in HCP Terraform ("Managing variables", character limits), but for the
// last, which keeps lists of variables readable: they have no pages.
const (
	maxKey         = 128       // characters
	maxDescription = 512       // characters
	maxValue       = 256 << 10 // bytes
	maxVariables   = 1000      // of a workspace or set
)

// How many variables one request may update, and in how many bytes.
const (
	maxMany   = 100
	manyLimit = 4 << 20
)

// Request are the attributes that clients send.
type Request struct {
	Key         jsonapi.Opt[string]       `json:"key"`
	Value       jsonapi.Opt[crypt.Secret] `json:"value"`
	Description jsonapi.Opt[string]       `json:"description"`
	Category    jsonapi.Opt[string]       `json:"category"`
	HCL         jsonapi.Opt[bool]         `json:"hcl"`
	Sensitive   jsonapi.Opt[bool]         `json:"sensitive"`
}

// Add stores a new variable with the attributes of a request. owned says who owns it.
func (f *Feature) Add(ctx context.Context, owned Variable, a Request) (Variable, error) {
	vars, err := f.make(ctx, owned, a)
	if err != nil {
		return owned, err
	}
	return vars[0], taken(f.DB.Insert(ctx, "variables", vars[0]))
}

// AddAll stores new variables, all or none, with one statement.
func (f *Feature) AddAll(ctx context.Context, owned Variable, requests []Request) error {
	if len(requests) == 0 {
		return nil
	}
	vars, err := f.make(ctx, owned, requests...)
	if err != nil {
		return err
	}
	return taken(db.InsertAll(ctx, f.DB, "variables", vars, ""))
}

// make returns new variables with their values sealed, if there is room for them.
func (f *Feature) make(ctx context.Context, owned Variable, requests ...Request) ([]Variable, error) {
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM variables WHERE workspace_id = ? OR varset_id = ?`, owned.WorkspaceID, owned.VarsetID)
	if err != nil {
		return nil, err
	}
	if n+len(requests) > maxVariables {
		return nil, problem.Unprocessable("No more than %d variables fit here", maxVariables)
	}
	out := make([]Variable, len(requests))
	for i, a := range requests {
		v := owned
		v.ID, v.CreatedAt = id.New("var"), db.Now()
		if err := v.set(a); err != nil {
			return nil, err
		}
		if err := f.seal(ctx, &v, a.Value.V); err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// Update changes the attributes that a request names. Every update makes a new
// version, even one without a change.
func (f *Feature) Update(ctx context.Context, old Variable, in jsonapi.In[Request]) (Variable, error) {
	found, err := f.locked(ctx, ` WHERE v.id = ?`, old.ID)
	if err != nil {
		return old, err
	}
	if len(found) == 0 {
		return old, problem.NotFound
	}
	v := found[0]
	v.plain = old.plain
	if err := f.change(ctx, &v, in.Data.Attributes); err != nil {
		return v, err
	}
	return v, taken(f.DB.Update(ctx, "variables", v, "key", "value", "description", "category", "hcl", "sensitive", "version_id"))
}

// locked reads variables and keeps others from changing them, so that nobody undoes
// a "sensitive" that was set meanwhile.
func (f *Feature) locked(ctx context.Context, where string, args ...any) ([]Variable, error) {
	if f.DB.Postgres() {
		where += ` FOR UPDATE OF v`
	}
	return db.All[Variable](ctx, f.DB, selectVariables+where, args...)
}

func (f *Feature) change(ctx context.Context, v *Variable, a Request) error {
	if err := v.set(a); err != nil {
		return err
	}
	if !a.Value.Set || a.Value.Null { // clients send back the null of a sensitive value
		return nil
	}
	return f.seal(ctx, v, a.Value.V)
}

// Change takes over what a request names, and seals its value, for a variable that is kept
// elsewhere; a new one has an id, an organization and no value yet.
func (f *Feature) Change(ctx context.Context, v *Variable, a Request) error {
	if v.Value != nil {
		return f.change(ctx, v, a)
	}
	if err := v.set(a); err != nil {
		return err
	}
	return f.seal(ctx, v, a.Value.V)
}

// Open decrypts the values that clients may see, of variables that are kept elsewhere.
func (f *Feature) Open(ctx context.Context, vars []Variable) error { return f.open(ctx, vars) }

// Reveal decrypts a value, sensitive or not, for who executes.
func (f *Feature) Reveal(ctx context.Context, v Variable) (crypt.Secret, error) {
	value, err := f.Keyring.Open(ctx, v.OrgID, v.Value, aad(v.ID))
	return crypt.Secret(value), err
}

// updateMany updates variables of one workspace; it is all or nothing.
func (f *Feature) updateMany(ctx context.Context, ws workspaces.Workspace, members []jsonapi.Member) error {
	ids, other := jsonapi.IDs(members, "vars")
	switch {
	case len(members) > maxMany:
		return problem.BadRequest("No more than %d variables can be updated at once", maxMany)
	case other != nil:
		return problem.BadRequest("The members must be of type \"vars\", not %q", other.Type)
	}
	where, args := db.List(` WHERE v.workspace_id = ? AND v.id IN (?) ORDER BY v.id`, ids, ws.ID)
	found, err := f.locked(ctx, where, args...)
	if err != nil {
		return err
	}
	for _, m := range members {
		i := slices.IndexFunc(found, func(v Variable) bool { return v.ID == m.ID })
		if i < 0 {
			return problem.NotFound
		}
		var a Request
		if len(m.Attributes) > 0 && json.Unmarshal(m.Attributes, &a) != nil {
			return problem.BadRequest("The attributes of %s are malformed", m.ID)
		}
		if err := f.change(ctx, &found[i], a); err != nil {
			return err
		}
	}
	changes.Tell(ctx, f.Bus, ws.Scope(), "vars", "")
	return taken(db.InsertAll(ctx, f.DB, "variables", found, `ON CONFLICT (id) DO UPDATE SET key = excluded.key, value = excluded.value, description = excluded.description,
		category = excluded.category, hcl = excluded.hcl, sensitive = excluded.sensitive, version_id = excluded.version_id`))
}

// Delete removes a variable.
func (f *Feature) Delete(ctx context.Context, v Variable) error {
	return f.DB.Delete(ctx, "variables", v.ID)
}

// set takes over what the request names, the value aside, and makes a new version.
func (v *Variable) set(a Request) error {
	old := *v
	a.Key.Into(&v.Key)
	a.Description.Into(&v.Description)
	a.Category.Into(&v.Category)
	a.HCL.Into(&v.HCL)
	a.Sensitive.Into(&v.Sensitive)
	v.VersionID = strings.ToLower(id.Random(32))
	return problem.All(v.checkKey(), v.checkCategory(), v.checkDescription(), checkValue(a.Value.V), old.staySecret(*v))
}

// staySecret refuses what would tell a sensitive value, or give it to another
// variable of the configuration.
func (v Variable) staySecret(changed Variable) *problem.Problem {
	switch {
	case !v.Sensitive:
		return nil
	case !changed.Sensitive:
		return problem.Invalid("sensitive", "Sensitive can't be changed once it is true. Delete the variable and create it anew.")
	case v.Key != changed.Key:
		return problem.Invalid("key", "Key can't be changed for a sensitive variable. Delete the variable and create it anew.")
	}
	return nil
}

// terraformKey is wider than an identifier of the language, which starts with no
// digit: HCP Terraform takes such keys, and go-tfe's tests use them.
var terraformKey = regexp.MustCompile(`^[\pL\pN_-]+$`)

func (v *Variable) checkKey() *problem.Problem {
	switch {
	case v.Key == "":
		return problem.Invalid("key", "Key can't be blank")
	case utf8.RuneCountInString(v.Key) > maxKey:
		return problem.Invalid("key", "Key is too long (maximum is %d characters)", maxKey)
	case v.Category == "env" && strings.ContainsFunc(v.Key, func(r rune) bool { return r == '=' || unicode.IsSpace(r) || unicode.IsControl(r) }):
		return problem.Invalid("key", "Key of an environment variable can't contain spaces or \"=\"")
	case v.Category == "terraform" && !terraformKey.MatchString(v.Key):
		return problem.Invalid("key", "Key can only contain letters, numbers, underscores and hyphens")
	}
	return nil
}

func (v *Variable) checkCategory() *problem.Problem {
	if v.Category != "terraform" && v.Category != "env" {
		return problem.Invalid("category", "Category is not included in the list: it is \"terraform\" or \"env\"")
	}
	return nil
}

func (v *Variable) checkDescription() *problem.Problem {
	if utf8.RuneCountInString(v.Description) > maxDescription {
		return problem.Invalid("description", "Description is too long (maximum is %d characters)", maxDescription)
	}
	if strings.ContainsRune(v.Description, 0) {
		return problem.Invalid("description", "Description can't contain a NUL character")
	}
	return nil
}

func checkValue(value crypt.Secret) *problem.Problem {
	if len(value.Reveal()) > maxValue {
		return problem.Invalid("value", "Value is too large (maximum is %d kilobytes)", maxValue>>10)
	}
	return nil
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("key", "Key has already been taken")
	}
	return err
}

func aad(id string) string { return "variables:value:" + id }

func (f *Feature) seal(ctx context.Context, v *Variable, value crypt.Secret) (err error) {
	v.plain = value.Reveal()
	v.Value, err = f.Keyring.Seal(ctx, v.OrgID, []byte(v.plain), aad(v.ID))
	return err
}

// open decrypts the values that clients may see.
func (f *Feature) open(ctx context.Context, vars []Variable) error {
	for i := range vars {
		if vars[i].Sensitive {
			continue
		}
		value, err := f.Keyring.Open(ctx, vars[i].OrgID, vars[i].Value, aad(vars[i].ID))
		if err != nil {
			return err
		}
		vars[i].plain = string(value)
	}
	return nil
}
