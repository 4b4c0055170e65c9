package stateversions_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// graceful gives soft-deleted data an hour.
func graceful(c *config.Server) { c.DeleteGrace = time.Hour }

func (f *fixture) rollback(versionID string) *apptest.Response {
	f.T.Helper()
	body := request(nil)
	body["data"].(map[string]any)["relationships"] = map[string]any{"rollback-state-version": map[string]any{"data": map[string]any{"type": "state-versions", "id": versionID}}}
	return f.Do("PATCH", "/api/v2/workspaces/"+f.ws+"/state-versions", f.org.Owner.Token, body)
}

func TestRollback(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		o := inline(1, state(1))
		o.JSONState = new("e30=")
		first, err := f.c.StateVersions.Create(f.ctx, f.ws, o)
		f.must(err)
		f.create(f.ws, 7)
		if r := f.rollback(first.ID); r.Status != 201 {
			s.T.Fatalf("PATCH = %d %s", r.Status, r.Body)
		}
		v, err := f.c.StateVersions.ReadCurrent(f.ctx, f.ws)
		f.must(err)
		if v.ID == first.ID || v.Serial != 8 || v.Status != tfe.StateVersionFinalized || len(v.Outputs) != 3 {
			s.T.Errorf("current = %+v, want a new version with serial 8", v)
		}
		got, err := f.c.StateVersions.Download(f.ctx, v.DownloadURL)
		if want := strings.Replace(string(state(1)), `"serial": 1,`, `"serial": 8,`, 1); err != nil || string(got) != want {
			s.T.Errorf("Download = %s, %v; want %s", got, err, want)
		}
		if r := s.Do("GET", v.JSONDownloadURL, "", nil); string(r.Body) != "{}" {
			s.T.Errorf("JSON state = %d %s, want a copy", r.Status, r.Body)
		}
		audits, err := db.One[int](f.ctx, f.DB, `SELECT count(*) FROM audit_events WHERE action = 'rollback' AND resource_id = ?`, v.ID)
		if err != nil || audits != 1 {
			s.T.Errorf("audit records = %d, %v; want 1", audits, err)
		}
		if next := f.create(f.ws, 9); next.Serial != 9 {
			s.T.Errorf("Create after the roll back = %+v", next)
		}
	})
}

func TestRollbackRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first := f.create(f.ws, 1)
		f.create(f.ws, 2)
		elsewhere := f.create(f.workspace("other"), 1)
		pending, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(3, state(3)))
		f.must(err)
		for id, detail := range map[string]string{"": "can't be blank", "sv-0000000000000000": "not found", elsewhere.ID: "not found", pending.ID: "pending"} {
			if r := f.rollback(id); r.Status != 422 || !strings.Contains(r.Detail(), detail) {
				s.T.Errorf("PATCH to %q = %d %s, want 422 %q", id, r.Status, r.Body, detail)
			}
		}
		for _, body := range []any{nil, "{", strings.Repeat(" ", 100_000)} {
			if r := s.Do("PATCH", "/api/v2/workspaces/"+f.ws+"/state-versions", f.org.Owner.Token, body); r.Status != 400 {
				s.T.Errorf("PATCH with a damaged body = %d %s, want 400", r.Status, r.Body)
			}
		}
		f.lock(f.ws, "", "")
		if r := f.rollback(first.ID); r.Status != 409 {
			s.T.Errorf("PATCH without a lock = %d %s, want 409", r.Status, r.Body)
		}
	})
}

func TestBackingData(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		old, current := f.create(f.ws, 1), f.create(f.ws, 2)
		sv := f.c.StateVersions
		refused := func(what string, err error) {
			s.T.Helper()
			if err == nil || !strings.Contains(err.Error(), "transition not allowed") {
				s.T.Errorf("%s = %v, want it not allowed", what, err)
			}
		}
		refused("soft-delete of the current version", sv.SoftDeleteBackingData(f.ctx, current.ID))
		refused("restore of what is not deleted", sv.RestoreBackingData(f.ctx, old.ID))
		refused("destroying what is not soft-deleted", sv.PermanentlyDeleteBackingData(f.ctx, old.ID))

		f.must(sv.SoftDeleteBackingData(f.ctx, old.ID))
		if got, err := sv.Read(f.ctx, old.ID); err != nil || got.Status != "backing_data_soft_deleted" || got.DownloadURL != "" {
			s.T.Errorf("Read = %+v, %v; want soft-deleted without an address", got, err)
		}
		if _, err := sv.Download(f.ctx, old.DownloadURL); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Download of soft-deleted data = %v, want not found", err)
		}
		refused("second soft-delete", sv.SoftDeleteBackingData(f.ctx, old.ID))
		if r := f.rollback(old.ID); r.Status != 422 {
			s.T.Errorf("rollback to soft-deleted data = %d %s, want 422", r.Status, r.Body)
		}
		f.must(sv.RestoreBackingData(f.ctx, old.ID))
		if _, err := sv.Download(f.ctx, old.DownloadURL); err != nil {
			s.T.Errorf("Download after the restore = %v", err)
		}
		f.must(sv.SoftDeleteBackingData(f.ctx, old.ID))
		f.must(sv.PermanentlyDeleteBackingData(f.ctx, old.ID))
		refused("restore of what is destroyed", sv.RestoreBackingData(f.ctx, old.ID))
		s.Settle()
		if n := f.objects(); n != 1 {
			s.T.Errorf("objects = %d, want that of the current version alone", n)
		}
		if got, err := sv.Read(f.ctx, old.ID); err != nil || len(got.Outputs) != 0 || got.Resources != nil {
			s.T.Errorf("Read = %+v, %v; want nothing of what the state held", got, err)
		}
	}, graceful)
}

