package stateversions_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// fixture is an organization with a workspace that its owner has locked.
type fixture struct {
	*apptest.Server
	tb  testing.TB
	ctx context.Context
	org apptest.Org
	ws  string // id of the workspace "net"
	c   *tfe.Client
}

func setUp(s *apptest.Server) *fixture { return setUpIn(s.T, s) }

func setUpIn(tb testing.TB, s *apptest.Server) *fixture {
	f := &fixture{Server: s, tb: tb, ctx: tb.Context(), org: s.Org("acme")}
	f.c = s.Client(f.org.Owner.Token)
	f.ws = f.workspace("net")
	return f
}

// workspace makes a workspace that the owner has locked.
func (f *fixture) workspace(name string) string {
	f.tb.Helper()
	project, err := db.One[string](f.ctx, f.DB, `SELECT id FROM projects WHERE org_id = ?`, f.org.ID)
	f.must(err)
	ws := workspaces.Workspace{ID: id.New("ws"), OrgID: f.org.ID, ProjectID: project, Name: name, NameLower: strings.ToLower(name),
		LockedByKind: "user", LockedByID: f.org.Owner.ID, CreatedAt: db.Now(), UpdatedAt: db.Now()}
	f.must(f.DB.Insert(f.ctx, "workspaces", ws))
	return ws.ID
}

// lock sets the lock of a workspace.
func (f *fixture) lock(ws, kind, holder string) {
	f.tb.Helper()
	_, err := f.DB.Exec(f.ctx, `UPDATE workspaces SET locked_by_kind = ?, locked_by_id = ? WHERE id = ?`, kind, holder, ws)
	f.must(err)
}

func (f *fixture) must(err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatal(err)
	}
}

// state is a state with an output that is sensitive and one that is not.
func state(serial int) []byte {
	return fmt.Appendf(nil, `{"version": 4, "terraform_version": "1.12.6", "serial": %d, "lineage": "line-1",
  "outputs": {"address": {"value": "10.0.0.%d", "type": "string"}, "ports": {"value": [80, 443], "type": ["list", "number"]},
    "secret": {"value": "hunter2", "type": "string", "sensitive": true}},
  "resources": [{"mode": "managed", "type": "null_resource", "name": "a", "provider": "provider[\"registry.opentofu.org/hashicorp/null\"]", "instances": [{"attributes": {}}]},
    {"module": "module.m", "mode": "managed", "type": "aws_instance", "name": "b", "provider": "provider[\"registry.opentofu.org/hashicorp/aws\"]", "instances": [{"index_key": 0}, {"index_key": 1}]}]}
`, serial, serial)
}

func sum(b []byte) *string {
	s := md5.Sum(b)
	return new(hex.EncodeToString(s[:]))
}

// promise are the options of a version without its state.
func promise(serial int, b []byte) tfe.StateVersionCreateOptions {
	return tfe.StateVersionCreateOptions{Serial: new(int64(serial)), MD5: sum(b), Lineage: new("line-1")}
}

// inline are the options of a version with its state.
func inline(serial int, b []byte) tfe.StateVersionCreateOptions {
	o := promise(serial, b)
	o.State = new(base64.StdEncoding.EncodeToString(b))
	return o
}

// request is the body of a request for a version.
func request(attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "state-versions", "attributes": attributes}}
}

// create posts a version with its state and returns it.
func (f *fixture) create(ws string, serial int) *tfe.StateVersion {
	f.tb.Helper()
	v, err := f.c.StateVersions.Create(f.ctx, ws, inline(serial, state(serial)))
	f.must(err)
	return v
}

// currentID returns the id of a workspace's current version, "" if there is none.
func (f *fixture) currentID(ws string) string {
	f.tb.Helper()
	v, err := f.c.StateVersions.ReadCurrent(f.ctx, ws)
	if errors.Is(err, tfe.ErrResourceNotFound) {
		return ""
	}
	f.must(err)
	return v.ID
}

// objects counts the objects in the store.
func (f *fixture) objects() (n int) {
	f.tb.Helper()
	for _, err := range f.App.Objects.List(f.ctx, "state/") {
		f.must(err)
		n++
	}
	return n
}

// attributes of the resource in an answer.
func attributes(t *testing.T, r *apptest.Response) map[string]any {
	t.Helper()
	var doc struct {
		Data struct{ Attributes map[string]any }
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil {
		t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	return doc.Data.Attributes
}
