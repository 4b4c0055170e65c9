package vcs_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// gitAt returns a Git whose rules let it reach loopback.
func gitAt(t *testing.T, o safehttp.Options) *vcs.Git {
	t.Helper()
	c, err := safehttp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &vcs.Git{Dir: filepath.Join(t.TempDir(), "git"), Client: c, Timeout: 2 * time.Minute}
}

func open() safehttp.Options {
	return safehttp.Options{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func code(err error) string {
	var e *vcs.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestBranchesCommitsAndArchives(t *testing.T) {
	h := apptest.NewGitHost(t)
	h.Commit("private/infra", "main", map[string]string{"a/main.tf": "resource a", "a/data.txt": "$Id$ $Format:%H$ text\n", "b/main.tf": "b", ".gitattributes": "* export-subst\nb export-ignore\n*.txt ident eol=crlf\n", "a/link": "-> ../b/main.tf"})
	h.Commit("private/infra", "feature/x", map[string]string{"c/main.tf": "c"})
	g, r := gitAt(t, open()), vcs.Remote{URL: h.Address("private/infra"), User: "x-access-token", Token: crypt.Secret(h.Token)}
	refs, err := g.Refs(t.Context(), r)
	if err != nil || refs.Default != "main" || len(refs.Branches) != 2 || refs.Branches["feature/x"] == "" {
		t.Fatalf("Refs = %+v, %v, want main and feature/x", refs, err)
	}
	c, err := g.Fetch(t.Context(), "org", r, "main")
	if err != nil || c.SHA != refs.Branches["main"] {
		t.Fatalf("Fetch = %q, %v, want %s", c.SHA, err, refs.Branches["main"])
	}
	files, err := c.Files(t.Context())
	if err != nil || len(files) != 5 {
		t.Fatalf("Files = %v, %v, want 5", files, err)
	}
	i := slices.IndexFunc(files, func(e vcs.Entry) bool { return e.Path == "a/main.tf" })
	contents, err := c.Read(t.Context(), []string{files[i].SHA}, 1<<20)
	if err != nil || string(contents[files[i].SHA]) != "resource a" {
		t.Errorf("Read = %q, %v", contents[files[i].SHA], err)
	}
	got := unpack(t, c, []string{"a", "b"})
	if got["a/main.tf"] != "resource a" || got["b/main.tf"] != "b" || got["a/data.txt"] != "$Id$ $Format:%H$ text\n" {
		t.Errorf("Archive = %q, want the files as they are, whatever .gitattributes says", got)
	}
	if _, ok := unpack(t, c, []string{"b"})["a/main.tf"]; ok {
		t.Errorf("Archive of b has a/main.tf")
	}
	next := h.Commit("private/infra", "main", map[string]string{"a/main.tf": "changed"})
	if c, err = g.Fetch(t.Context(), "org", r, "main"); err != nil || c.SHA != next || unpack(t, c, nil)["a/main.tf"] != "changed" {
		t.Errorf("Fetch after a push = %q, %v, want %s", c.SHA, err, next)
	}
}

func unpack(t *testing.T, c vcs.Commit, paths []string) map[string]string {
	t.Helper()
	r, err := c.Archive(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	out := map[string]string{}
	for f, err := range archive.Files(t.Context(), r, archive.Limits{}) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		out[f.Path] = b.String()
	}
	return out
}

func TestWhatCannotBeRead(t *testing.T) {
	h := apptest.NewGitHost(t)
	h.Commit("private/infra", "main", map[string]string{"main.tf": "x"})
	h.Commit("public/infra", "main", map[string]string{"main.tf": "x"})
	g := gitAt(t, open())
	for name, c := range map[string]struct {
		remote vcs.Remote
		branch string
		want   string
	}{
		"no token":      {vcs.Remote{URL: h.Address("private/infra")}, "main", vcs.Denied},
		"wrong token":   {vcs.Remote{URL: h.Address("private/infra"), User: "x", Token: "wrong-token"}, "main", vcs.Denied},
		"no repository": {vcs.Remote{URL: h.Address("public/none")}, "main", vcs.Unreachable},
		"no branch":     {vcs.Remote{URL: h.Address("public/infra")}, "none", vcs.BranchMissing},
		"odd branch":    {vcs.Remote{URL: h.Address("public/infra")}, "--upload-pack=touch /tmp/x", vcs.BranchMissing},
		"redirect":      {vcs.Remote{URL: h.Address("moved/infra")}, "main", vcs.Unreachable},
		"closed port":   {vcs.Remote{URL: "http://127.0.0.1:1/a/b"}, "main", vcs.Unreachable},
	} {
		_, err := g.Fetch(t.Context(), "org", c.remote, c.branch)
		if code(err) != c.want {
			t.Errorf("Fetch with %s = %v (%s), want %s", name, err, code(err), c.want)
		}
		if err != nil && strings.Contains(err.Error(), "wrong-token") {
			t.Errorf("Fetch with %s = %v, shows the token", name, err)
		}
	}
}

func TestHostsAreJudged(t *testing.T) {
	h := apptest.NewGitHost(t)
	h.Commit("public/infra", "main", map[string]string{"main.tf": "x"})
	before := len(h.Requests())
	inside := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for name, o := range map[string]safehttp.Options{"closed": {AllowHTTP: true}, "rebinding": {AllowHTTP: true, Resolver: inside}, "http": {Allow: open().Allow}} {
		address := h.Address("public/infra")
		if name == "rebinding" {
			address = strings.Replace(address, "127.0.0.1", "git.example", 1)
		}
		if _, err := gitAt(t, o).Refs(t.Context(), vcs.Remote{URL: address}); code(err) != vcs.Refused {
			t.Errorf("Refs with rules %s = %v, want %s", name, err, vcs.Refused)
		}
	}
	if n := len(h.Requests()); n != before {
		t.Errorf("the host got %d requests, want none", n-before)
	}
	o := open()
	o.Resolver = inside
	address := strings.Replace(h.Address("public/infra"), "127.0.0.1", "git.example", 1)
	if refs, err := gitAt(t, o).Refs(t.Context(), vcs.Remote{URL: address}); err != nil || len(refs.Branches) != 1 {
		t.Errorf("Refs by a name that only the rules resolve = %v, %v: git must be told the address", refs, err)
	}
}

func TestAddressesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"https://github.com/a/b.git":          "https://github.com/a/b",
		"https://user:secret@GitHub.com/a/b/": "https://github.com/a/b",
		"git@github.com:a/b.git":              "ssh://git@github.com/a/b",
		"ssh://git@host:2222/a/b":             "ssh://git@host:2222/a/b",
		"file:///etc":                         "",
		"ext::sh -c id":                       "",
		"--upload-pack=x":                     "",
		"https://github.com/":                 "",
		"https://host/a/../../b":              "",
		"ssh://-oProxyCommand=x/a/b":          "",
		"https://host/a b":                    "",
		"":                                    "",
	} {
		got := ""
		if u, err := vcs.Clean(in); err == nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnusedMirrorsAreSwept(t *testing.T) {
	h := apptest.NewGitHost(t)
	h.Commit("public/infra", "main", map[string]string{"main.tf": "x"})
	g := gitAt(t, open())
	if _, err := g.Fetch(t.Context(), "org", vcs.Remote{URL: h.Address("public/infra")}, "main"); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		n := 0
		entries, _ := os.ReadDir(g.Dir)
		for _, e := range entries {
			if e.IsDir() {
				n++
			}
		}
		return n
	}
	if err := g.Sweep(time.Now().Add(-time.Hour)); err != nil || count() != 1 {
		t.Errorf("Sweep of old mirrors = %v, leaves %d, want 1", err, count())
	}
	if err := g.Sweep(time.Now().Add(time.Hour)); err != nil || count() != 0 {
		t.Errorf("Sweep of all = %v, leaves %d, want 0", err, count())
	}
}
