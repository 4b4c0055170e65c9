package stateversions

import (
	"context"
	"encoding/json"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Output is an output of a version. Its value is sealed in the database, and Value is
// set only where the client may see it: a list of a workspace's current outputs
// leaves out the sensitive ones (state-version-outputs.md).
type Output struct {
	ID             string  `db:"id"`
	StateVersionID string  `db:"state_version_id"`
	OrgID          string  `db:"org_id"`
	Name           string  `db:"name"`
	Sensitive      bool    `db:"sensitive"`
	Type           string  `db:"type"`
	DetailedType   *string `db:"detailed_type"` // JSON; nil: the state must be read
	Sealed         []byte  `db:"value"`

	WorkspaceID string `db:"workspace_id,extra"`
	ProjectID   string `db:"project_id,extra"`
	SharedState bool   `db:"shared_state,extra"`

	value json.RawMessage
}

// Scope implements authz.Scoped.
func (o Output) Scope() authz.Scope {
	return authz.Scope{Org: o.OrgID, Project: o.ProjectID, Workspace: o.WorkspaceID, SharedState: o.SharedState}
}

// place is what the sealed value is bound to.
func (o Output) place() string { return "state_version_outputs:value:" + o.ID }

func viewOutput(_ context.Context, o Output) jsonapi.Resource {
	return jsonapi.Resource{Type: "state-version-outputs", ID: o.ID,
		Attributes: shownOutput{o.Name, o.Sensitive, o.Type, o.value, raw(o.DetailedType)},
		Links:      jsonapi.Self("/api/v2/state-version-outputs/" + o.ID)}
}

type shownOutput struct {
	Name         string          `json:"name"`
	Sensitive    bool            `json:"sensitive"`
	Type         string          `json:"type"`
	Value        json.RawMessage `json:"value"`
	DetailedType json.RawMessage `json:"detailed-type"`
}

const selectOutputs = `SELECT {x}, v.workspace_id AS workspace_id, w.project_id AS project_id, w.global_remote_state AS shared_state FROM state_version_outputs x JOIN state_versions v ON v.id = x.state_version_id JOIN workspaces w ON w.id = v.workspace_id`

// findOutput returns an output with its value.
func (f *Feature) findOutput(ctx context.Context, id string) (Output, error) {
	o, err := db.One[Output](ctx, f.DB, selectOutputs+` WHERE x.id = ?`, id)
	if err != nil {
		return o, err
	}
	return o, f.reveal(ctx, &o)
}

// reveal opens the value.
func (f *Feature) reveal(ctx context.Context, o *Output) error {
	if o.Sealed == nil {
		return nil
	}
	var err error
	o.value, err = f.Keyring.Open(ctx, o.OrgID, o.Sealed, o.place())
	return err
}

// outputsByIDs returns outputs for an include. As in the list of a version's outputs,
// sensitive values are there for who may read the whole state.
func (f *Feature) outputsByIDs(ctx context.Context, ids []string) ([]Output, error) {
	var all []Output
	for part := range slices.Chunk(ids, 10_000) {
		list, err := db.In[Output](ctx, f.DB, selectOutputs+` WHERE x.id IN (?) ORDER BY x.name`, part)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, f.revealTo(ctx, all)
}

// revealTo opens what the subject of ctx may see in a list.
func (f *Feature) revealTo(ctx context.Context, list []Output) error {
	for i := range list {
		if list[i].Sensitive && !authz.Can(ctx, authz.ReadState, list[i].Scope()) {
			continue
		}
		if err := f.reveal(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feature) listOutputs(ctx context.Context, v Version, q api.Query) (api.Page[Output], error) {
	page, err := api.Select[Output](ctx, f.DB, q, selectOutputs+` WHERE x.state_version_id = ? ORDER BY x.name`, v.ID)
	if err != nil {
		return page, err
	}
	return page, f.revealTo(ctx, page.Items)
}

// currentOutputs lists the outputs of a workspace's current state in one piece,
// because clients read no second page of them.
func (f *Feature) currentOutputs(ctx context.Context, ws workspaces.Workspace, _ api.Query) (api.Page[Output], error) {
	if ws.CurrentStateVersionID == nil {
		return api.Page[Output]{}, problem.NotFound
	}
	list, err := db.All[Output](ctx, f.DB, selectOutputs+` WHERE x.state_version_id = ? ORDER BY x.name`, *ws.CurrentStateVersionID)
	for i := range list {
		if err == nil && !list[i].Sensitive {
			err = f.reveal(ctx, &list[i])
		}
	}
	return api.Whole(list, err)
}

// addOutputs adds the ids of their outputs to versions.
func (f *Feature) addOutputs(ctx context.Context, versions []*Version) error {
	ids := make([]string, len(versions))
	for i, v := range versions {
		ids[i] = v.ID
	}
	outputs, err := f.OutputsOf(ctx, ids)
	for _, v := range versions {
		v.outputs = outputs[v.ID]
	}
	return err
}

// OutputsOf returns the ids of the outputs of versions, by version.
func (f *Feature) OutputsOf(ctx context.Context, versionIDs []string) (map[string][]string, error) {
	rows, err := db.In[struct {
		ID             string `db:"id"`
		StateVersionID string `db:"state_version_id"`
	}](ctx, f.DB, `FROM state_version_outputs WHERE state_version_id IN (?) ORDER BY name`, versionIDs)
	outputs := map[string][]string{}
	for _, r := range rows {
		outputs[r.StateVersionID] = append(outputs[r.StateVersionID], r.ID)
	}
	return outputs, err
}
