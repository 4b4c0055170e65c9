package remedies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	pullTimeout = 5 * time.Minute
	maxBody     = 60_000 // of the text of a pull request; GitHub takes 65,536 characters
)

// publication is the job that opens the pull request of an adoption, or brings it up to date.
type publication struct {
	AdoptionID string `json:"adoption_id"`
	Again      bool   `json:"again"` // the findings have changed: the change is made anew
}

// Kind implements jobs.Args.
func (publication) Kind() string { return "publish-drift-adoption" }

// settled brings the pull request of an episode up to date when its findings change, and looks at
// each scan whether somebody has merged or closed it.
func (f *Feature) settled(ctx context.Context, e findings.Event) error {
	if e.Episode.ID == "" || e.Episode.ScheduleID == nil {
		return nil
	}
	list, err := db.All[struct {
		ID          string `db:"id"`
		Status      Status `db:"status"`
		Fingerprint string `db:"fingerprint"`
	}](ctx, f.DB, `SELECT id, status, fingerprint FROM drift_adoptions WHERE episode_id = ? AND status IN ('opening', 'open', 'failed')`, e.Episode.ID)
	if err != nil || len(list) == 0 {
		return err
	}
	switch a := list[0]; {
	case e.Episode.Status == findings.Open && a.Fingerprint != e.Episode.Fingerprint:
		return f.Jobs.Enqueue(ctx, publication{AdoptionID: a.ID, Again: true})
	case a.Status == Open:
		return f.Jobs.Enqueue(ctx, inspection{AdoptionID: a.ID})
	}
	return nil
}

// publish opens a pull request or brings it up to date. What fails is noted and tried again,
// unless the host says that it never will.
func (f *Feature) publish(ctx context.Context, job publication) error {
	a, err := f.Find(ctx, job.AdoptionID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := f.Findings.Episode(ctx, a.EpisodeID)
	if err != nil || e.Status != findings.Open {
		return err
	}
	if job.Again {
		over, err := f.decided(ctx, &a)
		if over || err != nil && !forGood(err) { // another one is opened only for who asks for it
			return err
		}
		if ok, err := f.redraft(ctx, &a, e); err != nil || !ok {
			return err
		}
	}
	p, err := f.pull(ctx, a, e)
	if err == nil {
		a.Status, a.Error, a.Number, a.URL, a.Head = Open, "", p.Number, p.URL, p.Head
	} else {
		a.Status, a.Error = Failed, words(err)
	}
	a.UpdatedAt = db.Now()
	if e := f.DB.Update(ctx, "drift_adoptions", a, "status", "error", "number", "url", "head", "updated_at"); e != nil {
		return errors.Join(err, e)
	}
	changes.Tell(ctx, f.Bus, e.Scope(), "drift-adoptions", a.ID)
	if forGood(err) {
		return nil
	}
	return err
}

// forGood reports whether an error is the host's word that another try is no use.
func forGood(err error) bool {
	final, ok := errors.AsType[*refusal](err)
	return ok && !final.passing()
}

// words are what people are told of an error: only what a host said, not what is ours.
func words(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.Error()
	}
	if p, ok := problem.From(err); ok {
		return p.Detail
	}
	return "The host could not be reached. It is tried again."
}

// redraft makes the change of an adoption anew. It reports false if there is none.
func (f *Feature) redraft(ctx context.Context, a *Adoption, e findings.Episode) (bool, error) {
	open, err := f.Findings.Open(ctx, e)
	if err != nil {
		return false, err
	}
	if len(a.Chosen.V) > 0 {
		open = slices.DeleteFunc(open, func(one findings.Finding) bool { return !slices.Contains(a.Chosen.V, one.ID) })
	}
	if why, err := f.whyNoPatch(ctx, e, open); err != nil || why != "" {
		return false, err
	}
	d, err := f.draft(ctx, e, open)
	if err != nil || d.adopted == 0 {
		return false, err
	}
	d.chosen = a.Chosen.V
	return true, f.DB.Tx(ctx, func(ctx context.Context) error { return f.keep(ctx, a, d, false) })
}

// pull puts the change into its branch and sees to it that there is one pull request.
func (f *Feature) pull(ctx context.Context, a Adoption, e findings.Episode) (pull, error) {
	c, err := f.reveal(ctx, a)
	if err != nil {
		return pull{}, err
	}
	s, t, err := f.target(ctx, e)
	if err != nil {
		return pull{}, err
	}
	open := forges[t.Kind]
	if open == nil {
		return pull{}, &refusal{status: 404, words: "Pull requests are opened at GitHub and GitLab only."}
	}
	name := s.Name
	if e.Folder != "." {
		name += ", " + e.Folder
	}
	title := fmt.Sprintf("Adopt drift of %s", strings.Join(strings.Fields(name), " "))
	return open(ctx, client{f.HTTP, t}, proposal{Commit: a.Commit, Base: a.Branch, Head: "plumbline/adopt-" + strings.ToLower(e.ID), Title: short(title, 200), Body: f.body(ctx, a, e, s.OrgName), Files: c.Files})
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// body is the text of a pull request.
func (f *Feature) body(ctx context.Context, a Adoption, e findings.Episode, org string) string {
	var out strings.Builder
	out.WriteString("This makes the code say what is real: somebody changed it outside of the code. Merging it changes no infrastructure; closing it and applying undoes what was changed.\n\n")
	fmt.Fprintf(&out, "Drift episode: %s/app/%s/drift/episodes/%s\n", strings.TrimRight(f.Address(ctx), "/"), org, e.ID)
	for _, adopted := range []bool{true, false} {
		heading := "\n### Adopted\n\n"
		if !adopted {
			heading = "\n### Not adopted\n\n"
		}
		for _, o := range a.Outcomes.V {
			if o.Adopted != adopted {
				continue
			}
			out.WriteString(heading)
			heading = ""
			fmt.Fprintf(&out, "- %s", span(strings.TrimSpace(o.Address+" "+o.Path)))
			if adopted {
				fmt.Fprintf(&out, " in %s\n", span(fmt.Sprintf("%s:%d", o.File, o.Line)))
			} else {
				fmt.Fprintf(&out, ": %s\n", span(o.Reason))
			}
		}
	}
	return short(out.String(), maxBody)
}

// span is text as code in Markdown, in which nothing is a link or a mention.
func span(s string) string {
	return "`" + strings.NewReplacer("`", "'", "\n", " ", "\r", " ").Replace(s) + "`"
}
