package drift_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/schedules"
)

// started are the scans that schedules have started.
type started struct {
	mu   sync.Mutex
	by   map[string][]schedules.Reason
	busy bool
}

func (s *started) scan(_ context.Context, sc schedules.Schedule, why schedules.Reason) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return "", schedules.ErrBusy
	}
	s.by[sc.ID] = append(s.by[sc.ID], why)
	return "drsc-x", nil
}

// schedule makes a schedule of a repository that nobody asks.
func schedule(s *apptest.Server, org apptest.Org, name, frequency, offset string) string {
	s.T.Helper()
	made := func(typ, body string) string {
		r := s.Do("POST", "/api/v2/organizations/"+org.Name+"/"+typ, org.Owner.Token, body)
		data, _ := r.JSON()["data"].(map[string]any)
		id, _ := data["id"].(string)
		if r.Status != 201 {
			s.T.Fatalf("making %s = %d %s", typ, r.Status, r.Body)
		}
		return id
	}
	repo := made("drift-repositories", fmt.Sprintf(`{"data":{"type":"drift-repositories","attributes":{"url":"https://127.0.0.1/acme/%s","type":"git","skip-check":true}}}`, name))
	return made("drift-schedules", fmt.Sprintf(`{"data":{"type":"drift-schedules","attributes":{"name":%q,"branch":"main","folders":["."],"frequency":%q,"frequency-offset":%q,"skip-check":true},"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}}}}}`, name, frequency, offset, repo))
}

func TestSchedulesAreStartedOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org, f, seen := s.T.Context(), s.Org("acme"), s.App.Drift.Schedules, &started{by: map[string][]schedules.Reason{}}
		hourly, daily := schedule(s, org, "hourly", "hourly", "22"), schedule(s, org, "daily", "daily", "09:22")
		twin := *f // that the server's own work in the background does not have
		twin.Scan = seen.scan
		next := func(id string) time.Time {
			sc, err := f.Find(ctx, id)
			if err != nil || sc.NextAt == nil {
				s.T.Fatalf("Find = %+v, %v, want a next time", sc, err)
			}
			return sc.NextAt.Time
		}
		at := next(hourly)
		if at.Minute() != 22 || next(daily).Hour() != 9 {
			s.T.Errorf("next = %v and %v, want :22 and 09:22", at, next(daily))
		}
		if err := twin.Due(ctx, at.Add(-time.Second)); err != nil || len(seen.by) != 0 {
			s.T.Errorf("a second before: %v, %v, want nothing started", err, seen.by)
		}
		heard := s.Hear("acme", org.Owner.Token)
		told := func(what string) {
			s.T.Helper()
			for got := heard("drift-schedules"); !strings.Contains(got, hourly); got = heard("drift-schedules") { // the daily one may be due too
				if got == "the end" {
					s.T.Fatalf("of %s clients hear nothing", what)
				}
			}
		}
		var wg sync.WaitGroup
		for range 4 { // nodes
			wg.Go(func() { _ = twin.Due(ctx, at.Add(31*time.Second)) })
		}
		wg.Wait()
		if got := fmt.Sprint(seen.by[hourly]); got != "[scheduled]" || !next(hourly).Equal(at.Add(time.Hour)) {
			s.T.Errorf("four nodes started %s, next at %v, want one and an hour later", got, next(hourly))
		}
		told("a turn that was taken")
		// A night without a server.
		morning := at.Add(9*time.Hour + 30*time.Minute)
		if err := twin.Due(ctx, morning); err != nil || len(seen.by[hourly]) != 1 {
			s.T.Errorf("at once after a night = %v, %v, want nothing yet", err, seen.by)
		}
		told("a turn that was missed")
		if d := next(hourly).Sub(morning); d < 0 || d > 15*time.Minute {
			s.T.Errorf("the missed scans are made up for after %v, want within 15 minutes", d)
		}
		if err := twin.Due(ctx, next(hourly)); err != nil || fmt.Sprint(seen.by[hourly]) != "[scheduled caught-up]" || next(hourly).Minute() != 22 {
			s.T.Errorf("then %v: %v, next at %v, want one scan for all that were missed, and :22 again", err, seen.by[hourly], next(hourly))
		}
		seen.busy = true
		if err := twin.Due(ctx, next(hourly).Add(31*time.Second)); err != nil {
			s.T.Error(err)
		}
		if sc, _ := f.Find(ctx, hourly); sc.SkippedOverlap != 1 {
			s.T.Errorf("skipped = %d, want 1", sc.SkippedOverlap)
		}
		seen.busy = false
		if r := s.Do("POST", "/api/v2/drift-schedules/"+hourly+"/actions/deactivate", org.Owner.Token, ""); r.Status != 200 {
			s.T.Errorf("deactivate = %d %s", r.Status, r.Body)
		}
		n := len(seen.by[hourly])
		if err := twin.Due(ctx, at.Add(1000*time.Hour)); err != nil || len(seen.by[hourly]) != n {
			s.T.Errorf("an inactive schedule was started: %v, %v", err, seen.by)
		}
	})
}

