package configversions_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/kernel/id"
)

func TestTheNewestIsFirst(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, second, third := f.create(), f.create(), f.create()
		list, err := f.c.ConfigurationVersions.List(f.ctx, f.ws, &tfe.ConfigurationVersionListOptions{ListOptions: tfe.ListOptions{PageSize: 2}})
		f.must(err)
		if len(list.Items) != 2 || list.TotalCount != 3 || list.Items[0].ID != third.ID || list.Items[1].ID != second.ID {
			s.T.Errorf("List = %v of %d, want the two newest of 3", list.Items, list.TotalCount)
		}
		list, err = f.c.ConfigurationVersions.List(f.ctx, f.ws, &tfe.ConfigurationVersionListOptions{ListOptions: tfe.ListOptions{PageSize: 2, PageNumber: 2}})
		f.must(err)
		if len(list.Items) != 1 || list.Items[0].ID != first.ID || list.Items[0].UploadURL != "" {
			s.T.Errorf("List of page 2 = %+v, want the first, without an upload address", list.Items)
		}
	})
}

func TestListsTakeTheSameStatementsForAnyLength(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		path := "/api/v2/workspaces/" + f.ws + "/configuration-versions?include=ingress_attributes"
		list := func() []string { return s.Statements(func() { s.Do("GET", path, f.org.Owner.Token, nil) }) }
		f.ingress(f.create().ID)
		list() // the subject of the token is remembered from here on
		one := list()
		for range 5 {
			f.ingress(f.create().ID)
		}
		if six := list(); len(six) != len(one) {
			s.T.Errorf("statements for 6 versions = %d, for one %d:\n%s", len(six), len(one), strings.Join(six, "\n"))
		}
	})
}

func TestCurrentVersion(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		if got := f.current(); got != "" {
			s.T.Errorf("current version of a new workspace = %s, want none", got)
		}
		v := f.create()
		f.createWith(tfe.ConfigurationVersionCreateOptions{Provisional: new(true)})
		f.createWith(tfe.ConfigurationVersionCreateOptions{Speculative: new(true)})
		if got := f.current(); got != v.ID {
			s.T.Errorf("current version = %s, want %s: neither the provisional nor the speculative one", got, v.ID)
		}
		r := s.Do("GET", "/api/v2/workspaces/"+f.ws+"?include=current_configuration_version", f.org.Owner.Token, nil)
		if r.Status != 200 || !bytes.Contains(r.Body, []byte(`"included":[{"id":"`+v.ID+`","type":"configuration-versions"`)) {
			s.T.Errorf("GET of the workspace with it = %d %s", r.Status, r.Body)
		}
		next := f.create()
		if got := f.current(); got != next.ID {
			s.T.Errorf("current version = %s, want the newer %s", got, next.ID)
		}
		if r := s.Do("DELETE", "/api/v2/workspaces/"+f.ws, f.org.Owner.Token, nil); r.Status != 204 {
			s.T.Errorf("DELETE of the workspace = %d %s", r.Status, r.Body)
		}
		refused(s.T, "GET after the workspace", f.do("GET", next.ID), 404, "not found")
	})
}

func TestWrongRequests(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		path := "/api/v2/workspaces/" + f.ws + "/configuration-versions"
		for body, status := range map[string]int{
			``: 400, `{`: 400, `[]`: 400, `{"data":{"type":"runs"}}`: 409,
			`{"data":{"type":"configuration-versions","attributes":{"speculative":"yes"}}}`: 422,
		} {
			if r := s.Do("POST", path, f.org.Owner.Token, body); r.Status != status {
				s.T.Errorf("POST %s = %d %s, want %d", body, r.Status, r.Body, status)
			}
		}
		v := f.create()
		if r := f.do("GET", v.ID+"?include=nonsense"); r.Status != 400 {
			s.T.Errorf("GET with an unknown include = %d %s, want 400", r.Status, r.Body)
		}
		refused(s.T, "PUT to another address", s.Do("PUT", v.UploadURL[:len(v.UploadURL)-8]+"AAAAAAAA", "", tgz(s.T)), 404, "")
		refused(s.T, "GET of the upload address", s.Do("GET", v.UploadURL, "", nil), 404, "")
		f.wantStatus(v.ID, "pending")
	})
}

