package modules

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const selectModules = `SELECT {m}, o.name AS org_name FROM registry_modules m JOIN organizations o ON o.id = m.org_id WHERE `

// Find returns the module with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Module, error) {
	m, err := db.One[Module](ctx, f.DB, selectModules+`m.id = ?`, id)
	if err != nil {
		return m, err
	}
	return f.complete(ctx, m)
}

// complete adds to a module its versions, and whether it is shared with the caller.
func (f *Feature) complete(ctx context.Context, m Module) (_ Module, err error) {
	if m.RegistryName == Private {
		m.shared, err = f.Shared(ctx, m.OrgID)
	}
	if err != nil {
		return m, err
	}
	list := []Module{m}
	err = f.addVersions(ctx, list)
	return list[0], err
}

// find returns the module that a path names by organization, registry, namespace, name
// and provider.
func (f *Feature) find(ctx context.Context, keys []string) (Module, error) {
	m, err := f.ByPath(ctx, keys)
	if err != nil {
		return m, err
	}
	return f.complete(ctx, m)
}

// ByPath returns the module that a path names by organization, registry, namespace, name
// and provider, without its versions.
func (f *Feature) ByPath(ctx context.Context, keys []string) (Module, error) {
	space, ok := spaceOf(keys)
	if !ok {
		return Module{}, problem.NotFound
	}
	m, err := db.One[Module](ctx, f.DB, selectModules+`o.name_lower = ? AND m.registry_name = ? AND m.namespace_lower = ? AND m.name_lower = ? AND m.provider = ?`,
		strings.ToLower(keys[0]), keys[1], space, strings.ToLower(keys[3]), keys[4])
	if err != nil {
		return m, err
	}
	return m, f.curated(ctx, m)
}

// curated refuses a public module where there shall be none. Who may not see the module
// does not get to know even that.
func (f *Feature) curated(ctx context.Context, m Module) error {
	if f.NoPublic && m.RegistryName == Public && authz.Can(ctx, authz.ReadRegistry, m.Scope()) {
		return problem.Denied("Public module curation is disabled on this server (--public-curation)")
	}
	return nil
}

// spaceOf returns the namespace_lower of the modules that a path names by organization,
// registry and namespace, and whether there can be any.
func spaceOf(keys []string) (string, bool) {
	switch keys[1] {
	case Private:
		return "", strings.EqualFold(keys[0], keys[2])
	case Public:
		return strings.ToLower(keys[2]), true
	}
	return "", false
}

// named are the modules of one name, for all providers.
type named struct{ modules []Module }

// Scope implements authz.Scoped.
func (n named) Scope() authz.Scope {
	if len(n.modules) == 0 {
		return authz.Scope{}
	}
	return n.modules[0].Scope()
}

// findNamed returns the modules that a path names by organization, registry, namespace
// and name.
func (f *Feature) findNamed(ctx context.Context, keys []string) (named, error) {
	space, ok := spaceOf(keys)
	if !ok {
		return named{}, problem.NotFound
	}
	list, err := some(db.All[Module](ctx, f.DB, selectModules+`o.name_lower = ? AND m.registry_name = ? AND m.namespace_lower = ? AND m.name_lower = ?`,
		strings.ToLower(keys[0]), keys[1], space, strings.ToLower(keys[3])))
	if err != nil {
		return list, err
	}
	return list, f.curated(ctx, list.modules[0])
}

func some(list []Module, err error) (named, error) {
	if err == nil && len(list) == 0 {
		err = problem.NotFound
	}
	return named{list}, err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Module, error) {
	list, err := db.In[Module](ctx, f.DB, selectModules+`m.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.addVersions(ctx, list)
}

func (f *Feature) noCodeByIDs(ctx context.Context, ids []string) ([]noCode, error) {
	list, err := db.In[Module](ctx, f.DB, selectModules+`m.no_code_id IN (?)`, ids)
	out := make([]noCode, len(list))
	for i, m := range list {
		out[i] = noCode{m}
	}
	return out, err
}

// brief is what a module shows of a version.
type brief struct {
	ModuleID string        `db:"module_id"`
	Version  string        `db:"version"`
	Status   VersionStatus `db:"status"`
	Error    string        `db:"error"`
	SortKey  string        `db:"sort_key"`
	Revoked  bool          `db:"revoked"`

	Deprecated bool `db:"deprecated"` // or revoked
}

const selectBriefs = `SELECT module_id, version, status, error, sort_key, revoked_at IS NOT NULL AS revoked, deprecation_id IS NOT NULL AS deprecated FROM registry_module_versions WHERE `

// addVersions adds their versions to modules, with one statement.
func (f *Feature) addVersions(ctx context.Context, list []Module) error {
	ids, at := make([]string, len(list)), map[string]*Module{}
	for i := range list {
		ids[i], at[list[i].ID] = list[i].ID, &list[i]
	}
	rows, err := db.In[brief](ctx, f.DB, selectBriefs+`module_id IN (?)`, ids)
	slices.SortFunc(rows, func(a, b brief) int { return compare(b.SortKey, b.Version, a.SortKey, a.Version) })
	for _, v := range rows {
		m := at[v.ModuleID]
		m.versions = append(m.versions, v)
	}
	return err
}

// list gives the modules of an organization and those that are shared with it, in the
// order of their names. Words of q must all occur, each in the name, the namespace or the
// provider.
func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Module], error) {
	producers, err := f.Orgs.ModuleProducers(ctx, []string{o.ID})
	if err != nil {
		return api.Page[Module]{}, err
	}
	where, args := `m.org_id = ?`, []any{o.ID}
	if len(producers) > 0 {
		where, args = db.List(`(m.org_id = ? OR (m.registry_name = 'private' AND m.org_id IN (?)))`, producers, o.ID)
	}
	add := func(cond string, more ...any) { where, args = where+" AND "+cond, append(args, more...) }
	switch name := q.Get("filter[registry_name]"); name {
	case "":
	case Private, Public:
		add(`m.registry_name = ?`, name)
	default:
		return api.Page[Module]{}, problem.BadRequest("filter[registry_name] must be public or private, not %q", name)
	}
	if provider := q.Get("filter[provider]"); provider != "" {
		add(`m.provider = ?`, strings.ToLower(provider))
	}
	if org := q.Get("filter[organization_name]"); org != "" {
		add(`o.name_lower = ?`, strings.ToLower(org))
	}
	cond, more, err := searching(q.Get("q"))
	if err != nil {
		return api.Page[Module]{}, err
	}
	where, args = where+cond, append(args, more...)
	page, err := api.Select[Module](ctx, f.DB, q, selectModules+where+` ORDER BY m.name_lower, m.provider, m.namespace_lower, m.id`, args...)
	if err != nil {
		return page, err
	}
	return page, f.addVersions(ctx, page.Items)
}

// maxWords is how many words a search may have.
const maxWords = 10

// searching is the condition of a search on modules m of organizations o.
func searching(words string) (cond string, args []any, err error) {
	list := strings.FieldsFunc(strings.ToLower(words), func(c rune) bool { return c == ' ' || c == '/' })
	if len(list) > maxWords {
		return "", nil, problem.BadRequest("A search has at most %d words", maxWords)
	}
	for _, word := range list {
		like := "%" + api.EscapeLike(word) + "%"
		cond += ` AND (m.search LIKE ? ESCAPE '\' OR (m.registry_name = 'private' AND o.name_lower LIKE ? ESCAPE '\'))`
		args = append(args, like, like)
	}
	return cond, args, nil
}
