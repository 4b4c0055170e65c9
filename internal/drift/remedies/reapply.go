package remedies

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// reapplied is a row of drift_reapplies.
type reapplied struct {
	RunID          string            `db:"run_id"`
	EpisodeID      string            `db:"episode_id"`
	OrgID          string            `db:"org_id"`
	Findings       db.JSON[[]string] `db:"findings"`
	OverrideReason string            `db:"override_reason"`
	CreatedBy      *string           `db:"created_by"`
	CreatedAt      db.Time           `db:"created_at"`
}

// again is the request for a run. Without drift-findings among its relationships the run is
// for all of the workspace, with them it has their objects as targets.
type again struct {
	Override jsonapi.Opt[bool]   `json:"override"`
	Reason   jsonapi.Opt[string] `json:"reason"`
}

const maxReason = 1000

// whyNoRun says why an episode cannot be put right by a run, "" if it can.
func (f *Feature) whyNoRun(ctx context.Context, e findings.Episode, g Guard) (string, error) {
	if why := beyondRuns(e, g); why != "" {
		return why, nil
	}
	ws, err := f.Workspaces.Find(ctx, *e.WorkspaceID)
	if err != nil {
		return "", err
	}
	_, why, err := f.applied(ctx, ws)
	return why, err
}

// beyondRuns says why no run whatsoever can put an episode right, "" if one might.
func beyondRuns(e findings.Episode, g Guard) string {
	switch {
	case e.WorkspaceID == nil:
		return "This code is applied elsewhere: a run of this server cannot apply it."
	case e.Status != findings.Open:
		return "The drift is over."
	case g.Findings == 0:
		return "Only checks fail here: to apply again would change nothing."
	}
	return ""
}

// applied is the run whose code is applied again, or why there is none.
func (f *Feature) applied(ctx context.Context, ws workspaces.Workspace) (runs.Run, string, error) {
	last, why, err := f.Assessments.Eligible(ctx, ws)
	if err == nil && why == "" && last.IsDestroy {
		why = "The last run that was applied was to destroy everything."
	}
	return last, why, err
}

// reapply makes a run with the configuration that was applied last. It waits for somebody to
// confirm it, whatever the workspace says.
func (f *Feature) reapply(ctx context.Context, e findings.Episode, in jsonapi.In[again]) (runs.Run, error) {
	open, err := f.Findings.Open(ctx, e)
	if err != nil {
		return runs.Run{}, err
	}
	chosen, ids, err := choose(open, in.Data)
	if err != nil {
		return runs.Run{}, err
	}
	g := judge(chosen)
	if why := beyondRuns(e, g); why != "" {
		return runs.Run{}, problem.Unprocessable("%s", why)
	}
	ws, err := f.Workspaces.Lock(ctx, *e.WorkspaceID)
	if err != nil {
		return runs.Run{}, err
	}
	last, why, err := f.applied(ctx, ws)
	if err != nil {
		return runs.Run{}, err
	}
	if why != "" {
		return runs.Run{}, problem.Unprocessable("%s", why)
	}
	reason, err := overridden(ctx, ws, g, in.Data.Attributes)
	if err != nil {
		return runs.Run{}, err
	}
	if err := f.unoccupied(ctx, e.ID); err != nil {
		return runs.Run{}, err
	}
	n, err := f.run(ctx, ws, last, e, g)
	if err != nil {
		return runs.Run{}, err
	}
	if len(ids) > 0 {
		for _, o := range g.Objects {
			n.TargetAddrs = append(n.TargetAddrs, o.Address)
		}
	}
	if reason != "" {
		n.Message += "\n\nThe guard was overridden: " + reason
	}
	return f.make(ctx, n, reapplied{EpisodeID: e.ID, OrgID: e.OrgID, Findings: db.AsJSON(jsonapi.List(ids)), OverrideReason: reason, CreatedBy: n.CreatedBy, CreatedAt: db.Now()})
}

// make makes the run and notes what it is for. The configuration that the workspace used
// last stays that: code that waits is not forgotten for it.
func (f *Feature) make(ctx context.Context, n runs.New, row reapplied) (runs.Run, error) {
	made, err := f.Runs.Make(ctx, n)
	if err != nil {
		return made, err
	}
	if current := n.Workspace.CurrentConfigurationVersionID; current != nil {
		if err := f.Workspaces.SetCurrentConfiguration(ctx, n.Workspace.ID, *current); err != nil {
			return made, err
		}
	}
	row.RunID = made.ID
	if err := f.DB.Insert(ctx, "drift_reapplies", row); err != nil {
		return made, err
	}
	return f.Runs.Read(ctx, made.ID)
}

