// Package remedies puts drift right, one way or the other: a run applies again what was
// applied last, or a change of the code adopts what is real.
//
// Nothing is changed without somebody's approval: the run waits for its confirmation whatever
// the workspace says, and the change is a patch or a pull request. The surprising rule: the
// guard judges the plan of the scan that found the drift, not that of the run, which may differ
// and is for people to read.
package remedies

import (
	"context"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Remedy is something that can be done about an episode, or that cannot, with the reason.
type Remedy struct {
	Episode  findings.Episode
	Kind     Kind
	Possible bool
	Reason   string // why it is not possible
	Guard    Guard
	// CanOpen reports whether a pull request can be opened, and WhyNot the reason if not.
	CanOpen  bool
	WhyNot   string
	Run      string // the last that re-applied
	Adoption string
}

// Kind is what a remedy does.
type Kind string

// The kinds.
const (
	Reapply Kind = "reapply" // reality is to be as the code
	Adopt   Kind = "adopt"   // the code is to be as reality
)

// Scope implements authz.Scoped.
func (r Remedy) Scope() authz.Scope { return r.Episode.Scope() }

// Permission implements authz.Owned.
func (r Remedy) Permission(p authz.Permission) authz.Permission { return r.Episode.Permission(p) }

// Feature puts drift right.
type Feature struct {
	DB           *db.DB
	Keyring      *crypt.Keyring
	Jobs         *jobs.Queue
	Bus          *events.Bus      // hears how far pull requests have got
	HTTP         *safehttp.Client // of the APIs of git hosts
	Workspaces   *workspaces.Feature
	Variables    *variables.Feature
	Configs      *configversions.Feature
	Runs         *runs.Feature
	Scans        *scans.Feature
	Findings     *findings.Feature
	Assessments  *assessments.Feature
	Repositories *repositories.Feature
	Connections  *connections.Feature
	Schedules    *schedules.Feature
	// Address is where this server is.
	Address func(ctx context.Context) string
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const episode, adoption = "/drift-episodes/{id}", "/drift-adoptions/{id}"
	api.Type(r, "drift-remedies", authz.ReadDrift, nil, view)
	api.Type(r, "drift-adoptions", authz.ReadDrift, f.In, f.viewAdoption)
	api.List(r, episode+"/remedies", authz.ReadDrift, f.Findings.Episode, f.list)
	api.Action(r, episode+"/actions/reapply", authz.OperateDrift, f.Findings.Episode, f.reapply)
	api.Action(r, episode+"/actions/adopt", authz.OperateDrift, f.Findings.Episode, f.adopt, api.Before(f.beforeAdopt))
	api.Read(r, adoption, authz.ReadDrift, f.Find)
	api.Handle(r, "GET "+adoption+"/patch", authz.OperateDrift, f.Find, f.sendPatch)
	api.List(r, "/runs/{id}/drift-episodes", authz.ReadRuns, f.Runs.Find, f.episodesOfRun)
	jobs.Handle(f.Jobs, f.publish, jobs.Attempts(6), jobs.Timeout(pullTimeout))
	jobs.Handle(f.Jobs, f.inspect, jobs.Attempts(2), jobs.Timeout(pullTimeout))
	f.Findings.OnSettled = append(f.Findings.OnSettled, f.settled)
}

// list says what can be done about an episode.
func (f *Feature) list(ctx context.Context, e findings.Episode, _ api.Query) (api.Page[Remedy], error) {
	open, err := f.Findings.Open(ctx, e)
	if err != nil {
		return api.Page[Remedy]{}, err
	}
	g := judge(open)
	re, ad := Remedy{Episode: e, Kind: Reapply, Guard: g}, Remedy{Episode: e, Kind: Adopt, Guard: g}
	if re.Reason, err = f.whyNoRun(ctx, e, g); err != nil {
		return api.Page[Remedy]{}, err
	}
	if re.Run, err = f.lastRun(ctx, e.ID); err != nil {
		return api.Page[Remedy]{}, err
	}
	if ad.Reason, err = f.whyNoPatch(ctx, e, open); err != nil {
		return api.Page[Remedy]{}, err
	}
	if ad.WhyNot, err = f.whyNoPull(ctx, e); err != nil {
		return api.Page[Remedy]{}, err
	}
	if ad.Adoption, err = f.adoptionOf(ctx, e.ID); err != nil {
		return api.Page[Remedy]{}, err
	}
	re.Possible, ad.Possible = re.Reason == "", ad.Reason == ""
	ad.CanOpen = ad.Possible && ad.WhyNot == ""
	return api.Page[Remedy]{Items: []Remedy{re, ad}}, nil
}

// attributes are those of a remedy on the wire.
type attributes struct {
	Kind          Kind     `json:"kind"`
	Possible      bool     `json:"possible"`
	Reason        *string  `json:"reason"`
	Findings      int      `json:"findings-count"`
	Severity      string   `json:"severity"`
	Objects       []Object `json:"objects"`
	Destroys      int      `json:"destroys"`
	Recreates     int      `json:"recreates"`
	Stateful      int      `json:"stateful-destroys"`
	Refusals      []string `json:"refusals"`
	NeedsOverride bool     `json:"needs-override"`
	CanOpen       bool     `json:"can-open-pull-request"`
	WhyNot        *string  `json:"pull-request-reason"`
}

func view(_ context.Context, r Remedy) jsonapi.Resource {
	guarded := r.Kind == Reapply
	a := attributes{Kind: r.Kind, Possible: r.Possible, Reason: db.Null(r.Reason), Findings: r.Guard.Findings, Severity: r.Guard.Severity, Objects: jsonapi.List(r.Guard.Objects),
		Destroys: r.Guard.Destroys, Recreates: r.Guard.Recreates, Stateful: r.Guard.Stateful, Refusals: []string{}, CanOpen: r.CanOpen, WhyNot: db.Null(r.WhyNot)}
	if guarded {
		a.Refusals, a.NeedsOverride = jsonapi.List(r.Guard.Refusals), len(r.Guard.Refusals) > 0
	}
	return jsonapi.Resource{Type: "drift-remedies", ID: r.Episode.ID + "-" + string(r.Kind), Attributes: a, Relationships: jsonapi.Relationships{
		"drift-episode":  jsonapi.ToOne("drift-episodes", r.Episode.ID),
		"run":            jsonapi.ToOne("runs", r.Run),
		"drift-adoption": jsonapi.ToOne("drift-adoptions", r.Adoption),
	}}
}
