package rounds_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestFirstAlertSaysNew: whoever knew of the drift before, to those who hear of it for the
// first time it is new.
func TestFirstAlertSaysNew(t *testing.T) {
	t.Run("after a test", func(t *testing.T) {
		watch(t, `"alert-on-resolved":true`, func(p *patrol) {
			p.scan(schedules.Test, drift(severity.Medium, "x"))
			p.tells("a test", "test net medium")
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells("what only a test has told", "new net medium")
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells("the same", "")
			p.scan(schedules.Manual, drift(severity.Low, "y"))
			p.tells("other drift", "changed net low")
			p.scan(schedules.Manual, drift(severity.High, "y"))
			p.tells("worse drift", "raised net high")
			p.scan(schedules.Manual)
			p.tells("the end", "resolved net info")
		})
	})
	t.Run("above the least severity", func(t *testing.T) {
		watch(t, `"min-severity":"medium"`, func(p *patrol) {
			p.scan(schedules.Manual, drift(severity.Low, "x"))
			p.tells("little", "")
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells("more", "new net medium")
		})
	})
	t.Run("after a snooze", func(t *testing.T) {
		watch(t, `"min-severity":"info"`, func(p *patrol) {
			snooze := p.make("drift-snoozes", `"folder":"net","days":1`, fmt.Sprintf(`,"relationships":{"schedule":{"data":{"type":"drift-schedules","id":%q}}}`, p.id))
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells("what is snoozed", "")
			p.do(204, "DELETE", "/api/v2/drift-snoozes/"+snooze, nil)
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells("what was snoozed", "new net medium")
		})
	})
}

// TestAScanHasItsTime: executors count minutes, schedules seconds.
func TestAScanHasItsTime(t *testing.T) {
	watch(t, `"timeout":90`, func(p *patrol) {
		p.begin(schedules.Manual)
		var spec proto.Scan
		ticket := p.e.Claim(proto.KindScan, &spec)
		if spec.Minutes != 2 {
			p.T.Errorf("a scan that may take 90 seconds is given %d minutes, want 2", spec.Minutes)
		}
		p.e.Put(ticket, proto.Findings, apptest.Report(1, nil))
		p.e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
	})
}

// TestPendingCodeIsToldAsAnEpisode: it is new, changes and ends, and the least severity of
// an alert does not hide what the schedule asks for.
func TestPendingCodeIsToldAsAnEpisode(t *testing.T) {
	watch(t, `"alert-on-pending":true,"alert-on-resolved":true`, func(p *patrol) {
		alerts := p.do(200, "GET", "/api/v2/organizations/acme/drift-alerts", nil)["data"].([]any)
		p.do(200, "PATCH", "/api/v2/drift-alerts/"+alerts[0].(map[string]any)["id"].(string), `{"data":{"type":"drift-alerts","attributes":{"min-severity":"high"}}}`)
		p.scan(schedules.Manual)
		p.tells("nothing", "")
		p.scan(schedules.Manual, waiting("x"))
		p.tells("code that waits", "new net info")
		p.scan(schedules.Manual, waiting("x"))
		p.tells("the same", "")
		p.scan(schedules.Manual, waiting("y"))
		p.tells("other code", "changed net info")
		p.scan(schedules.Manual, waiting("y"), drift(severity.Medium, "x"))
		p.tells("drift below the least severity", "")
		p.scan(schedules.Manual, waiting("y"))
		p.tells("code that still waits after drift", "")
		p.scan(schedules.Manual)
		p.tells("the end", "resolved net info")
		p.scan(schedules.Manual)
		p.tells("nothing", "")
	})
	watch(t, `"alert-on-resolved":true`, func(p *patrol) {
		p.scan(schedules.Manual, waiting("x"))
		p.tells("code that waits, to who has not asked for it", "")
	})
}

// TestIgnoredDriftIsNotConfirmed: what a rule ignores needs no second look, however severe,
// and what is seen beside it is looked at again once.
func TestIgnoredDriftIsNotConfirmed(t *testing.T) {
	watch(t, `"min-severity":"info"`, func(p *patrol) {
		p.do(200, "PATCH", "/api/v2/organizations/acme/assessment-settings", `{"data":{"type":"assessment-settings","attributes":{"confirm-seconds":1}}}`)
		p.make("drift-ignore-rules", `"address":"aws_s3_bucket.a","reason":"known"`, "")
		p.scan(schedules.Scheduled, drift(severity.Critical, "x"))
		p.tells("what is ignored", "")
		if got, want := p.statuses(), "scheduled finished"; got != want {
			p.T.Errorf("scans = %s, want %s", got, want)
		}
		other := drift(severity.High, "x")
		other.Address = "aws_s3_bucket.c"
		p.scan(schedules.Scheduled, drift(severity.Critical, "x"), other)
		p.tells("what waits for a second look", "")
		p.look(drift(severity.Critical, "x"), other)
		p.tells("what was seen twice", "new net high")
		p.scan(schedules.Scheduled, drift(severity.Critical, "x"), other)
		p.tells("what is known", "")
		if got, want := p.statuses(), "scheduled finished, scheduled superseded, confirm finished, scheduled finished"; got != want {
			p.T.Errorf("scans = %s, want %s", got, want)
		}
	})
}

