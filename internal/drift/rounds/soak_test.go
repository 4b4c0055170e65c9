package rounds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// A month of scans: one every six hours.
const (
	sixHours    = "6 hours"
	stepsOfSoak = 30 * 4
)

// within reports whether a step lies from one until before another.
func within(step, from, until int) bool { return step >= from && step < until }

// noise is what clouds change and nobody needs to know.
func noise(step int) apptest.Found {
	return apptest.Found{Address: "aws_db_instance.db", Path: "latest_restorable_time", Kind: classify.StateOnly, Level: severity.Info, Real: fmt.Sprint(step)}
}

// soaked are folders: what their scans find at a step, and what is told in the whole month.
var soaked = map[string]struct {
	finds func(step int) []apptest.Found
	told  []string
}{
	"noisy": {func(step int) []apptest.Found { return nil }, nil},
	"steady": {func(step int) []apptest.Found {
		if within(step, 10, 61) {
			return []apptest.Found{drift(severity.Medium, "x")}
		}
		return nil
	}, []string{"10 new medium", "61 resolved info"}},
	"changing": {func(step int) []apptest.Found {
		switch {
		case within(step, 20, 40):
			return []apptest.Found{drift(severity.Medium, "x")}
		case within(step, 40, 60):
			return []apptest.Found{drift(severity.Medium, "y")}
		case within(step, 60, 80):
			return []apptest.Found{drift(severity.High, "y")}
		}
		return nil
	}, []string{"20 new medium", "40 changed medium", "60 raised high", "80 resolved info"}},
	"flapping": {func(step int) []apptest.Found {
		if within(step, 12, 40) && step%2 == 0 {
			return []apptest.Found{drift(severity.Medium, "x")}
		}
		return nil
	}, []string{"12 new medium", "13 resolved info", "14 new medium", "15 resolved info", "16 new medium", "17 resolved info", "18 new medium", "19 resolved info"}},
	"returning": {func(step int) []apptest.Found {
		if within(step, 10, 14) || within(step, 60, 64) {
			return []apptest.Found{drift(severity.Low, "x")}
		}
		return nil
	}, []string{"10 new low", "14 resolved info", "60 new low", "64 resolved info"}},
	"ignored": {func(step int) []apptest.Found {
		known := drift(severity.Critical, fmt.Sprint(step))
		known.Address = "aws_s3_bucket.known"
		return []apptest.Found{known}
	}, nil},
	"waiting": {func(step int) []apptest.Found { return []apptest.Found{waiting(fmt.Sprint(step / 7))} }, nil},
	"snoozed": {func(step int) []apptest.Found {
		switch {
		case within(step, 20, 24):
			return []apptest.Found{drift(severity.Medium, "x")}
		case within(step, 24, 26):
			return []apptest.Found{drift(severity.Medium, "y")}
		case within(step, 26, 30):
			return []apptest.Found{drift(severity.Critical, "y")}
		}
		return nil
	}, []string{"20 new medium", "26 raised critical", "30 resolved info"}},
}

// TestAMonthOfScans plays thirty days on a clock that the test moves on: each episode is told
// once, noise never, and every end of what was told is told.
func TestAMonthOfScans(t *testing.T) {
	if testing.Short() {
		t.Skip("a month takes a while")
	}
	watch(t, `"alert-on-resolved":true`, func(p *patrol) {
		if p.DB.Postgres() {
			p.T.Skip("the clock is moved on in SQLite")
		}
		p.make("drift-ignore-rules", `"address":"aws_s3_bucket.known","reason":"it is known"`, "")
		told := map[string][]string{}
		for step := range stepsOfSoak {
			if step == 22 {
				p.silence("snoozed", 3*24*time.Hour)
			}
			for _, folder := range slices.Sorted(maps.Keys(soaked)) {
				p.settle(folder, append(soaked[folder].finds(step), noise(step)))
			}
			for event := range strings.SplitSeq(p.news(), ", ") {
				if f := strings.Fields(event); len(f) == 3 {
					told[f[1]] = append(told[f[1]], fmt.Sprint(step, " ", f[0], " ", f[2]))
				}
			}
			p.later()
		}
		for folder, want := range soaked {
			if diff := cmp.Diff(want.told, told[folder]); diff != "" {
				p.T.Errorf("%s (-want +got):\n%s", folder, diff)
			}
		}
	})
}

// settle lets a scan of a folder end with what it found.
func (p *patrol) settle(folder string, found []apptest.Found) {
	p.T.Helper()
	r, now := apptest.Report(60, nil, found...), db.Now()
	v := scans.Verdict{Fingerprints: r.Fingerprints, Undrifted: r.Undrifted}
	if err := json.Unmarshal(r.Verdict, &v.Verdict); err != nil {
		p.T.Fatal(err)
	}
	s := scans.Scan{ID: id.New("drsc"), OrgID: p.org.ID, ScheduleID: &p.id, Folder: folder, Target: scans.TargetOf("", p.id, folder), Reason: scans.Scheduled, Status: scans.Finished, QueuedAt: now, StartedAt: &now, EndedAt: &now}
	s.Batch = s.ID
	err := p.DB.Tx(p.T.Context(), func(ctx context.Context) error {
		if err := p.DB.Insert(ctx, "drift_scans", s); err != nil {
			return err
		}
		_, err := p.App.Drift.Findings.Settle(ctx, s, v)
		return err
	})
	if err != nil {
		p.T.Fatal(err)
	}
}

func (p *patrol) silence(folder string, d time.Duration) {
	p.T.Helper()
	s, err := p.App.Drift.Schedules.Find(p.T.Context(), p.id)
	if err == nil {
		_, err = p.App.Drift.Snoozes.Set(p.T.Context(), s, folder, time.Now().Add(d))
	}
	if err != nil {
		p.T.Fatal(err)
	}
}

// later lets time pass until the next step, by making everything older.
func (p *patrol) later() {
	p.T.Helper()
	for table, columns := range map[string][]string{
		"drift_episodes": {"opened_at", "changed_at", "told_at", "resolved_at"}, "drift_findings": {"first_seen_at", "last_seen_at", "resolved_at"},
		"drift_snoozes": {"until_at", "created_at"}, "drift_alert_deliveries": {"created_at"}, "drift_scans": {"queued_at", "started_at", "ended_at"},
	} {
		var sets []string
		for _, c := range columns {
			sets = append(sets, c+` = strftime('%Y-%m-%dT%H:%M:%f000Z', `+c+`, '-`+sixHours+`')`)
		}
		if _, err := p.DB.Exec(p.T.Context(), `UPDATE `+table+` SET `+strings.Join(sets, ", ")); err != nil {
			p.T.Fatal(err)
		}
	}
}
