package tags

import (
	"context"
	"encoding/json"
	"regexp"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	// maxBindings is how many bindings a workspace or project may have after a change
	// of its bindings (HCP Terraform: "up to 10 tags").
	maxBindings = 10
	// maxFlat is how many it may have after a change of its flat tags.
	maxFlat = 100
	// maxMembers is how many members the list of a request may have.
	maxMembers = 100
)

// Binding is a tag on a workspace or project.
type Binding struct {
	ID          string  `db:"id"`
	TagID       string  `db:"tag_id"`
	WorkspaceID *string `db:"workspace_id"` // exactly one of the two is set
	ProjectID   *string `db:"project_id"`
	Value       string  `db:"value"` // "" is a flat tag
	CreatedAt   db.Time `db:"created_at"`

	Key   string `db:"key,extra"`
	OrgID string `db:"org_id,extra"`
}

const selectBindings = `SELECT {b}, t.name AS key, t.org_id AS org_id FROM tag_bindings b JOIN tags t ON t.id = b.tag_id`

// Scope implements authz.Scoped.
func (b Binding) Scope() authz.Scope {
	s := authz.Scope{Org: b.OrgID}
	if b.WorkspaceID != nil {
		s.Workspace = *b.WorkspaceID
	}
	if b.ProjectID != nil {
		s.Project = *b.ProjectID
	}
	return s
}

// Taggable is a workspace or a project.
type Taggable struct {
	OrgID     string
	Workspace string // id, "" for a project
	Project   string // id of the project, or of the workspace's project
}

func (t Taggable) condition() (string, any) {
	if t.Workspace != "" {
		return `b.workspace_id = ?`, t.Workspace
	}
	return `b.project_id = ?`, t.Project
}

// Effective is a binding as it holds for a workspace or project.
type Effective struct {
	Binding
	Inherited bool // by a workspace, from its project
}

// bindingTypes registers the wire forms of bindings. They are included only by way
// of what they are bound to, which the caller may read.
func (f *Feature) bindingTypes(r *api.Router) {
	api.Type(r, "tag-bindings", authz.SignedIn, nil, func(_ context.Context, b Binding) jsonapi.Resource {
		return jsonapi.Resource{ID: b.ID, Type: "tag-bindings", Attributes: bindingAttributes{b.Key, b.Value, b.CreatedAt}}
	})
	api.Type(r, "effective-tag-bindings", authz.SignedIn, f.effectiveByIDs, func(_ context.Context, e Effective) jsonapi.Resource {
		res := jsonapi.Resource{ID: e.WireID(), Type: "effective-tag-bindings", Attributes: effectiveAttributes{e.Key, e.Value}}
		if e.Inherited {
			res.Relationships = jsonapi.Relationships{"inherited-from": jsonapi.ToOne("projects", *e.ProjectID)}
			res.Links = map[string]any{"inherited-from": "/api/v2/projects/" + *e.ProjectID}
		}
		return res
	})
}

type bindingAttributes struct {
	Key       string  `json:"key"`
	Value     string  `json:"value"`
	CreatedAt db.Time `json:"created-at"`
}

type effectiveAttributes struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// The id of an effective binding tells whether it is inherited, because a project's
// binding looks different in the project and in its workspaces.
const (
	bindingPrefix   = "tb-"
	ownPrefix       = "etb-"
	inheritedPrefix = "itb-"
)

// WireID is the id of the effective binding on the wire.
func (e Effective) WireID() string {
	switch {
	case len(e.ID) < len(bindingPrefix):
		return ""
	case e.Inherited:
		return inheritedPrefix + e.ID[len(bindingPrefix):]
	default:
		return ownPrefix + e.ID[len(bindingPrefix):]
	}
}

func (f *Feature) effectiveByIDs(ctx context.Context, wireIDs []string) ([]Effective, error) {
	own, inherited := map[string]bool{}, map[string]bool{}
	ids := make([]string, 0, len(wireIDs))
	for _, w := range wireIDs {
		key := bindingPrefix + w[len(ownPrefix):]
		ids = append(ids, key)
		own[key] = own[key] || w[:len(ownPrefix)] == ownPrefix
		inherited[key] = inherited[key] || w[:len(ownPrefix)] == inheritedPrefix
	}
	list, err := db.In[Binding](ctx, f.DB, selectBindings+` WHERE b.id IN (?)`, ids)
	var out []Effective
	for _, b := range list {
		if own[b.ID] {
			out = append(out, Effective{b, false})
		}
		if inherited[b.ID] {
			out = append(out, Effective{b, true})
		}
	}
	return out, err
}

