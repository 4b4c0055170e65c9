package stateversions

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/stateversions/statefile"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// maxOutputsBody is the size of a request without its states: it may carry the
// outputs as base64.
const maxOutputsBody = 48 << 20

// attributes are those of a request. The members "state" and "json-state" go to the
// object store before they get here.
type attributes struct {
	Serial  jsonapi.Opt[int64]  `json:"serial"`
	MD5     jsonapi.Opt[string] `json:"md5"`
	Lineage jsonapi.Opt[string] `json:"lineage"`
	Force   jsonapi.Opt[bool]   `json:"force"`
	// Outputs are those of the state once more, for servers that read states later
	// than this one does.
	Outputs jsonapi.Opt[string] `json:"json-state-outputs"`
}

// watcher scans a state that is being stored.
type watcher struct{ statefile.Scanner }

// Write implements io.Writer; it refuses what is no state.
func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.Scanner.Write(p)
	if err != nil {
		return n, notValid(err)
	}
	return n, nil
}

// result is what the scan found.
func (w *watcher) result() (statefile.State, error) {
	s, err := w.State()
	if err != nil {
		return s, notValid(err)
	}
	return s, nil
}

func notValid(err error) error { return problem.Invalid("state", "The state is not valid: %v", err) }

func watchState() io.Writer { return &watcher{} }

func watchJSON() io.Writer { return &watcher{statefile.Scanner{AnyObject: true}} }

// content is a state in the object store, and what it holds.
type content struct {
	blob.Object
	statefile.State
}

// create adds a version. With a state in the request it is current at once, without
// it is pending until the state is uploaded. A request that repeats the
// one before gets the same version: its sender did not see our first answer.
func (f *Feature) create(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[attributes]) (Version, error) {
	v, err := f.promised(ctx, ws, in)
	if err != nil {
		return v, err
	}
	c, err := inline(ctx, &v)
	if err != nil {
		return v, err
	}
	last, err := f.last(ctx, ws)
	if err != nil {
		return v, err
	}
	if v.repeats(last) {
		return f.whole(ctx, last.ID)
	}
	if err := v.follows(last); err != nil {
		return v, err
	}
	if c == nil {
		return f.await(ctx, v)
	}
	if err := f.finalize(ctx, &v, last, *c, false); err != nil {
		return v, err
	}
	return f.whole(ctx, v.ID)
}

// promised is the version that a request asks for.
func (f *Feature) promised(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[attributes]) (Version, error) {
	a := in.Data.Attributes
	v := Version{ID: id.New("sv"), OrgID: ws.OrgID, WorkspaceID: ws.ID, ProjectID: ws.ProjectID, SharedState: ws.GlobalRemoteState, Status: Pending,
		Serial: a.Serial.Or(0), MD5: strings.ToLower(a.MD5.Or("")), Lineage: a.Lineage.Or(""), Forced: a.Force.Or(false),
		LockKind: ws.LockedByKind, LockID: ws.LockedByID, CreatedAt: db.Now()}
	if user := authz.From(ctx).UserID(); user != "" {
		v.CreatedBy = &user
	}
	if err := a.check(v); err != nil {
		return v, err
	}
	if err := mayWrite(ctx, ws); err != nil {
		return v, err
	}
	run, named := in.Data.One("run")
	if !named || run.ID == "" {
		return v, nil
	}
	v.RunID = &run.ID
	return v, f.checkRun(ctx, ws, run.ID)
}

// check refuses attributes that are absent or impossible.
func (a attributes) check(v Version) error {
	var serial, sum, lineage, outputs *problem.Problem
	if !a.Serial.Set || a.Serial.Null {
		serial = problem.Invalid("serial", "Serial can't be blank")
	} else if v.Serial < 0 {
		serial = problem.Invalid("serial", "Serial must be zero or more")
	}
	if b, err := hex.DecodeString(v.MD5); v.MD5 == "" {
		sum = problem.Invalid("md5", "MD5 can't be blank")
	} else if err != nil || len(b) != 16 {
		sum = problem.Invalid("md5", "MD5 must be 32 hexadecimal digits")
	}
	if len(v.Lineage) > 255 || strings.Contains(v.Lineage, "\x00") {
		lineage = problem.Invalid("lineage", "Lineage must be at most 255 characters of text")
	}
	if s := a.Outputs.Or(""); s != "" {
		if b, err := base64.StdEncoding.DecodeString(s); err != nil || !json.Valid(b) {
			outputs = problem.Invalid("json-state-outputs", "The outputs must be JSON in base64")
		}
	}
	return problem.All(serial, sum, lineage, outputs)
}

// mayWrite refuses a subject that does not hold the lock of the workspace.
func mayWrite(ctx context.Context, ws workspaces.Workspace) error {
	if !ws.Locked() {
		return problem.Conflict("The workspace must be locked to create a state version")
	}
	s := authz.From(ctx)
	holds := string(s.Kind) == ws.LockedByKind && s.ID == ws.LockedByID
	if s.Kind == authz.Run {
		holds = ws.LockedByKind == "run" && s.RunIn == ws.ID
	}
	if !holds {
		return problem.Conflict("The workspace is locked by another %s: a state version can be created only by who holds the lock", ws.LockedByKind)
	}
	return nil
}

func (f *Feature) checkRun(ctx context.Context, ws workspaces.Workspace, runID string) error {
	if f.RunIn != nil {
		if ok, err := f.RunIn(ctx, ws.ID, runID); ok || err != nil {
			return err
		}
	}
	return problem.InvalidRelation("run", "Run not found")
}

