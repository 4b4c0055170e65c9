package workspaces

import (
	"context"
	"slices"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Resource is something that a workspace manages, as its current state tells.
type Resource struct {
	ID                       string  `db:"id"`
	WorkspaceID              string  `db:"workspace_id"`
	Address                  string  `db:"address"`
	Name                     string  `db:"name"`
	Provider                 string  `db:"provider"`      // "hashicorp/random"
	ProviderType             string  `db:"provider_type"` // "random_pet"
	Module                   string  `db:"module"`        // "root" or the address of a module
	NameIndex                *string `db:"name_index"`    // of count or for_each
	CreatedAt                db.Time `db:"created_at"`
	UpdatedAt                db.Time `db:"updated_at"`
	ModifiedByStateVersionID string  `db:"modified_by_state_version_id"`

	OrgID     string `db:"org_id,extra"`
	ProjectID string `db:"project_id,extra"`
}

// Scope implements authz.Scoped.
func (r Resource) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: r.WorkspaceID}
}

func (f *Feature) resourceRoutes(r *api.Router) {
	api.Type(r, "resources", authz.ReadWorkspace, nil, resourceView)
	api.List(r, "/workspaces/{id}/resources", authz.ReadWorkspace, f.Find, f.resources)
}

func resourceView(_ context.Context, r Resource) jsonapi.Resource {
	return jsonapi.Resource{ID: r.ID, Type: "resources", Attributes: resourceAttributes{
		short(r.Address), r.Name, r.CreatedAt, r.UpdatedAt, short(r.Module), r.Provider, r.ProviderType, r.ModifiedByStateVersionID, r.NameIndex}}
}

// short is how HCP Terraform shows the address of a resource or module: without the
// word "module" before the name of each module.
func short(address string) string {
	var b strings.Builder
	for {
		step, ok := strings.CutPrefix(address, "module.")
		if !ok {
			b.WriteString(address)
			return b.String()
		}
		n := stepEnd(step)
		b.WriteString(step[:n])
		if n == len(step) {
			return b.String()
		}
		b.WriteByte('.')
		address = step[n+1:]
	}
}

// stepEnd is where the first step of an address ends: at a dot that is not in the
// quotes of a key.
func stepEnd(address string) int {
	quoted := false
	for i := 0; i < len(address); i++ {
		switch address[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '.':
			if !quoted {
				return i
			}
		}
	}
	return len(address)
}

type resourceAttributes struct {
	Address                  string  `json:"address"`
	Name                     string  `json:"name"`
	CreatedAt                db.Time `json:"created-at"`
	UpdatedAt                db.Time `json:"updated-at"`
	Module                   string  `json:"module"`
	Provider                 string  `json:"provider"`
	ProviderType             string  `json:"provider-type"`
	ModifiedByStateVersionID string  `json:"modified-by-state-version-id"`
	NameIndex                *string `json:"name-index"`
}

// resourceOrders returns the values of sort with what they order by (API schema,
// "List Workspace Resources").
var resourceOrders = sync.OnceValue(func() map[string]string {
	orders := map[string]string{"": "r.address"}
	for name, column := range map[string]string{"name": "r.name", "nameIndex": "r.name_index", "provider": "r.provider",
		"providerType": "r.provider_type", "module": "r.module", "updatedAt": "r.updated_at"} {
		orders[name+":asc"] = column + ", r.address"
		orders[name+":desc"] = column + " DESC, r.address DESC"
	}
	return orders
})

// resources takes q, a part of the address, and sort.
func (f *Feature) resources(ctx context.Context, w Workspace, q api.Query) (api.Page[Resource], error) {
	order, err := q.Order(resourceOrders())
	if err != nil {
		return api.Page[Resource]{}, err
	}
	query, args := `SELECT {r} FROM workspace_resources r WHERE r.workspace_id = ?`, []any{w.ID}
	if like := q.Like("q"); like != "" {
		query, args = query+` AND lower(r.address) LIKE ? ESCAPE '\'`, append(args, like)
	}
	return api.Select[Resource](ctx, f.DB, q, query+` ORDER BY `+order, args...)
}

// batch is how many resources one transaction writes: SQLite's only writer is not held
// for long, however big a state is.
const batch = 1000

// changing is the digest of resources that are being written.
const changing = "changing"

// Inventory is what a state version manages.
type Inventory struct {
	List   []Resource // some of them may be left out of a very long list
	Total  int64
	Digest string // equal for states with the same resources
}

// KeepResources reports whether a state version, which has become the current one,
// has the resources that the workspace has already; then it is known to have them.
func (f *Feature) KeepResources(ctx context.Context, workspaceID, stateVersionID, digest string) (bool, error) {
	n, err := f.DB.Exec(ctx, `UPDATE workspaces SET resources_state_version_id = ? WHERE id = ? AND resources_digest = ?`, stateVersionID, workspaceID, digest)
	return n == 1, err
}