func TestRetentionPolicies(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		forever, plain := f.workspace("forever"), f.workspace("plain")
		var old []*tfe.StateVersion
		for _, ws := range []string{f.ws, forever, plain} {
			old = append(old, f.create(ws, 1), f.create(ws, 2), f.create(ws, 3))
		}
		f.exec(`UPDATE organizations SET data_retention = '{"id":"drp-1","days":30}'`)
		f.exec(`UPDATE workspaces SET data_retention = '{"id":"drp-2","days":10}' WHERE id = ?`, f.ws)
		f.exec(`UPDATE workspaces SET data_retention = '{"id":"drp-3"}' WHERE id = ?`, forever)
		age := func(v *tfe.StateVersion, days int) {
			f.exec(`UPDATE state_versions SET created_at = ? WHERE id = ?`, db.At(time.Now().AddDate(0, 0, -days)), v.ID)
		}
		for i := 0; i < len(old); i += 3 {
			age(old[i], 40)
			age(old[i+1], 20)
			age(old[i+2], 40) // current
		}
		s.Settle()
		heard := s.Hear("acme", f.org.Owner.Token)
		told := func(what string) {
			s.T.Helper()
			if got, want := heard("state-versions"), `{"type":"state-versions"}`; got != want {
				s.T.Errorf("of versions that are %s clients hear %s, want %s, once", what, got, want)
			}
		}
		f.must(s.App.States.Sweep(f.ctx))
		told("too old")
		const gone, kept = "backing_data_soft_deleted", "finalized"
		for i, want := range []tfe.StateVersionStatus{gone, gone, kept, kept, kept, kept, gone, kept, kept} {
			if got, err := f.c.StateVersions.Read(f.ctx, old[i].ID); err != nil || got.Status != want {
				s.T.Errorf("version %d = %+v, %v; want %s", i, got, err, want)
			}
		}
		f.exec(`UPDATE state_versions SET deleted_at = ? WHERE id = ?`, db.At(time.Now().Add(-2*time.Hour)), old[0].ID)
		f.must(s.App.States.Sweep(f.ctx))
		told("destroyed")
		for i, want := range []tfe.StateVersionStatus{"backing_data_permanently_deleted", gone} {
			if got, err := f.c.StateVersions.Read(f.ctx, old[i].ID); err != nil || got.Status != want {
				s.T.Errorf("version %d = %+v, %v; want %s", i, got, err, want)
			}
		}
		s.Settle()
		if n := f.objects(); n != 8 {
			s.T.Errorf("objects = %d, want 8 of 9", n)
		}
	}, graceful)
}

func (f *fixture) exec(query string, args ...any) {
	f.T.Helper()
	_, err := f.DB.Exec(f.ctx, query, args...)
	f.must(err)
}

func TestSweepGivesUpAbandonedUploads(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		f.exec(`UPDATE state_versions SET created_at = ?`, db.At(time.Now().Add(-3*time.Hour)))
		heard := s.Hear("acme", f.org.Owner.Token)
		f.must(s.App.States.Sweep(f.ctx))
		if got, want := heard("state-versions"), `{"type":"state-versions"}`; got != want {
			s.T.Errorf("of an upload that was given up clients hear %s, want %s", got, want)
		}
		if got, err := f.c.StateVersions.Read(f.ctx, v.ID); err != nil || got.Status != tfe.StateVersionDiscarded {
			s.T.Errorf("Read = %+v, %v; want discarded", got, err)
		}
		if _, err := f.c.Workspaces.Unlock(f.ctx, f.ws); err != nil {
			s.T.Errorf("Unlock = %v", err)
		}
	})
}

