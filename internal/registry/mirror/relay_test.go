package mirror_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// TestQuestionsAboutThePublicRegistryArePassedOn uses a public registry of its own.
func TestQuestionsAboutThePublicRegistryArePassedOn(t *testing.T) {
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.Header.Get("Authorization") != "":
			t.Errorf("%s has the caller's token", req.URL)
		case req.URL.Path == "/.well-known/terraform.json":
			_, _ = w.Write([]byte(`{"modules.v1":"/v1/modules/","providers.v1":"/v1/providers/"}`))
		case strings.Contains(req.URL.Path, "/broken/"):
			http.Error(w, "oops", http.StatusInternalServerError)
		case strings.Contains(req.URL.Path, "/missing/"):
			http.NotFound(w, req)
		default:
			_, _ = w.Write([]byte(`{"asked":"` + req.URL.Path + `"}`))
		}
	}))
	defer public.Close()
	s := apptest.Start(t, func(c *config.Server) {
		c.Mirror = config.Mirror{Origins: []string{"registry.terraform.io"}, Rewrite: map[string]string{"registry.terraform.io": public.URL}}
	})
	token := s.User("somebody").Token
	const base = "/api/registry/public/v1"
	for _, path := range []string{"/modules/hashicorp/consul/aws", "/modules/hashicorp/consul/aws/versions", "/modules/hashicorp/consul/aws/0.1.0", "/providers/hashicorp/null/versions", "/providers/hashicorp/null/3.2.3/download/linux/amd64"} {
		r := s.Do("GET", base+path, token, nil)
		if r.Status != 200 || string(r.Body) != `{"asked":"/v1`+path+`"}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("GET %s = %d %s", path, r.Status, r.Body)
		}
	}
	for path, want := range map[string]int{"/modules/missing/x/y/versions": 404, "/modules/broken/x/y/versions": 502, "/modules/..%2f..%2fx/b/c/versions": 404} {
		if r := s.Do("GET", base+path, token, nil); r.Status != want {
			t.Errorf("GET %s = %d %s, want %d", path, r.Status, r.Body, want)
		}
	}
	if r := s.Do("GET", base+"/modules/hashicorp/consul/aws/versions", "", nil); r.Status != 401 {
		t.Errorf("GET without a token = %d, want 401", r.Status)
	}
	closed := apptest.Start(t, func(c *config.Server) { c.Mirror = config.Mirror{Origins: []string{"none"}} })
	if r := closed.Do("GET", base+"/modules/hashicorp/consul/aws/versions", closed.User("a").Token, nil); r.Status != 404 || !strings.Contains(string(r.Body), "--mirror-origins") {
		t.Errorf("GET where nothing is mirrored = %d %s, want 404", r.Status, r.Body)
	}
}