// Of returns the bindings of a workspace or project, oldest first.
func (f *Feature) Of(ctx context.Context, on Taggable) ([]Binding, error) {
	where, arg := on.condition()
	return db.All[Binding](ctx, f.DB, selectBindings+` WHERE `+where+` ORDER BY b.created_at, b.id`, arg)
}

// OfAll returns the bindings of workspaces and projects with one statement, in the
// order of their keys.
func (f *Feature) OfAll(ctx context.Context, workspaceIDs, projectIDs []string) ([]Binding, error) {
	if len(workspaceIDs)+len(projectIDs) == 0 {
		return nil, nil
	}
	query, args := db.List(selectBindings+` WHERE b.workspace_id IN (?)`, workspaceIDs)
	if len(projectIDs) > 0 {
		more, projects := db.List(` OR b.project_id IN (?)`, projectIDs)
		query, args = query+more, append(args, projects...)
	}
	return db.All[Binding](ctx, f.DB, query+` ORDER BY t.name, b.id`, args...)
}

// FlatNames returns the keys of the flat tags that workspaces have themselves, in
// order, by workspace.
func (f *Feature) FlatNames(ctx context.Context, workspaceIDs []string) (map[string][]string, error) {
	type flat struct {
		WorkspaceID string `db:"workspace_id"`
		Key         string `db:"key"`
	}
	list, err := db.In[flat](ctx, f.DB, `SELECT b.workspace_id, t.name AS key FROM tag_bindings b JOIN tags t ON t.id = b.tag_id
		WHERE b.workspace_id IN (?) AND b.value = '' ORDER BY t.name`, workspaceIDs)
	names := map[string][]string{}
	for _, b := range list {
		names[b.WorkspaceID] = append(names[b.WorkspaceID], b.Key)
	}
	return names, err
}

// EffectiveOf returns what holds for a workspace or project, in the order of keys.
func (f *Feature) EffectiveOf(ctx context.Context, on Taggable) ([]Effective, error) {
	var workspaces []string
	if on.Workspace != "" {
		workspaces = []string{on.Workspace}
	}
	list, err := f.OfAll(ctx, workspaces, []string{on.Project})
	return Combine(list, on), err
}

// Combine picks from bindings what holds for a workspace or project.
func Combine(bindings []Binding, on Taggable) []Effective {
	var out []Effective
	bound := map[string]bool{}
	for _, b := range bindings {
		if b.WorkspaceID != nil && *b.WorkspaceID == on.Workspace {
			bound[b.Key] = true
		}
	}
	for _, b := range bindings {
		switch {
		case b.WorkspaceID != nil && *b.WorkspaceID == on.Workspace:
			out = append(out, Effective{b, false})
		case b.ProjectID != nil && *b.ProjectID == on.Project && !bound[b.Key]:
			out = append(out, Effective{b, on.Workspace != ""})
		}
	}
	return out
}

// Wanted is a binding that a client asks for.
type Wanted struct{ Key, Value string }

// ParseBindings reads the members of a request that carries tag-bindings.
func ParseBindings(members []jsonapi.Member) ([]Wanted, error) {
	out, index := []Wanted{}, map[string]int{}
	for _, m := range members {
		if m.Type != "" && m.Type != "tag-bindings" {
			return nil, problem.Unprocessable("The list must hold tag-bindings, not %s.", m.Type)
		}
		var a struct {
			Key   string  `json:"key"`
			Value *string `json:"value"`
		}
		if len(m.Attributes) == 0 || json.Unmarshal(m.Attributes, &a) != nil {
			return nil, problem.Unprocessable("A tag binding needs a key, and its value is a string.")
		}
		w := Wanted{Key: a.Key}
		if a.Value != nil {
			w.Value = *a.Value
		}
		if err := w.check(); err != nil {
			return nil, err
		}
		if i, ok := index[w.Key]; ok {
			out[i] = w
			continue
		}
		index[w.Key] = len(out)
		out = append(out, w)
	}
	return out, nil
}