// IsCurrentState reports whether the state version is the current one of the
// workspace.
func (f *Feature) IsCurrentState(ctx context.Context, workspaceID, stateVersionID string) (bool, error) {
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM workspaces WHERE id = ? AND current_state_version_id = ?`, workspaceID, stateVersionID)
	return n == 1, err
}

// SetResources makes the resources of a state version those of its workspace. Of
// each it needs what the state tells: a resource whose address was known before
// keeps its id and age, and counts as modified only where changed says so. It does
// nothing if the state version is no longer the current one.
//
// Only what differs is written, because most states differ little from the one
// before. Inside a transaction it is done at once, outside in several steps, the last
// of which tells that all resources are known.
func (f *Feature) SetResources(ctx context.Context, workspaceID, stateVersionID string, in Inventory, changed func(old, new Resource) bool) error {
	old, err := db.All[Resource](ctx, f.DB, `SELECT {} FROM workspace_resources WHERE workspace_id = ?`, workspaceID)
	if err != nil {
		return err
	}
	rows := renew(workspaceID, stateVersionID, old, in.List, changed)
	gone, added := difference(old, rows)
	step := func(do func(ctx context.Context) error) error {
		return f.ifCurrent(ctx, workspaceID, stateVersionID, do)
	}
	if len(gone)+len(added) > 0 {
		if err := step(func(ctx context.Context) error {
			_, err := f.DB.Exec(ctx, `UPDATE workspaces SET resources_digest = ? WHERE id = ?`, changing, workspaceID)
			return err
		}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(gone, batch) {
		if err := step(func(ctx context.Context) error {
			query, args := db.List(`DELETE FROM workspace_resources WHERE id IN (?)`, part)
			_, err := f.DB.Exec(ctx, query, args...)
			return err
		}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(added, batch) {
		if err := step(func(ctx context.Context) error { return db.InsertAll(ctx, f.DB, "workspace_resources", part, "") }); err != nil {
			return err
		}
	}
	return step(func(ctx context.Context) error {
		_, err := f.DB.Exec(ctx, `UPDATE workspaces SET resource_count = ?, resources_state_version_id = ?, resources_digest = ? WHERE id = ?`, in.Total, stateVersionID, in.Digest, workspaceID)
		return err
	})
}

// ifCurrent runs do in a transaction, unless another state version is current.
func (f *Feature) ifCurrent(ctx context.Context, workspaceID, stateVersionID string, do func(ctx context.Context) error) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		q := `SELECT current_state_version_id FROM workspaces WHERE id = ?` + f.DB.ForUpdate()
		current, err := db.All[*string](ctx, f.DB, q, workspaceID)
		if err != nil || len(current) == 0 || db.Text(current[0]) != stateVersionID {
			return err
		}
		return do(ctx)
	})
}

// difference returns the ids of old rows that are not among rows as they are, and
// the rows that are not among the old ones.
func difference(old, rows []Resource) (gone []string, added []Resource) {
	same := make(map[string]bool, len(old))
	known := make(map[string]Resource, len(old))
	for _, r := range old {
		known[r.ID] = r
	}
	for _, r := range rows {
		if before, ok := known[r.ID]; ok && before.equal(r) {
			same[r.ID] = true
		} else {
			added = append(added, r)
		}
	}
	for _, r := range old {
		if !same[r.ID] {
			gone = append(gone, r.ID)
		}
	}
	return gone, added
}

// equal reports whether r and s, which have one id, differ in nothing.
func (r Resource) equal(s Resource) bool {
	return r.Address == s.Address && r.Name == s.Name && r.Provider == s.Provider && r.ProviderType == s.ProviderType && r.Module == s.Module &&
		db.Text(r.NameIndex) == db.Text(s.NameIndex) && r.UpdatedAt == s.UpdatedAt && r.ModifiedByStateVersionID == s.ModifiedByStateVersionID
}

// renew gives new resources the ids and ages of the old ones at the same address.
// An address that occurs twice counts once.
func renew(workspaceID, stateVersionID string, old, list []Resource, changed func(old, new Resource) bool) []Resource {
	known := make(map[string]Resource, len(old))
	for _, r := range old {
		known[r.Address] = r
	}
	now, seen := db.Now(), make(map[string]bool, len(list))
	rows := make([]Resource, 0, len(list))
	for _, r := range list {
		if seen[r.Address] {
			continue
		}
		seen[r.Address] = true
		before, ok := known[r.Address]
		r.ID, r.WorkspaceID = before.ID, workspaceID
		r.CreatedAt, r.UpdatedAt, r.ModifiedByStateVersionID = before.CreatedAt, before.UpdatedAt, before.ModifiedByStateVersionID
		if !ok {
			r.ID, r.CreatedAt = id.New("wsr"), now
		}
		if !ok || (changed != nil && changed(before, r)) {
			r.UpdatedAt, r.ModifiedByStateVersionID = now, stateVersionID
		}
		rows = append(rows, r)
	}
	return rows
}
