package tags

import (
	"context"
	"encoding/json"
	"regexp"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// flatForm is what a flat tag may be called.
var flatForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_:-]*$`)

// AddFlat binds tags without a value, each given by its id or its name. A key that
// is bound already keeps its value.
func (f *Feature) AddFlat(ctx context.Context, on Taggable, members []jsonapi.Member) error {
	names, err := f.flatNames(ctx, on.OrgID, members, true)
	if err != nil || len(names) == 0 {
		return err
	}
	bound, err := f.Of(ctx, on)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, b := range bound {
		have[b.Key] = true
	}
	var want []Wanted
	for _, name := range names {
		if !have[name] {
			have[name] = true
			want = append(want, Wanted{Key: name})
		}
	}
	return f.add(ctx, on, want, maxFlat)
}

// RemoveFlat takes tags away from a workspace, each given by its id or its name.
// What is not there is no error.
func (f *Feature) RemoveFlat(ctx context.Context, on Taggable, members []jsonapi.Member) error {
	names, err := f.flatNames(ctx, on.OrgID, members, false)
	if err != nil || len(names) == 0 {
		return err
	}
	where, arg := on.condition()
	query, args := db.List(`DELETE FROM tag_bindings AS b WHERE `+where+` AND value = '' AND tag_id IN (SELECT id FROM tags WHERE org_id = ? AND name IN (?))`, names, arg, on.OrgID)
	f.changed(ctx, on.OrgID)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// flatNames returns the names of the members of a request. An id that is no tag of
// the organization is an error if mustExist.
func (f *Feature) flatNames(ctx context.Context, orgID string, members []jsonapi.Member, mustExist bool) ([]string, error) {
	if len(members) > maxMembers {
		return nil, problem.Unprocessable("The list must hold at most %d tags.", maxMembers)
	}
	var names, ids []string
	for _, m := range members {
		if m.Type != "" && m.Type != "tags" {
			return nil, problem.Unprocessable("The list must hold tags, not %s.", m.Type)
		}
		var a struct {
			Name string `json:"name"`
		}
		if len(m.Attributes) > 0 && json.Unmarshal(m.Attributes, &a) != nil {
			return nil, problem.Unprocessable("The name of a tag is a string.")
		}
		switch {
		case m.ID != "":
			ids = append(ids, m.ID)
		case a.Name == "":
			return nil, problem.Unprocessable("A tag needs an id or a name.")
		case len(a.Name) > 255 || (mustExist && !flatForm.MatchString(a.Name)):
			return nil, problem.Invalid("name", "Tag name %q may only contain letters, numbers, colons, hyphens and underscores, starts with a letter or number, and has at most 255 characters", a.Name)
		default:
			names = append(names, a.Name)
		}
	}
	found, err := db.In[Tag](ctx, f.DB, `FROM tags WHERE org_id = ? AND id IN (?)`, ids, orgID)
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		names = append(names, t.Name)
	}
	if mustExist && len(found) < len(distinct(ids)) {
		return nil, problem.NotFound
	}
	return names, nil
}

func distinct(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

// Bind puts a tag without a value on workspaces of its organization. Where its key
// is bound already, it keeps its value.
func (f *Feature) Bind(ctx context.Context, t Tag, workspaceIDs []string) error {
	rows := make([]Binding, len(workspaceIDs))
	for i := range workspaceIDs {
		rows[i] = Binding{ID: id.New("tb"), TagID: t.ID, WorkspaceID: &workspaceIDs[i], CreatedAt: db.Now()}
	}
	return db.InsertAll(ctx, f.DB, "tag_bindings", rows, `ON CONFLICT (workspace_id, tag_id) DO NOTHING`)
}