func TestSweepRemovesOrphans(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		o := inline(1, state(1))
		o.JSONState = new("e30=")
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, o)
		f.must(err)
		for _, key := range []string{"state/obj-orphan", "state/obj-young"} {
			_, err := s.App.Objects.Put(f.ctx, f.org.ID, key, strings.NewReader("x"), 10)
			f.must(err)
		}
		past := time.Now().Add(-25 * time.Hour)
		f.must(filepath.WalkDir(filepath.Join(s.Dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "young") {
				return err
			}
			return os.Chtimes(path, past, past)
		}))
		f.must(s.App.States.SweepObjects(f.ctx))
		if n := f.objects(); n != 3 {
			s.T.Errorf("objects = %d, want the state, its JSON and the young one", n)
		}
		for _, address := range []string{v.DownloadURL, v.JSONDownloadURL} {
			if r := s.Do("GET", address, "", nil); r.Status != 200 {
				s.T.Errorf("GET %s = %d, want 200", address, r.Status)
			}
		}
	})
}

func TestListCostsTheSameStatements(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.create(f.ws, 1)
		path := "/api/v2/workspaces/" + f.ws + "/state-versions?include=outputs,workspace&page[size]=100"
		s.Do("GET", path, f.org.Owner.Token, nil)
		one := s.Statements(func() { s.Do("GET", path, f.org.Owner.Token, nil) })
		for i := 2; i <= 12; i++ {
			f.create(f.ws, i)
		}
		many := s.Statements(func() { s.Do("GET", path, f.org.Owner.Token, nil) })
		if len(one) == 0 || len(many) != len(one) {
			s.T.Errorf("a list of 12 takes %d statements, of 1 %d; want as many:\n%s", len(many), len(one), strings.Join(many, "\n"))
		}
	})
}

func TestListFilters(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.create(f.ws, 1)
		f.create(f.ws, 2)
		_, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(3, state(3)))
		f.must(err)
		const path = "/api/v2/state-versions?filter[organization][name]=acme&filter[workspace][name]=net"
		for query, want := range map[string]string{"": "3 2 1", "&filter[status]=finalized": "2 1", "&filter[status]=pending": "3", "&filter[status]=pending,finalized": "3 2 1",
			"&filter[status]=nonsense": "", "&page[size]=1&page[number]=2": "2"} {
			r := s.Do("GET", path+query, f.org.Owner.Token, nil)
			var got []string
			data, _ := r.JSON()["data"].([]any)
			for _, item := range data {
				got = append(got, string(rune('0'+int(item.(map[string]any)["attributes"].(map[string]any)["serial"].(float64)))))
			}
			if strings.Join(got, " ") != want {
				s.T.Errorf("GET %s = %d, serials %v; want %s", query, r.Status, got, want)
			}
		}
		for _, path := range []string{"/api/v2/state-versions", "/api/v2/state-versions?filter[organization][name]=acme", path + "&filter[run]=x", path + "&include=nonsense"} {
			if r := s.Do("GET", path, f.org.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("GET %s = %d %s, want 400", path, r.Status, r.Body)
			}
		}
	})
}

func TestResourcesOfTheWorkspace(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.create(f.ws, 1)
		list, err := f.c.WorkspaceResources.List(f.ctx, f.ws, nil)
		f.must(err)
		var got []string
		for _, r := range list.Items {
			got = append(got, strings.Join([]string{r.Address, r.Name, r.Module, r.Provider, r.ProviderType}, " "))
		}
		want := "m.aws_instance.b[0] b m hashicorp/aws aws_instance\nm.aws_instance.b[1] b m hashicorp/aws aws_instance\nnull_resource.a a root hashicorp/null null_resource"
		if strings.Join(got, "\n") != want {
			s.T.Errorf("resources = %s, want %s", strings.Join(got, "\n"), want)
		}
		empty := []byte(`{"version":4,"serial":2,"lineage":"line-1","outputs":{},"resources":[]}`)
		if _, err := f.c.StateVersions.Create(f.ctx, f.ws, inline(2, empty)); err != nil {
			s.T.Fatal(err)
		}
		if list, err = f.c.WorkspaceResources.List(f.ctx, f.ws, nil); err != nil || list.TotalCount != 0 {
			s.T.Errorf("resources of an empty state = %+v, %v; want none", list, err)
		}
	})
}

func TestManyResources(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		many := func(serial, n int) []byte {
			b := fmt.Appendf(nil, `{"version":4,"serial":%d,"lineage":"line-1","resources":[{"mode":"managed","type":"t","name":"a","provider":"p","instances":[`, serial)
			for i := range n {
				b = fmt.Appendf(b, `{"index_key":%d},`, i)
			}
			return append(b, `{"index_key":"last"}]}]}`...)
		}
		for serial, n := range map[int]int{1: 2500, 2: 1500} {
			_, err := f.c.StateVersions.Create(f.ctx, f.ws, tfe.StateVersionCreateOptions{Serial: new(int64(serial)), MD5: sum(many(serial, n)), Force: new(true),
				State: new(base64.StdEncoding.EncodeToString(many(serial, n)))})
			f.must(err)
			s.Settle()
			list, err := f.c.WorkspaceResources.List(f.ctx, f.ws, nil)
			if err != nil || list.TotalCount != n+1 {
				s.T.Errorf("resources = %+v, %v; want %d", list, err, n+1)
			}
		}
	})
}