// What HCP Terraform takes as keys and values of tags.
var (
	keyForm   = regexp.MustCompile(`^[\p{L}\p{N}_.:/=+@-][\p{L}\p{N} _.:/=+@-]*$`)
	valueForm = regexp.MustCompile(`^[\p{L}\p{N} _.:/=+@*,;()-]*$`)
)

func (w Wanted) check() error {
	switch {
	case w.Key == "":
		return problem.Invalid("key", "Key can't be blank")
	case len(w.Key) > 255:
		return problem.Invalid("key", "Key is too long (maximum is 255 characters)")
	case !keyForm.MatchString(w.Key):
		return problem.Invalid("key", "Key %q may only contain letters, numbers, spaces and the characters _ . : / = + - @", w.Key)
	case len(w.Value) > 256:
		return problem.Invalid("value", "Value is too long (maximum is 256 characters)")
	case !valueForm.MatchString(w.Value):
		return problem.Invalid("value", "Value of %q has characters that a tag cannot have", w.Key)
	}
	return nil
}

// Replace makes the bindings of a workspace or project exactly those wanted.
func (f *Feature) Replace(ctx context.Context, on Taggable, want []Wanted) error {
	keep := make([]string, len(want))
	for i, w := range want {
		keep[i] = w.Key
	}
	where, arg := on.condition()
	query := `DELETE FROM tag_bindings AS b WHERE ` + where
	args := []any{arg}
	if len(keep) > 0 {
		query, args = db.List(query+` AND tag_id NOT IN (SELECT id FROM tags WHERE org_id = ? AND name IN (?))`, keep, arg, on.OrgID)
	}
	f.changed(ctx, on.OrgID)
	if _, err := f.DB.Exec(ctx, query, args...); err != nil {
		return err
	}
	return f.Add(ctx, on, want)
}

// Add binds the tags, with their values, and leaves other bindings alone.
func (f *Feature) Add(ctx context.Context, on Taggable, want []Wanted) error {
	return f.add(ctx, on, want, maxBindings)
}

func (f *Feature) add(ctx context.Context, on Taggable, want []Wanted, limit int) error {
	if len(want) == 0 {
		return nil
	}
	if len(want) > limit {
		return tooMany(limit)
	}
	if err := f.respectReserved(ctx, on, want); err != nil {
		return err
	}
	f.changed(ctx, on.OrgID)
	ids, err := f.ensure(ctx, on.OrgID, want)
	if err != nil {
		return err
	}
	rows := make([]Binding, len(want))
	now := db.Now()
	for i, w := range want {
		rows[i] = Binding{ID: id.New("tb"), TagID: ids[w.Key], Value: w.Value, CreatedAt: db.At(now.Add(time.Duration(i) * time.Microsecond))}
		if on.Workspace != "" {
			rows[i].WorkspaceID = &on.Workspace
		} else {
			rows[i].ProjectID = &on.Project
		}
	}
	conflict := `(project_id, tag_id)`
	if on.Workspace != "" {
		conflict = `(workspace_id, tag_id)`
	}
	if err := db.InsertAll(ctx, f.DB, "tag_bindings", rows, `ON CONFLICT `+conflict+` DO UPDATE SET value = excluded.value`); err != nil {
		return err
	}
	where, arg := on.condition()
	n, err := db.One[int](ctx, f.DB, `SELECT count(b.id) FROM tag_bindings b WHERE `+where, arg)
	if err == nil && n > limit {
		err = tooMany(limit)
	}
	return err
}

func tooMany(limit int) error {
	return problem.Unprocessable("Tag bindings cannot exceed %d bindings per resource", limit)
}

// ensure makes the wanted keys tags of the organization and returns their ids.
func (f *Feature) ensure(ctx context.Context, orgID string, want []Wanted) (map[string]string, error) {
	rows, names := make([]Tag, len(want)), make([]string, len(want))
	for i, w := range want {
		rows[i], names[i] = Tag{ID: id.New("tag"), OrgID: orgID, Name: w.Key, CreatedAt: db.Now()}, w.Key
	}
	if err := db.InsertAll(ctx, f.DB, "tags", rows, `ON CONFLICT (org_id, name) DO NOTHING`); err != nil {
		return nil, err
	}
	list, err := db.In[Tag](ctx, f.DB, `FROM tags WHERE org_id = ? AND name IN (?)`, names, orgID)
	ids := map[string]string{}
	for _, t := range list {
		ids[t.Name] = t.ID
	}
	return ids, err
}
