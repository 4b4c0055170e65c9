package configversions_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestWhoMayDoWhat(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.uploaded(tgz(s.T, file("main.tf", "1")))
		cv, ws := "/api/v2/configuration-versions/"+v.ID, "/api/v2/workspaces/"+f.ws
		other := s.Workspace(f.org, "", "other")
		whos := map[string]string{"guest": "", "stranger": s.Org("strange").Owner.Token, "member": s.Member(f.org, "member").Token, "owner": f.org.Owner.Token,
			"organization": s.Token(tokens.Token{Kind: tokens.Org, OrgID: &f.org.ID}), "run": s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &f.ws}),
			"run elsewhere":  s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &other}),
			"admin of other": s.With(f.org, "admin-of-other", nil, map[string]string{other: "admin"}).Token}
		for _, level := range []string{"read", "plan", "write", "admin"} {
			whos[level] = s.With(f.org, level, nil, map[string]string{f.ws: level}).Token
		}
		may := func(status int, names ...string) map[string]int {
			want := map[string]int{}
			for who := range whos {
				want[who] = 404
			}
			want["guest"] = 401
			for _, who := range names {
				want[who] = status
			}
			return want
		}
		// 409 and 400: allowed, and the version is the current one.
		for _, c := range []struct {
			method, path string
			body         any
			want         map[string]int
		}{
			{"GET", cv, nil, may(200, "read", "plan", "write", "admin", "owner", "organization", "run")},
			{"GET", ws + "/configuration-versions", nil, may(200, "read", "plan", "write", "admin", "owner", "organization", "run")},
			{"GET", cv + "/download", nil, may(302, "read", "plan", "write", "admin", "owner", "organization", "run")},
			{"POST", cv + "/actions/archive", nil, may(409, "write", "admin", "owner")},
			{"POST", cv + "/actions/soft_delete_backing_data", nil, may(400, "admin", "owner", "organization")},
			{"POST", cv + "/actions/restore_backing_data", nil, may(400, "admin", "owner", "organization")},
			{"POST", cv + "/actions/permanently_delete_backing_data", nil, may(400, "admin", "owner", "organization")},
			{"POST", ws + "/configuration-versions", `{"data":{"type":"configuration-versions"}}`, may(201, "plan", "write", "admin", "owner")},
		} {
			for who, want := range c.want {
				r := s.Do(c.method, c.path, whos[who], c.body)
				if r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", c.method, c.path, who, r.Status, r.Body, want)
				}
				if want >= 400 && (bytes.Contains(r.Body, []byte("_archivist")) || r.Header.Get("Location") != "") {
					s.T.Errorf("%s %s by %s gives an address: %s %v", c.method, c.path, who, r.Body, r.Header)
				}
			}
		}
		f.wantStatus(v.ID, "uploaded")
	})
}

func TestArchivesAreStoredEncrypted(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		body := tgz(s.T, file("main.tf", noise(100)))
		f.uploaded(body)
		looked := 0
		f.must(filepath.WalkDir(filepath.Join(s.Dir, "blobs"), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			looked++
			stored, err := os.ReadFile(p)
			if bytes.Contains(stored, body[20:60]) {
				s.T.Errorf("the archive can be read in %s", p)
			}
			return err
		}))
		if looked == 0 {
			s.T.Error("no object was found")
		}
	})
}
