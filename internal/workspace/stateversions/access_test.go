package stateversions_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// granted makes a member of a team with an access level in the workspace.
func (f *fixture) granted(ws, name, level, permissions string) apptest.User {
	f.T.Helper()
	team := id.New("team")
	_, err := f.DB.Exec(f.ctx, `INSERT INTO teams (id, org_id, name, name_lower, organization_access, visibility, allow_member_token_management, created_at) VALUES (?, ?, ?, ?, '{}', 'organization', TRUE, ?)`,
		team, f.org.ID, name, name, db.Now())
	f.must(err)
	_, err = f.DB.Exec(f.ctx, `INSERT INTO team_workspaces (id, team_id, workspace_id, access, permissions) VALUES (?, ?, ?, ?, ?)`, id.New("tws"), team, ws, level, permissions)
	f.must(err)
	u := f.Member(f.org, name)
	f.JoinTeam(team, u)
	return u
}

func TestWhoMayDoWhat(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		old, current := f.create(f.ws, 1), f.create(f.ws, 2)
		output := current.Outputs[0].ID
		sv := "/api/v2/state-versions/" + current.ID
		ws := "/api/v2/workspaces/" + f.ws
		rollback := request(nil)
		rollback["data"].(map[string]any)["relationships"] = map[string]any{"rollback-state-version": map[string]any{"data": map[string]any{"type": "state-versions", "id": old.ID}}}
		whos := map[string]string{"guest": "", "stranger": s.User("stranger").Token, "member": s.Member(f.org, "member").Token, "owner": f.org.Owner.Token,
			"outputs": f.granted(f.ws, "outputs", "custom", `{"StateVersions":"read-outputs"}`).Token}
		for _, level := range []string{"read", "plan", "write", "admin"} {
			whos[level] = f.granted(f.ws, level, level, "").Token
		}
		// 409: allowed, and the lock is the owner's.
		reads := map[string]int{"guest": 401, "stranger": 404, "member": 404, "outputs": 404, "read": 200, "plan": 200, "write": 200, "admin": 200, "owner": 200}
		outputs := map[string]int{"guest": 401, "stranger": 404, "member": 404, "outputs": 200, "read": 200, "plan": 200, "write": 200, "admin": 200, "owner": 200}
		writes := map[string]int{"guest": 401, "stranger": 404, "member": 404, "outputs": 404, "read": 404, "plan": 404, "write": 409, "admin": 409}
		deletes := map[string]int{"guest": 401, "stranger": 404, "member": 404, "outputs": 404, "read": 404, "plan": 404, "write": 404, "admin": 409, "owner": 409}
		for _, c := range []struct {
			method, path string
			body         any
			want         map[string]int
		}{
			{"GET", sv, nil, reads},
			{"GET", ws + "/current-state-version", nil, reads},
			{"GET", ws + "/state-versions", nil, reads},
			{"GET", "/api/v2/state-versions?filter[organization][name]=acme&filter[workspace][name]=net", nil, reads},
			{"GET", sv + "/outputs", nil, outputs},
			{"GET", ws + "/current-state-version-outputs", nil, outputs},
			{"GET", "/api/v2/state-version-outputs/" + output, nil, outputs},
			{"POST", ws + "/state-versions", request(map[string]any{"serial": 3, "md5": *sum(state(3))}), writes},
			{"PATCH", ws + "/state-versions", rollback, writes},
			{"POST", sv + "/actions/soft_delete_backing_data", nil, deletes},
			{"POST", sv + "/actions/restore_backing_data", nil, deletes},
			{"POST", sv + "/actions/permanently_delete_backing_data", nil, deletes},
		} {
			for who, want := range c.want {
				r := s.Do(c.method, c.path, whos[who], c.body)
				if r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", c.method, c.path, who, r.Status, r.Body, want)
				}
				if want >= 400 && (bytes.Contains(r.Body, []byte("hunter2")) || bytes.Contains(r.Body, []byte("_archivist"))) {
					s.T.Errorf("%s %s by %s tells too much: %s", c.method, c.path, who, r.Body)
				}
			}
		}
	})
}

func TestUploadAddressesAreForWriters(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		reader := f.granted(f.ws, "reader", "read", "")
		if a := attributes(s.T, s.Do("GET", "/api/v2/state-versions/"+v.ID, reader.Token, nil)); a["hosted-state-upload-url"] != nil || a["hosted-json-state-upload-url"] != nil {
			s.T.Errorf("a reader sees the upload addresses: %v", a)
		}
	})
}

func TestTeamWritesWithItsToken(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		u := f.granted(f.ws, "writers", "write", "")
		f.lock(f.ws, "user", u.ID)
		v, err := s.Client(u.Token).StateVersions.Create(f.ctx, f.ws, inline(1, state(1)))
		if err != nil || v.Serial != 1 {
			s.T.Errorf("Create by a writer with the lock = %+v, %v", v, err)
		}
	})
}

