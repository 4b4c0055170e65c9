package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/retention"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Readme is the README.md of a workspace's current configuration.
type Readme struct {
	ID          string `db:"id"`
	WorkspaceID string `db:"workspace_id"`
	Markdown    string `db:"markdown"`

	OrgID     string `db:"org_id,extra"`
	ProjectID string `db:"project_id,extra"`
}

// Scope implements authz.Scoped.
func (r Readme) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: r.WorkspaceID}
}

// readmeView is what go-tfe reads of a workspace that includes its readme.
func readmeView(_ context.Context, r Readme) jsonapi.Resource {
	return jsonapi.Resource{ID: r.ID, Type: "workspace-readme", Attributes: readmeAttributes{r.Markdown}}
}

type readmeAttributes struct {
	RawMarkdown string `json:"raw-markdown"`
}

func (f *Feature) readmesByIDs(ctx context.Context, ids []string) ([]Readme, error) {
	return db.In[Readme](ctx, f.DB, `SELECT {m}, w.org_id AS org_id, w.project_id AS project_id
		FROM workspace_readmes m JOIN workspaces w ON w.id = m.workspace_id WHERE m.id IN (?)`, ids)
}

// SetReadme makes a text what the workspace shows as its README, "" for none, unless
// another configuration version became current.
func (f *Feature) SetReadme(ctx context.Context, workspaceID, configurationVersionID, markdown string) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		w, err := f.Lock(ctx, workspaceID)
		if err != nil || db.Text(w.CurrentConfigurationVersionID) != configurationVersionID {
			return err
		}
		if err := f.tell(ctx, workspaceID); err != nil {
			return err
		}
		if markdown == "" {
			_, err := f.DB.Exec(ctx, `DELETE FROM workspace_readmes WHERE workspace_id = ?`, workspaceID)
			return err
		}
		_, err = f.DB.Exec(ctx, `INSERT INTO workspace_readmes (id, workspace_id, markdown) VALUES (?, ?, ?)
			ON CONFLICT (workspace_id) DO UPDATE SET markdown = excluded.markdown`, id.New("readme"), workspaceID, markdown)
		return err
	})
}

// SetCurrentConfiguration makes a configuration version the current one of a workspace.
func (f *Feature) SetCurrentConfiguration(ctx context.Context, id, configurationVersionID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET current_configuration_version_id = ? WHERE id = ?`, configurationVersionID, id)
	return err
}

// HasCurrentConfiguration reports whether a configuration version is the current one
// of any workspace.
func (f *Feature) HasCurrentConfiguration(ctx context.Context, configurationVersionID string) (bool, error) {
	list, err := db.All[string](ctx, f.DB, `SELECT id FROM workspaces WHERE current_configuration_version_id = ? LIMIT 1`, configurationVersionID)
	return len(list) > 0, err
}

// RetentionDays returns the ids of the workspaces whose old data is to be deleted, by
// the days after which it is old: those of their own policy, or else of their
// organization's.
func (f *Feature) RetentionDays(ctx context.Context) (map[int][]string, error) {
	rows, err := db.All[struct {
		ID  string           `db:"id"`
		Own retention.Column `db:"own"`
		Org retention.Column `db:"of_org"`
	}](ctx, f.DB, `SELECT w.id, w.data_retention AS own, o.data_retention AS of_org FROM workspaces w JOIN organizations o ON o.id = w.org_id
		WHERE w.data_retention <> '{}' OR o.data_retention <> '{}'`)
	if err != nil {
		return nil, err
	}
	byDays := map[int][]string{}
	for _, r := range rows {
		p := r.Own.V
		if !p.Set() {
			p = r.Org.V
		}
		if p.Days > 0 {
			byDays[p.Days] = append(byDays[p.Days], r.ID)
		}
	}
	return byDays, nil
}

// SetLatestRun notes the newest run of a workspace that may change something.
func (f *Feature) SetLatestRun(ctx context.Context, id, runID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET latest_run_id = ?, latest_change_at = ? WHERE id = ?`, runID, db.Now(), id)
	return err
}

// SetCurrentRun notes the run whose turn has come.
func (f *Feature) SetCurrentRun(ctx context.Context, id, runID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET current_run_id = ?, latest_change_at = ? WHERE id = ?`, runID, db.Now(), id)
	return err
}

// Touch notes that something of a workspace has changed, such as how its run ended.
func (f *Feature) Touch(ctx context.Context, id string) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET latest_change_at = ? WHERE id = ?`, db.Now(), id)
	return err
}