// inline returns the state that came with the request, nil if none did, and adds to
// v what came with it.
func inline(ctx context.Context, v *Version) (*content, error) {
	if obj, w, ok := api.Spilled(ctx, "json-state"); ok {
		if _, err := w.(*watcher).result(); err != nil {
			return nil, err
		}
		v.JSONObject, v.JSONMD5, v.JSONSize = obj.Key, obj.MD5, obj.Size
	}
	obj, w, ok := api.Spilled(ctx, "state")
	if !ok {
		return nil, nil
	}
	s, err := w.(*watcher).result()
	if err != nil {
		return nil, err
	}
	return &content{obj, s}, v.accept(obj, s)
}

// accept checks a state against what its version promised. The serial inside is not
// compared: clients number versions on their own (docs/compatibility.md).
func (v *Version) accept(obj blob.Object, s statefile.State) error {
	if obj.MD5 != v.MD5 {
		return problem.PreconditionFailed("The MD5 of the state is %s, not %s as promised", obj.MD5, v.MD5)
	}
	if v.Lineage == "" && len(s.Lineage) <= 255 {
		v.Lineage = s.Lineage
	}
	return nil
}

// same reports whether v has the serial and the content of last.
func (v *Version) same(last *Version) bool {
	return last != nil && last.Status == Finalized && v.Serial == last.Serial && v.MD5 == last.MD5
}

// repeats reports whether v is asked for by a request that made last already: it is
// the same, and the lock was not given back in between.
func (v *Version) repeats(last *Version) bool {
	return v.same(last) && v.LockKind == last.LockKind && v.LockID == last.LockID
}

// follows refuses a version that may not come after last.
func (v *Version) follows(last *Version) error {
	switch {
	case last == nil, v.Forced:
		return nil
	case v.Lineage != "" && last.Lineage != "" && v.Lineage != last.Lineage:
		return problem.Conflict("The lineage %q of the state is not that of the current state, %q", v.Lineage, last.Lineage)
	case v.Serial <= last.Serial && !v.same(last):
		return problem.Conflict("The serial %d of the state must be above that of the current state, %d", v.Serial, last.Serial)
	}
	return nil
}

// await stores a version whose state is still to come. A request that repeats a
// pending version gets that version.
func (f *Feature) await(ctx context.Context, v Version) (Version, error) {
	same, err := db.One[string](ctx, f.DB, `SELECT id FROM state_versions WHERE workspace_id = ? AND status = ? AND serial = ? AND md5 = ? AND lineage = ?
		AND forced = ? AND lock_kind = ? AND lock_id = ? ORDER BY created_at DESC LIMIT 1`, v.WorkspaceID, Pending, v.Serial, v.MD5, v.Lineage, v.Forced, v.LockKind, v.LockID)
	if err == nil {
		return f.Find(ctx, same)
	}
	if !errors.Is(err, problem.NotFound) {
		return v, err
	}
	return v, f.DB.Insert(ctx, "state_versions", v)
}

// finalize makes v, whose state is c, the current version after last. stored tells
// that v has a row already. The caller's transaction holds the row of the workspace.
func (f *Feature) finalize(ctx context.Context, v, last *Version, c content, stored bool) error {
	position, now := int64(1), db.Now()
	if last != nil && last.Position != nil {
		position = *last.Position + 1
	}
	v.Status, v.Position, v.FinalizedAt, v.Size, v.Object = Finalized, &position, &now, c.Size, c.Key
	v.FormatVersion, v.TerraformVersion, v.Billable = int64(c.Version), c.TerraformVersion, c.Billable
	var err error
	if stored {
		err = f.DB.Update(ctx, "state_versions", v, "status", "position", "lineage", "finalized_at", "size", "object", "format_version", "terraform_version", "billable")
	} else {
		err = f.DB.Insert(ctx, "state_versions", v)
	}
	if err != nil {
		return err
	}
	if _, err := f.DB.Exec(ctx, `UPDATE state_versions SET status = ? WHERE workspace_id = ? AND status = ?`, Discarded, v.WorkspaceID, Pending); err != nil {
		return err
	}
	if err := f.addContents(ctx, *v, c.State); err != nil {
		return err
	}
	if err := f.Workspaces.SetCurrentState(ctx, v.WorkspaceID, v.ID); err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, v.Scope(), "state-versions", v.ID)
	return f.addResources(ctx, *v, c.State)
}

// Unlocking refuses to unlock a workspace whose newest version is pending: the client
// is about to upload its state. Clients look for the words and try again, but not in a
// 409 (go-tfe, checkResponseCode). Otherwise what the holder of the lock created is
// from now on nothing that a request can repeat.
func (f *Feature) Unlocking(ctx context.Context, ws workspaces.Workspace) error {
	newest, err := db.All[Status](ctx, f.DB, `SELECT status FROM state_versions WHERE workspace_id = ? ORDER BY created_at DESC, id DESC LIMIT 1`, ws.ID)
	if err != nil || len(newest) == 0 {
		return err
	}
	if newest[0] == Pending {
		return problem.Unprocessable("Unable to unlock workspace. The latest state version is still pending.")
	}
	_, err = f.DB.Exec(ctx, `UPDATE state_versions SET lock_id = '' WHERE id = ?`, db.Text(ws.CurrentStateVersionID))
	return err
}
