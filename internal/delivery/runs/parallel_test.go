package runs_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestParallelRequestsKeepTheLane has people queue, cancel and discard runs of one
// workspace all at once.
func TestParallelRequestsKeepTheLane(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		const people, each = 6, 4
		codes := make([]map[int]int, people)
		var wg sync.WaitGroup
		for p := range people {
			codes[p] = map[int]int{}
			wg.Go(func() {
				for i := range each {
					res := s.Do("POST", "/api/v2/runs", f.org.Owner.Token, document(nil, map[string]string{"workspace": f.ws}))
					codes[p][res.Status]++
					if data, ok := res.JSON()["data"].(map[string]any); ok && i%2 == p%2 {
						codes[p][s.Do("POST", "/api/v2/runs/"+data["id"].(string)+"/actions/cancel", f.org.Owner.Token, nil).Status]++
					}
				}
			})
		}
		wg.Wait()
		for p := range people {
			if diff := cmp.Diff(map[int]int{201: each, 202: each / 2}, codes[p]); diff != "" {
				s.T.Errorf("answers to person %d:\n%s", p, diff)
			}
		}
		type open struct {
			Status  runs.Status `db:"status"`
			Current *bool       `db:"is_current"`
		}
		list, err := db.All[open](f.ctx, s.DB, `SELECT r.status, q.current AS is_current FROM runs r LEFT JOIN run_queue q ON q.run_id = r.id
			WHERE r.workspace_id = ? AND NOT r.final ORDER BY q.position`, f.ws)
		f.must(err)
		if len(list) != people*each/2 {
			s.T.Errorf("open runs = %d, want %d", len(list), people*each/2)
		}
		for i, r := range list {
			first := i == 0
			if r.Current == nil || *r.Current != first || (r.Status == runs.PlanQueued) != first {
				s.T.Errorf("run %d of the lane is %s, current %v", i, r.Status, r.Current)
			}
		}
		amiss, err := s.App.RunQueue.Amiss(f.ctx)
		if err != nil || len(amiss) != 0 {
			s.T.Errorf("amiss: %v, %v", amiss, err)
		}
	})
}