// TestSevereDriftIsSeenTwice: a cloud that answered wrongly for a moment alerts nobody, and
// a second look that fails leaves the first.
func TestSevereDriftIsSeenTwice(t *testing.T) {
	watch(t, `"min-severity":"info"`, func(p *patrol) {
		p.do(200, "PATCH", "/api/v2/organizations/acme/assessment-settings", `{"data":{"type":"assessment-settings","attributes":{"confirm-seconds":1}}}`)
		p.scan(schedules.Scheduled, drift(severity.Critical, "x"))
		if got, want := p.statuses(), "scheduled confirming"; got != want {
			p.T.Errorf("scans = %s, want %s", got, want)
		}
		p.look()
		p.tells("what was gone at the second look", "")
		p.scan(schedules.Scheduled, drift(severity.Medium, "x"))
		p.tells("what is not severe, at once", "new net medium")
		p.scan(schedules.Manual, drift(severity.Critical, "y"))
		p.tells("what a person asked for, at once", "raised net critical")
	})
}

// TestWhatComesAndGoesFallsSilent: what was resolved and is back within a day is told three
// times, and then no more until it changes.
func TestWhatComesAndGoesFallsSilent(t *testing.T) {
	watch(t, `"alert-on-resolved":true`, func(p *patrol) {
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.tells("the first time", "new net medium")
		for i := range 3 {
			p.scan(schedules.Manual)
			p.tells(fmt.Sprint("end ", i), "resolved net info")
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.tells(fmt.Sprint("return ", i), "new net medium")
		}
		p.scan(schedules.Manual)
		p.tells("the last end that is told", "resolved net info")
		for range 2 {
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.scan(schedules.Manual, drift(severity.Medium, "x"))
			p.scan(schedules.Manual)
			p.tells("what comes and goes", "")
		}
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.scan(schedules.Manual, drift(severity.High, "x"))
		p.tells("what became worse", "new net high")
		p.scan(schedules.Manual)
		p.tells("the end of that", "resolved net info")
		if _, err := p.DB.Exec(p.T.Context(), `UPDATE drift_episodes SET resolved_at = ?`, db.At(time.Now().Add(-25*time.Hour))); err != nil {
			p.T.Fatal(err)
		}
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.tells("what is back after a day", "new net medium")
	})
}

// TestTheEndOfFailuresIsTold: who heard that scans fail hears that they work again, once.
func TestTheEndOfFailuresIsTold(t *testing.T) {
	watch(t, `"alert-on-error":true`, func(p *patrol) {
		fail := func() {
			p.T.Helper()
			p.begin(schedules.Manual)
			var spec proto.Scan
			p.e.Finish(p.e.Claim(proto.KindScan, &spec), proto.Result{Outcome: proto.Errored, Error: "no credentials"}, proto.ScanResult{})
		}
		fail()
		p.scan(schedules.Manual)
		p.tells("one failure, and that it is over", "")
		fail()
		fail()
		p.tells("a second failure in a row", "error net info")
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.tells("the first scan that works again", "new net medium, recovered net info")
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.tells("the next one", "")
	})
}

// TestOldDriftIsWorse: what nobody looks after for a week is told once more.
func TestOldDriftIsWorse(t *testing.T) {
	watch(t, `"alert-on-resolved":true`, func(p *patrol) {
		p.scan(schedules.Manual, drift(severity.Medium, "x"))
		p.tells("drift", "new net medium")
		if _, err := p.DB.Exec(p.T.Context(), `UPDATE drift_findings SET first_seen_at = ?`, db.At(time.Now().Add(-8*24*time.Hour))); err != nil {
			p.T.Fatal(err)
		}
		for _, want := range []string{"raised net high", "", ""} {
			p.begin(schedules.Manual)
			p.lookOld(drift(severity.Medium, "x"))
			p.tells("old drift", want)
		}
	})
}

// TestManyFoldersMakeOneDigest: of a round through 23 folders twenty are told one by one.
func TestManyFoldersMakeOneDigest(t *testing.T) {
	watch(t, `"min-severity":"info"`, func(p *patrol) {
		var names []string
		for i := range 23 {
			names = append(names, fmt.Sprintf("%q", fmt.Sprintf("stack-%02d", i)))
		}
		p.do(200, "PATCH", "/api/v2/drift-schedules/"+p.id, `{"data":{"type":"drift-schedules","attributes":{"skip-check":true,"folders":[`+strings.Join(names, ",")+`]}}}`)
		p.begin(schedules.Scheduled)
		for range names {
			p.look(drift(severity.Medium, "x"))
		}
		if got := strings.Count(p.news(), "new stack-"); got != 20 {
			p.T.Errorf("folders told = %d, want 20", got)
		}
		digests, err := db.One[int](p.T.Context(), p.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE event = 'digest' AND status = 'pending'`)
		if err != nil || digests != 1 {
			p.T.Errorf("digests = %d, %v, want one that waits", digests, err)
		}
	})
}
