package app_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

func TestInstallationIsSummedUp(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		r := s.Do("GET", "/api/v2/admin/installation", s.AdminToken(), nil)
		a, _ := r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
		engine := "sqlite"
		if s.DB.Postgres() {
			engine = "postgres"
		}
		settings, counts := a["settings"].(map[string]any), a["counts"].(map[string]any)
		if r.Status != 200 || a["version"] != config.Version || settings["database"] != engine || settings["objects"] != "file" || counts["organizations"] != 1.0 || counts["users"].(float64) < 2 {
			s.T.Errorf("GET = %d %s", r.Status, r.Body)
		}
		nodes := a["nodes"].([]any)
		if len(nodes) != 1 || nodes[0].(map[string]any)["healthy"] != true || nodes[0].(map[string]any)["version"] != config.Version {
			s.T.Errorf("nodes = %v, want the one that runs", nodes)
		}
		for _, path := range []string{"installation", "failed-jobs", "agents"} {
			if r := s.Do("GET", "/api/v2/admin/"+path, o.Owner.Token, nil); r.Status != 404 {
				s.T.Errorf("GET %s by an owner = %d, want 404", path, r.Status)
			}
		}
	})
}

type breaks struct{}

func (breaks) Kind() string { return "test.breaks" }

func TestFailedJobsAreTriedAgain(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		list := func() []any {
			return s.Do("GET", "/api/v2/admin/failed-jobs", s.AdminToken(), nil).JSON()["data"].([]any)
		}
		if got := list(); len(got) != 0 {
			s.T.Fatalf("failed jobs = %v, want none", got)
		}
		id := failedJob(s)
		one := s.Do("GET", "/api/v2/admin/failed-jobs/"+id, s.AdminToken(), nil)
		if one.Status != 200 || !strings.Contains(string(one.Body), "the cloud is gone") || len(list()) != 1 {
			s.T.Fatalf("GET = %d %s", one.Status, one.Body)
		}
		if r := s.Do("POST", "/api/v2/admin/failed-jobs/"+id+"/actions/retry", s.AdminToken(), nil); r.Status != 204 {
			s.T.Errorf("retry = %d %s", r.Status, r.Body)
		}
		for _, absent := range []string{"0", "99999999", "x", "-1"} {
			if r := s.Do("POST", "/api/v2/admin/failed-jobs/"+absent+"/actions/retry", s.AdminToken(), nil); r.Status != 404 {
				s.T.Errorf("retry of %s = %d, want 404", absent, r.Status)
			}
		}
	})
}

// failedJob makes a job that failed once, in a queue of its own beside the server's, and
// returns its id.
func failedJob(s *apptest.Server) string {
	s.T.Helper()
	q, err := jobs.New(s.DB)
	if err != nil {
		s.T.Fatal(err)
	}
	var tries atomic.Int32
	jobs.Handle(q, func(context.Context, breaks) error { tries.Add(1); return errors.New("the cloud is gone") }, jobs.Attempts(1), jobs.InQueue("test"))
	if err := q.Enqueue(s.T.Context(), breaks{}); err != nil {
		s.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.T.Context()))
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	for {
		list, err := q.Failures(s.T.Context())
		if err != nil {
			s.T.Fatal(err)
		}
		if len(list) == 1 {
			cancel()
			if err := <-done; err != nil || tries.Load() != 1 || list[0].NextAt != nil || list[0].Kind != "test.breaks" {
				s.T.Errorf("failure = %+v after %d tries, %v", list[0], tries.Load(), err)
			}
			return strconv.FormatInt(list[0].ID, 10)
		}
	}
}