// run is the run to be made: it has the configuration and the variables of last.
func (f *Feature) run(ctx context.Context, ws workspaces.Workspace, last runs.Run, e findings.Episode, g Guard) (runs.New, error) {
	n := runs.New{Workspace: ws, Source: runs.FromAPI, CreatedBy: actor(ctx)}
	v, err := f.Configs.Find(ctx, *last.ConfigurationVersionID)
	if err != nil {
		return n, err
	}
	n.Version = &v
	if n.Variables, err = f.Runs.Variables(ctx, last); err != nil {
		return n, err
	}
	if s := authz.From(ctx); s != nil && s.Session {
		n.Source = runs.FromUI
	}
	n.Message = fmt.Sprintf("Apply again what drifted: %s\n\n%s\n\nDrift episode %s", names(addresses(g)), e.Summary, e.ID)
	return n, nil
}

func addresses(g Guard) []string {
	out := make([]string, len(g.Objects))
	for i, o := range g.Objects {
		out[i] = o.Address
	}
	return out
}

func actor(ctx context.Context) *string { return db.Null(authz.From(ctx).UserID()) }

// choose narrows the open findings of an episode to those that a request names; none is all.
func choose[A any](open []findings.Finding, in jsonapi.Data[A]) (chosen []findings.Finding, ids []string, err error) {
	members, named := in.Many("drift-findings")
	if !named {
		return open, nil, nil
	}
	ids, other := jsonapi.IDs(members, "drift-findings")
	if other != nil || len(ids) == 0 {
		return nil, nil, problem.InvalidRelation("drift-findings", "Drift findings must be a list of findings")
	}
	for _, one := range open {
		if slices.Contains(ids, one.ID) {
			chosen = append(chosen, one)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(chosen) != len(ids) {
		return nil, nil, problem.InvalidRelation("drift-findings", "Drift findings must be open ones of the episode")
	}
	return chosen, ids, nil
}

// overridden refuses what the guard refuses, unless an admin of the workspace overrides it
// and says why.
func overridden(ctx context.Context, ws workspaces.Workspace, g Guard, a again) (string, error) {
	reason := strings.TrimSpace(a.Reason.V)
	switch {
	case len(g.Refusals) == 0:
		return "", nil
	case !a.Override.V:
		return "", problem.Unprocessable("The guard refuses this run. %s An admin of the workspace can override it.", strings.Join(g.Refusals, " ")).WithCode("guard_refuses")
	case !authz.Can(ctx, authz.UpdateWorkspace, ws.Scope()):
		return "", problem.Denied("Only an admin of the workspace can override the guard.")
	case reason == "" || len(reason) > maxReason:
		return "", problem.Invalid("reason", "Reason must say in at most %d characters why the guard is overridden", maxReason)
	}
	return reason, nil
}

// unoccupied refuses a second run while the first has not ended.
func (f *Feature) unoccupied(ctx context.Context, episodeID string) error {
	open, err := db.All[string](ctx, f.DB, `SELECT r.id FROM drift_reapplies d JOIN runs r ON r.id = d.run_id WHERE d.episode_id = ? AND NOT r.final LIMIT 1`, episodeID)
	if err == nil && len(open) > 0 {
		err = problem.Conflict("The run %s applies it again already.", open[0]).WithCode("run_open")
	}
	return err
}

// lastRun is the last run that was for an episode, "" if there is none.
func (f *Feature) lastRun(ctx context.Context, episodeID string) (string, error) {
	list, err := db.All[string](ctx, f.DB, `SELECT run_id FROM drift_reapplies WHERE episode_id = ? ORDER BY created_at DESC, run_id DESC LIMIT 1`, episodeID)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// episodesOfRun is the episode that a run is to put right, if it is.
func (f *Feature) episodesOfRun(ctx context.Context, r runs.Run, _ api.Query) (api.Page[findings.Episode], error) {
	ids, err := db.All[string](ctx, f.DB, `SELECT episode_id FROM drift_reapplies WHERE run_id = ?`, r.ID)
	if err != nil {
		return api.Page[findings.Episode]{}, err
	}
	list, err := f.Findings.EpisodesIn(ctx, ids)
	return api.Page[findings.Episode]{Items: list}, err
}
