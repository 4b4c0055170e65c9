package alerts

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// issue is an issue as the tracker knows it.
type issue struct {
	Number   int64
	URL      string
	Body     string
	Open     bool
	ClosedAt time.Time
}

// tracker is what keeps issues. Its errors are final, later, errGone, or may pass.
type tracker interface {
	get(ctx context.Context, number int64) (issue, error)
	// search returns the issue whose body has the mark, errGone if there is none.
	search(ctx context.Context, mark string) (issue, error)
	create(ctx context.Context, title, body string) (issue, error)
	update(ctx context.Context, number int64, title, body string) error
	open(ctx context.Context, number int64, open bool) error
	comment(ctx context.Context, number int64, text string) error
}

var errGone = errors.New("the issue is not there")

// How issues live.
const (
	maxIssue    = 65_000 // characters; GitHub takes 65,536
	reopenFor   = 30 * 24 * time.Hour
	issueLease  = 2 * time.Minute
	claimedWait = 15 * time.Second
)

// kept is what is known of the issue of a folder.
type kept struct {
	Number   int64    `db:"number"`
	URL      string   `db:"url"`
	ClosedAt *db.Time `db:"closed_at"`
}

// keepIssue brings the issue of a folder up to date: there is one for each folder of a
// schedule, found by a mark in its body and not by its title, which people change.
func (f *Feature) keepIssue(ctx context.Context, a Alert, e Event) error {
	t, err := f.tracker(ctx, a, e.RepositoryID)
	if err != nil {
		return err
	}
	if err := f.claim(ctx, a, e); err != nil {
		return err
	}
	k, err := f.keep(ctx, a, e, t)
	return errors.Join(err, f.release(context.WithoutCancel(ctx), a, e, k, err == nil))
}

// keep does the work on an issue that is claimed, and returns what is known of it then.
func (f *Feature) keep(ctx context.Context, a Alert, e Event, t tracker) (kept, error) {
	k, err := f.kept(ctx, a, e)
	if err != nil {
		return k, err
	}
	is, err := find(ctx, t, k, mark(e))
	known := err == nil
	if err != nil && !errors.Is(err, errGone) {
		return k, err
	}
	switch {
	case e.over() && !known:
		return k, nil
	case e.over():
		return f.closeIssue(ctx, t, is, map[string]string{Resolved: "The drift is gone.", Recovered: "Scans work again."}[e.Kind])
	}
	m, err := f.words(ctx, a, e)
	if err != nil {
		return k, err
	}
	m.Body = cutRunes(m.Body, maxIssue-len(mark(e))-2) + "\n\n" + mark(e)
	if !known || !is.Open && !is.ClosedAt.IsZero() && f.now().Sub(is.ClosedAt) > reopenFor {
		is, err = t.create(ctx, m.Subject, m.Body)
		return kept{Number: is.Number, URL: is.URL}, err
	}
	return f.refresh(ctx, t, is, e, m)
}

// refresh writes what there is now into an issue that is there, opens it again if it was
// closed, and says what has happened.
func (f *Feature) refresh(ctx context.Context, t tracker, is issue, e Event, m message) (kept, error) {
	k := kept{Number: is.Number, URL: is.URL}
	if err := t.update(ctx, is.Number, m.Subject, m.Body); err != nil {
		return k, err
	}
	what := map[string]string{New: "Drift again", Changed: "The drift has changed", Raised: "The drift has become more severe", Failed: "The scan has failed"}[e.Kind]
	if !is.Open {
		if err := t.open(ctx, is.Number, true); err != nil {
			return k, err
		}
	}
	return k, t.comment(ctx, is.Number, cutRunes(what+": "+strings.ReplaceAll(cut(e.Summary, 1000), "<!--", "<\u200b!--"), 2000))
}

func (f *Feature) closeIssue(ctx context.Context, t tracker, is issue, why string) (kept, error) {
	now := db.At(f.now())
	k := kept{Number: is.Number, URL: is.URL, ClosedAt: &now}
	if !is.Open {
		return k, nil
	}
	if err := t.comment(ctx, is.Number, why); err != nil {
		return k, err
	}
	return k, t.open(ctx, is.Number, false)
}

// find returns the issue with the mark: the one that is known, if it still has it, else
// what a search finds.
func find(ctx context.Context, t tracker, k kept, mark string) (issue, error) {
	if k.Number != 0 {
		is, err := t.get(ctx, k.Number)
		if err == nil && strings.Contains(is.Body, mark) {
			return is, nil
		}
		if err != nil && !errors.Is(err, errGone) {
			return is, err
		}
	}
	return t.search(ctx, mark)
}

