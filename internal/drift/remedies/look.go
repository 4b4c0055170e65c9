package remedies

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// inspection is the job that looks what has become of the pull request of an adoption.
type inspection struct {
	AdoptionID string `json:"adoption_id"`
}

// Kind implements jobs.Args.
func (inspection) Kind() string { return "inspect-drift-adoption" }

// inspect looks once. What the host refuses is not worth another try: the next scan looks again.
func (f *Feature) inspect(ctx context.Context, job inspection) error {
	a, err := f.Find(ctx, job.AdoptionID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil || a.Status != Open {
		return err
	}
	_, err = f.decided(ctx, &a)
	if final := (*refusal)(nil); errors.As(err, &final) || errors.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// decided reports whether somebody has merged or closed the pull request of an adoption, and
// writes it down.
func (f *Feature) decided(ctx context.Context, a *Adoption) (bool, error) {
	if a.Number == 0 {
		return false, nil
	}
	e, err := f.Findings.Episode(ctx, a.EpisodeID)
	if err != nil {
		return false, err
	}
	_, t, err := f.target(ctx, e)
	if err != nil {
		return false, err
	}
	state, err := stateOf(ctx, client{f.HTTP, t}, a.Number)
	if err != nil || state == Open {
		return false, err
	}
	was := a.Status
	a.Status, a.Error, a.UpdatedAt = state, "", db.Now()
	// Unless it has got another pull request meanwhile.
	_, err = f.DB.Exec(ctx, `UPDATE drift_adoptions SET status = ?, error = '', updated_at = ? WHERE id = ? AND status = ? AND number = ?`, state, a.UpdatedAt, a.ID, was, a.Number)
	changes.Tell(ctx, f.Bus, e.Scope(), "drift-adoptions", a.ID)
	return true, err
}

// stateOf is Open, Merged or Closed (GitHub REST API 2022-11-28, "Get a pull request"; GitLab REST
// API v4, "Get single MR").
func stateOf(ctx context.Context, c client, number int64) (Status, error) {
	var is struct {
		State  string `json:"state"` // open, closed; at GitLab opened, closed, locked, merged
		Merged bool   `json:"merged"`
	}
	path, h := fmt.Sprintf("/repos/%s/pulls/%d", c.target.FullName, number), githubHeader(c)
	if c.target.Kind == "gitlab" {
		path, h = fmt.Sprintf("/projects/%s/merge_requests/%d", url.PathEscape(c.target.FullName), number), http.Header{"Private-Token": {c.target.Token.Reveal()}}
	}
	if err := c.do(ctx, http.MethodGet, path, h, nil, &is); err != nil {
		return Open, err
	}
	switch {
	case is.Merged || is.State == "merged":
		return Merged, nil
	case is.State == "closed":
		return Closed, nil
	}
	return Open, nil
}