func TestAnotherTimeZoneMovesSchedules(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	id := schedule(s, org, "daily", "daily", "09:22")
	if r := s.Do("PATCH", "/api/v2/organizations/acme/drift-settings", org.Owner.Token, `{"data":{"type":"drift-settings","attributes":{"time-zone":"Mars/Base"}}}`); r.Status != 422 {
		t.Errorf("an unknown zone = %d %s, want 422", r.Status, r.Body)
	}
	heard := s.Hear("acme", org.Owner.Token)
	if r := s.Do("PATCH", "/api/v2/organizations/acme/drift-settings", org.Owner.Token, `{"data":{"type":"drift-settings","attributes":{"time-zone":"Asia/Kolkata"}}}`); r.Status != 200 {
		t.Fatalf("PATCH = %d %s", r.Status, r.Body)
	}
	s.Settle()
	if got, want := heard("drift-schedules"), `{"type":"drift-schedules"}`; got != want {
		t.Errorf("of another time zone clients hear %s, want %s", got, want)
	}
	sc, err := s.App.Drift.Schedules.Find(t.Context(), id)
	if err != nil || sc.NextAt == nil || sc.NextAt.UTC().Format("15:04") != "03:52" {
		t.Errorf("next = %v, %v, want 03:52 UTC, which is 09:22 in Kolkata", sc.NextAt, err)
	}
	if body := string(s.Do("GET", "/api/v2/drift-schedules/"+id+"/preview", org.Owner.Token, nil).Body); strings.Count(body, "T09:22:00+05:30") != 10 {
		t.Errorf("preview = %s, want ten days at 09:22", body)
	}
}

func TestListsCostTheSame(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	schedule(s, org, "a", "hourly", "")
	count := func(path string) int {
		return len(s.Statements(func() {
			if r := s.Do("GET", path, org.Owner.Token, nil); r.Status != 200 {
				t.Errorf("GET %s = %d %s", path, r.Status, r.Body)
			}
		}))
	}
	before := map[string]int{}
	paths := []string{"/api/v2/organizations/acme/drift-schedules?sort=-next-at&filter[active]=true", "/api/v2/organizations/acme/drift-repositories?search[name]=acme", "/api/v2/organizations/acme/drift-connections", "/api/v2/organizations/acme/drift-snoozes"}
	for _, p := range paths {
		count(p)
		before[p] = count(p)
	}
	for i := range 5 {
		schedule(s, org, fmt.Sprint("b", i), "hourly", "")
	}
	for _, p := range paths {
		if n := count(p); n != before[p] {
			t.Errorf("GET %s takes %d statements with six, %d with one", p, n, before[p])
		}
	}
}

func TestTimesOfAScheduleThatIsNotSaved(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	if r := s.Do("PATCH", "/api/v2/organizations/acme/drift-settings", org.Owner.Token, `{"data":{"type":"drift-settings","attributes":{"time-zone":"Asia/Kolkata"}}}`); r.Status != 200 {
		t.Fatalf("time zone = %d %s", r.Status, r.Body)
	}
	const path = "/api/v2/organizations/acme/drift-schedule-preview?"
	out := s.Do("GET", path+"frequency=weekly&frequency-offset=mon+09:22", org.Owner.Token, nil).JSON()
	times, _ := out["times"].([]any)
	if len(times) != 10 || !strings.HasSuffix(fmt.Sprint(times[0]), "T09:22:00+05:30") || out["label"] != "Every Monday at 09:22 (Asia/Kolkata)" {
		t.Errorf("preview = %v, want ten Mondays", out)
	}
	if out = s.Do("GET", path+"frequency=off", org.Owner.Token, nil).JSON(); fmt.Sprint(out["times"]) != "[]" {
		t.Errorf("preview of off = %v, want no time", out)
	}
	for query, want := range map[string]int{"frequency=never": 422, "frequency=daily&frequency-offset=25": 422, "frequency=" + strings.Repeat("x", 300): 400} {
		if r := s.Do("GET", path+query, org.Owner.Token, nil); r.Status != want {
			t.Errorf("preview %s = %d %s, want %d", query, r.Status, r.Body, want)
		}
	}
	if r := s.Do("GET", path+"frequency=daily", s.User("stranger").Token, nil); r.Status != 404 {
		t.Errorf("preview for a stranger = %d, want 404", r.Status)
	}
}