// mark is the hidden comment in the body of an issue by which it is known.
func mark(e Event) string {
	return "<!-- tfdrift:" + e.ScheduleID + ":" + strings.ReplaceAll(url.QueryEscape(e.Folder), "--", "%2D%2D") + " -->"
}

// cutRunes shortens a text to at most max characters and says so.
func cutRunes(s string, max int) string {
	const note = "\n\n… (cut)"
	r := []rune(s)
	if len(r) <= max {
		return s
	}
	return string(r[:max-len([]rune(note))]) + note
}

// claim keeps others from the issue of a folder, who might make a second one.
func (f *Feature) claim(ctx context.Context, a Alert, e Event) error {
	now := f.now()
	n := int64(0)
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := f.DB.Exec(ctx, `INSERT INTO drift_issues (alert_id, schedule_id, folder, number, url) VALUES (?, ?, ?, 0, '') ON CONFLICT DO NOTHING`, a.ID, e.ScheduleID, e.Folder); err != nil {
			return err
		}
		var err error
		n, err = f.DB.Exec(ctx, `UPDATE drift_issues SET claimed_at = ? WHERE alert_id = ? AND schedule_id = ? AND folder = ? AND (claimed_at IS NULL OR claimed_at < ?)`,
			db.At(now), a.ID, e.ScheduleID, e.Folder, db.At(now.Add(-issueLease)))
		return err
	})
	if err == nil && n == 0 {
		err = later{errors.New("the issue of this folder is being written"), now.Add(claimedWait)}
	}
	return err
}

// release lets others at the issue again, and writes what is known of it now.
func (f *Feature) release(ctx context.Context, a Alert, e Event, k kept, done bool) error {
	if !done && k.Number == 0 {
		_, err := f.DB.Exec(ctx, `UPDATE drift_issues SET claimed_at = NULL WHERE alert_id = ? AND schedule_id = ? AND folder = ?`, a.ID, e.ScheduleID, e.Folder)
		return err
	}
	_, err := f.DB.Exec(ctx, `UPDATE drift_issues SET claimed_at = NULL, number = ?, url = ?, closed_at = ? WHERE alert_id = ? AND schedule_id = ? AND folder = ?`,
		k.Number, k.URL, k.ClosedAt, a.ID, e.ScheduleID, e.Folder)
	return err
}

func (f *Feature) kept(ctx context.Context, a Alert, e Event) (kept, error) {
	return db.One[kept](ctx, f.DB, `SELECT number, url, closed_at FROM drift_issues WHERE alert_id = ? AND schedule_id = ? AND folder = ?`, a.ID, e.ScheduleID, e.Folder)
}

// tracker returns the issues of a repository, if the alert can keep issues there.
func (f *Feature) tracker(ctx context.Context, a Alert, repositoryID string) (tracker, error) {
	if f.Target == nil {
		return nil, final{errors.New("the server has no repositories")}
	}
	t, err := f.Target(ctx, repositoryID)
	switch {
	case errors.Is(err, problem.NotFound):
		return nil, final{errors.New("the repository is gone, has no token to make issues with, or is not on GitHub or GitLab")}
	case err != nil:
		return nil, err
	case t.Token == "":
		return nil, final{fmt.Errorf("%s has no token, and without one no issue can be made: save one with the repository", t.FullName)}
	}
	if want := strings.TrimSuffix(a.Type, "-issue"); t.Kind != want {
		return nil, final{fmt.Errorf("%s is not on %s", t.FullName, map[string]string{"github": "GitHub", "gitlab": "GitLab"}[want])}
	}
	c := restClient{feature: f, target: t}
	if t.Kind == "gitlab" {
		return gitlab{c}, nil
	}
	return github{c}, nil
}

// tryIssue makes an issue about a test, comments on it and closes it. It has no mark: the issue of the
// folder is another one.
func (f *Feature) tryIssue(ctx context.Context, a Alert, e Event) error {
	t, err := f.tracker(ctx, a, e.RepositoryID)
	if err != nil {
		return err
	}
	m, err := f.words(ctx, a, e)
	if err != nil {
		return err
	}
	is, err := t.create(ctx, m.Subject, cutRunes(m.Body, maxIssue))
	if err != nil {
		return err
	}
	_, err = f.closeIssue(ctx, t, is, "This was a test of the alert.")
	return err
}
