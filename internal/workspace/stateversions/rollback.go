package stateversions

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

const maxRollbackBody = 64 << 10

// rollback makes a copy of an earlier version the current one. The copy gets the next
// serial, outside and inside the state: engines refuse to write a state whose serial
// goes back.
func (f *Feature) rollback(ctx context.Context, w http.ResponseWriter, req *http.Request, ws workspaces.Workspace) error {
	var in jsonapi.In[struct{}]
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxRollbackBody)).Decode(&in); err != nil {
		return problem.BadRequest("The request must be a JSON:API document of at most %d bytes", maxRollbackBody)
	}
	from, err := f.rollbackTo(ctx, ws, in)
	if err != nil {
		return err
	}
	v, c, err := f.copyOf(ctx, ws, from)
	if err != nil {
		return err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error { return f.adoptCopy(ctx, &v, c) })
	if err != nil {
		if v.JSONObject != "" {
			err = f.removeRefused(ctx, v.JSONObject, err)
		}
		return f.removeRefused(ctx, c.Key, err)
	}
	if v, err = f.whole(ctx, v.ID); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, jsonapi.MediaType, jsonapi.Document{Data: f.view(ctx, v)})
}

// rollbackTo returns the version that a request names.
func (f *Feature) rollbackTo(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[struct{}]) (Version, error) {
	const name = "rollback-state-version"
	ref, _ := in.Data.One(name)
	if in.Data.Type != "state-versions" || ref.ID == "" {
		return Version{}, problem.InvalidRelation(name, "Rollback state version can't be blank")
	}
	if err := mayWrite(ctx, ws); err != nil {
		return Version{}, err
	}
	rows, err := db.All[Version](ctx, f.DB, `FROM state_versions WHERE id = ? AND workspace_id = ?`, ref.ID, ws.ID)
	switch {
	case err != nil:
		return Version{}, err
	case len(rows) == 0:
		return Version{}, problem.InvalidRelation(name, "Rollback state version not found")
	case rows[0].Status != Finalized:
		return Version{}, problem.InvalidRelation(name, "Rollback state version has no state: it is %s", rows[0].Status)
	}
	return rows[0], nil
}

// copyOf stores a copy of a version's objects, with the serial that comes next.
func (f *Feature) copyOf(ctx context.Context, ws workspaces.Workspace, from Version) (v Version, c content, err error) {
	last, err := f.last(ctx, ws)
	if err != nil {
		return v, c, err
	}
	v = Version{ID: id.New("sv"), OrgID: ws.OrgID, WorkspaceID: ws.ID, Status: Pending, Serial: from.Serial + 1, Lineage: from.Lineage, Forced: true,
		LockKind: ws.LockedByKind, LockID: ws.LockedByID, RollbackOf: &from.ID, CreatedAt: db.Now()}
	if last != nil {
		v.Serial = max(v.Serial, last.Serial+1)
	}
	if user := authz.From(ctx).UserID(); user != "" {
		v.CreatedBy = &user
	}
	if c, err = f.copyState(ctx, from, v.Serial); err != nil || from.JSONObject == "" {
		v.MD5 = c.MD5
		return v, c, err
	}
	json, err := f.copyObject(ctx, from.OrgID, from.JSONObject, func(r io.Reader) io.Reader { return r })
	v.MD5, v.JSONObject, v.JSONMD5, v.JSONSize = c.MD5, json.Key, json.MD5, json.Size
	return v, c, err
}

// copyState copies the state of a version with another serial. A state that the
// client encrypted is copied as it is.
func (f *Feature) copyState(ctx context.Context, from Version, serial int64) (content, error) {
	s, err := f.scan(ctx, from)
	if err != nil {
		return content{}, err
	}
	if s.Encrypted {
		obj, err := f.copyObject(ctx, from.OrgID, from.Object, func(r io.Reader) io.Reader { return r })
		return content{obj, s}, err
	}
	obj, err := f.copyObject(ctx, from.OrgID, from.Object, func(r io.Reader) io.Reader { return s.WithSerial(r, serial) })
	return content{obj, s}, err
}

func (f *Feature) copyObject(ctx context.Context, owner, key string, change func(io.Reader) io.Reader) (blob.Object, error) {
	r, err := f.Objects.Get(ctx, owner, key)
	if err != nil {
		return blob.Object{}, err
	}
	defer func() { _ = r.Close() }()
	return f.Objects.Put(ctx, owner, newKey(), change(r), MaxState+int64(len(strconv.FormatInt(1<<62, 10))))
}

// adoptCopy makes a copy current, unless another version became current while it was
// made.
func (f *Feature) adoptCopy(ctx context.Context, v *Version, c content) error {
	ws, err := f.Workspaces.Lock(ctx, v.WorkspaceID)
	if err != nil {
		return err
	}
	if err := mayWrite(ctx, ws); err != nil {
		return err
	}
	last, err := f.last(ctx, ws)
	if err != nil {
		return err
	}
	if last != nil && v.Serial <= last.Serial {
		return problem.Conflict("Another state became current meanwhile; roll back again if that is still wanted")
	}
	if err := f.finalize(ctx, v, last, c, false); err != nil {
		return err
	}
	e := audit.Event{OrgID: v.OrgID, Action: "rollback", ResourceType: "state-versions", ResourceID: v.ID}
	e.Changed.V = []string{"rollback-state-version"}
	return audit.Write(ctx, f.DB, e)
}