// ingress gives a version a commit, as a VCS does.
func (f *fixture) ingress(versionID string) string {
	f.T.Helper()
	number, title := int64(163), "Add cool stuff"
	i := configversions.Ingress{ID: id.New("ia"), VersionID: versionID, Branch: "add-cool-stuff", CommitSHA: "1e1c10", CommitURL: "https://example.com/c",
		Identifier: "acme/net", IsPullRequest: true, PullRequestNumber: &number, PullRequestTitle: &title, SenderUsername: "chris", CreatedBy: &f.org.Owner.ID}
	f.must(f.DB.Insert(f.ctx, "ingress_attributes", i))
	return i.ID
}

func TestIngressAttributes(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.create()
		refused(s.T, "GET without a commit", f.do("GET", v.ID+"/ingress-attributes"), 404, "not found")
		if r := f.do("GET", v.ID+"?include=ingress_attributes"); r.Status != 200 || !bytes.Contains(r.Body, []byte(`"ingress-attributes":{"data":null`)) || bytes.Contains(r.Body, []byte("included")) {
			s.T.Errorf("GET = %d %s, want no commit", r.Status, r.Body)
		}
		ingress := f.ingress(v.ID)
		got, err := f.c.ConfigurationVersions.ReadWithOptions(f.ctx, v.ID, &tfe.ConfigurationVersionReadOptions{Include: []tfe.ConfigVerIncludeOpt{tfe.ConfigVerIngressAttributes}})
		f.must(err)
		if i := got.IngressAttributes; i == nil || i.ID != ingress || i.Branch != "add-cool-stuff" || i.PullRequestNumber != 163 || !i.IsPullRequest || i.Tag != "" {
			s.T.Errorf("Read with its commit = %+v", got.IngressAttributes)
		}
		if r := f.do("GET", v.ID+"/ingress-attributes"); r.Status != 200 || !bytes.Contains(r.Body, fmt.Appendf(nil, `"id":%q,"type":"ingress-attributes"`, ingress)) {
			s.T.Errorf("GET = %d %s, want the commit", r.Status, r.Body)
		}
	})
}

func TestReadmeOfTheWorkspace(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		_, err := f.c.Workspaces.UpdateByID(f.ctx, f.ws, tfe.WorkspaceUpdateOptions{WorkingDirectory: new("/envs/prod/")})
		f.must(err)
		want := func(what, want string) {
			s.T.Helper()
			s.Settle()
			r, err := f.c.Workspaces.Readme(f.ctx, f.ws)
			f.must(err)
			var got bytes.Buffer
			if r != nil {
				_, err = got.ReadFrom(r)
				f.must(err)
			}
			if got.String() != want {
				s.T.Errorf("readme %s = %.80q, want %q", what, got.String(), want)
			}
		}
		want("of a new workspace", "")
		heard := s.Hear("acme", f.org.Owner.Token)
		f.uploaded(tgz(s.T, file("README.md", "# root"), file("envs/prod/README.md", "# first"), file("./envs/prod/README.md", "# prod"), file("z/README.md", "# z")))
		want("of the working directory", "# prod")
		if got, want := heard("workspaces"), `{"type":"workspaces","id":"`+f.ws+`","workspace":"`+f.ws+`"}`; got != want {
			s.T.Errorf("of a readme clients hear %s, want %s", got, want)
		}
		other := f.createWith(tfe.ConfigurationVersionCreateOptions{Speculative: new(true)})
		f.put(other, tgz(s.T, file("envs/prod/README.md", "# a proposal")))
		want("after a speculative version", "# prod")
		f.uploaded(tgz(s.T, file("envs/prod/README.md", "# next")))
		want("of the next version", "# next")
		for what, text := range map[string]string{"that is too long": strings.Repeat("x", 512<<10+1), "that is no text": "\xff\xfe", "with a NUL": "a\x00b"} {
			f.uploaded(tgz(s.T, file("envs/prod/README.md", "# fine")))
			want("before one "+what, "# fine")
			f.uploaded(tgz(s.T, file("envs/prod/README.md", text)))
			want(what, "")
		}
		f.uploaded(tgz(s.T, file("envs/prod/README.md", "# secret")))
		want("at last", "# secret")
		stranger := s.Do("GET", "/api/v2/workspaces/"+f.ws+"?include=readme", s.User("stranger").Token, nil)
		if stranger.Status != 404 || bytes.Contains(stranger.Body, []byte("secret")) {
			s.T.Errorf("GET by a stranger = %d %s, want 404", stranger.Status, stranger.Body)
		}
	})
}
