package apptest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Hear follows the changes of an organization, as a page does. What it returns waits for the
// next change of a resource of the type, and returns the event's data; "the end" if there is none.
func (s *Server) Hear(org, token string) func(kind string) string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), time.Minute)
	s.tb.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v2/organizations/"+org+"/events", nil)
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	s.must(err)
	s.tb.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != ": alive" { // from now on nothing is missed
		s.tb.Fatalf("events of %s = %d, first line %q", org, res.StatusCode, lines.Text())
	}
	return func(kind string) string {
		for lines.Scan() {
			var change struct{ Type string }
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if ok && json.Unmarshal([]byte(data), &change) == nil && change.Type == kind {
				return data
			}
		}
		return "the end"
	}
}