func TestRunsReadWhatIsShared(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		own, shared, global, private := f.workspace("own"), f.workspace("shared"), f.workspace("global"), f.workspace("private")
		for _, ws := range []string{own, shared, global, private} {
			f.create(ws, 1)
		}
		_, err := f.DB.Exec(f.ctx, `INSERT INTO remote_state_consumers (workspace_id, consumer_id) VALUES (?, ?)`, shared, own)
		f.must(err)
		_, err = f.DB.Exec(f.ctx, `UPDATE workspaces SET global_remote_state = TRUE WHERE id = ?`, global)
		f.must(err)
		_, secret, err := s.App.Tokens.MintRun(f.ctx, own, "job-example", 0)
		f.must(err)
		token := secret.Reveal()
		for ws, want := range map[string]int{own: 200, shared: 200, global: 200, private: 404} {
			r := s.Do("GET", "/api/v2/workspaces/"+ws+"/current-state-version", token, nil)
			outputs := s.Do("GET", "/api/v2/workspaces/"+ws+"/current-state-version-outputs", token, nil)
			if r.Status != want || outputs.Status != want {
				s.T.Errorf("current version and outputs of %s = %d and %d, want %d", ws, r.Status, outputs.Status, want)
			}
			if want == 200 {
				address, _ := attributes(s.T, r)["hosted-state-download-url"].(string)
				if got := s.Do("GET", address, token, nil); !bytes.Equal(got.Body, state(1)) {
					s.T.Errorf("download of %s = %d %s", ws, got.Status, got.Body)
				}
			}
		}
		for ws, want := range map[string]int{own: 201, shared: 404, global: 404, private: 404} {
			f.lock(ws, "run", "run-1")
			r := s.Do("POST", "/api/v2/workspaces/"+ws+"/state-versions", token, request(map[string]any{"serial": 2, "md5": *sum(state(2))}))
			if r.Status != want {
				s.T.Errorf("POST to %s by a run = %d %s, want %d", ws, r.Status, r.Body, want)
			}
		}
	})
}

func TestForeignIDs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.create(f.ws, 1)
		other := s.Org("other")
		for _, path := range []string{"/api/v2/state-versions/" + v.ID, "/api/v2/state-versions/" + v.ID + "/outputs", "/api/v2/state-version-outputs/" + v.Outputs[0].ID,
			"/api/v2/state-versions/sv-0000000000000000", "/api/v2/state-versions?filter[organization][name]=acme&filter[workspace][name]=net",
			"/api/v2/state-versions?filter[organization][name]=other&filter[workspace][name]=net"} {
			if r := s.Do("GET", path, other.Owner.Token, nil); r.Status != 404 {
				s.T.Errorf("GET %s by another organization = %d %s, want 404", path, r.Status, r.Body)
			}
		}
	})
}

func TestSensitiveOutputs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.create(f.ws, 1)
		outputs := f.granted(f.ws, "outputs", "custom", `{"StateVersions":"read-outputs"}`).Token
		values := func(path, token string) string {
			r := s.Do("GET", path, token, nil)
			doc := r.JSON()
			list, _ := doc["data"].([]any)
			if inc, ok := doc["included"].([]any); ok {
				list = inc
			}
			var out []string
			for _, item := range list {
				a := item.(map[string]any)["attributes"].(map[string]any)
				out = append(out, fmt.Sprintf("%v=%v %v %v %v", a["name"], a["value"], a["sensitive"], a["type"], a["detailed-type"]))
			}
			slices.Sort(out)
			return strings.Join(out, "; ")
		}
		const open = "address=10.0.0.1 false string string; ports=[80 443] false array [list number]; "
		const shown, hidden = open + "secret=hunter2 true string string", open + "secret=<nil> true string string"
		for _, c := range []struct{ path, token, want string }{
			{"/api/v2/workspaces/" + f.ws + "/current-state-version-outputs", f.org.Owner.Token, hidden},
			{"/api/v2/workspaces/" + f.ws + "/current-state-version-outputs", outputs, hidden},
			{"/api/v2/state-versions/" + v.ID + "/outputs", f.org.Owner.Token, shown},
			{"/api/v2/state-versions/" + v.ID + "/outputs", outputs, hidden},
			{"/api/v2/state-versions/" + v.ID + "?include=outputs", f.org.Owner.Token, shown},
		} {
			if got := values(c.path, c.token); got != c.want {
				s.T.Errorf("GET %s = %s, want %s", c.path, got, c.want)
			}
		}
		secret := v.Outputs[2].ID
		if a := attributes(s.T, s.Do("GET", "/api/v2/state-version-outputs/"+secret, outputs, nil)); a["value"] != "hunter2" || a["name"] != "secret" {
			s.T.Errorf("GET of the sensitive output = %v, want its value", a)
		}
		stored, err := db.All[[]byte](f.ctx, f.DB, `SELECT value FROM state_version_outputs`)
		if err != nil || len(stored) != 3 || bytes.Contains(bytes.Join(stored, nil), []byte("hunter2")) {
			s.T.Errorf("stored values = %q, %v; want them sealed", stored, err)
		}
		if r := s.Do("GET", "/api/v2/workspaces/"+f.workspace("empty")+"/current-state-version-outputs", f.org.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("outputs of a workspace without a state = %d, want 404", r.Status)
		}
	})
}
