package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

func TestIPRangesAreWhatTheOperatorSays(t *testing.T) {
	s := apptest.Start(t, func(c *config.Server) { c.IPRanges.VCS = []string{"192.0.2.0/24"} })
	get := func(since string) *apptest.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/api/meta/ip-ranges", nil)
		if err != nil {
			t.Fatal(err)
		}
		if since != "" {
			req.Header.Set("If-Modified-Since", since)
		}
		return s.Send(req)
	}
	r := get("")
	ranges := r.JSON()
	if r.Status != 200 || !slices.Equal(ranges["vcs"].([]any), []any{"192.0.2.0/24"}) {
		t.Errorf("GET = %d %s, want the VCS network that was configured", r.Status, r.Body)
	}
	for _, name := range []string{"api", "notifications", "sentinel"} {
		if list, _ := ranges[name].([]any); len(list) == 0 || !strings.Contains(list[0].(string), "/") {
			t.Errorf("%s = %v, want the networks of the machine", name, ranges[name])
		}
	}
	for since, want := range map[string]int{r.Header.Get("Last-Modified"): 304, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): 304,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 200, "nonsense": 200} {
		if r := get(since); r.Status != want || (want == 304 && len(r.Body) > 0) {
			t.Errorf("GET If-Modified-Since %s = %d %s, want %d", since, r.Status, r.Body, want)
		}
	}
}
