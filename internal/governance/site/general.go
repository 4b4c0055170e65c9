package site

import (
	"context"
	"math"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// General are the rules of the site as they count now.
type General struct {
	AdminsFound  bool // only site administrators create organizations
	Limited      bool // there is a rate limit
	RateLimit    float64
	GlobalState  bool   // new workspaces share their state with their organization
	PlanTimeout  string // a Go duration, as it was set
	ApplyTimeout string
}

// Scope implements authz.Scoped: the site.
func (General) Scope() authz.Scope { return authz.Scope{} }

// chosen is what site administrators have set of the rules; nil is the default.
type chosen struct {
	AdminsFound  *bool   `json:"admins_found,omitempty"`
	Limited      *bool   `json:"limited,omitempty"`
	RateLimit    *int    `json:"rate_limit,omitempty"`
	GlobalState  *bool   `json:"global_state,omitempty"`
	PlanTimeout  *string `json:"plan_timeout,omitempty"`
	ApplyTimeout *string `json:"apply_timeout,omitempty"`
}

const (
	generalID    = "general"
	generalPath  = "/admin/general-settings"
	defaultLimit = 30 // requests a second (admin settings page, "Update General Settings")
	defaultPlan  = "2h"
	defaultApply = "24h"
)

// The least and the most of what can be set, in requests a second. The least is that of
// Terraform Enterprise: with less, no page of the UI would load.
const minLimit, maxLimit = 30, 100_000

func (f *Feature) generalRoutes(r *api.Router) {
	api.Type(r, "general-settings", authz.SiteAdmin, nil, viewGeneral)
	api.Show(r, generalPath, authz.SiteAdmin, api.Site, f.showGeneral)
	api.UpdateOf(r, generalPath, authz.SiteAdmin, api.Site, f.updateGeneral)
}

// generalAttributes are those of the wire. The last seven are facts of this server, which nobody
// can change.
type generalAttributes struct {
	AdminsFound  bool   `json:"limit-user-organization-creation"`
	Limited      bool   `json:"api-rate-limiting-enabled"`
	RateLimit    int    `json:"api-rate-limit"` // requests a second of each token
	GlobalState  bool   `json:"default-remote-state-access"`
	PlanTimeout  string `json:"plan-timeout"`
	ApplyTimeout string `json:"apply-timeout"`
	BuildPlan    string `json:"terraform-build-worker-plan-timeout"` // the same by older names
	BuildApply   string `json:"terraform-build-worker-apply-timeout"`

	PassingStatuses   bool `json:"send-passing-statuses-for-untriggered-speculative-plans"`
	ForkPlans         bool `json:"allow-speculative-plans-on-pull-requests-from-forks"`
	AdminsTwoFactor   bool `json:"require-two-factor-for-admins"`
	FairQueue         bool `json:"fair-run-queuing-enabled"`
	LimitOrgs         bool `json:"limit-organizations-per-user"`
	OrgsCeiling       int  `json:"default-organizations-per-user-ceiling"`
	LimitWorkspaces   bool `json:"limit-workspaces-per-organization"`
	WorkspacesCeiling int  `json:"default-workspaces-per-organization-ceiling"`
}

func viewGeneral(_ context.Context, g General) jsonapi.Resource {
	return jsonapi.Resource{Type: "general-settings", ID: generalID, Attributes: generalAttributes{
		AdminsFound: g.AdminsFound, Limited: g.Limited, RateLimit: int(math.Ceil(g.RateLimit)), GlobalState: g.GlobalState,
		PlanTimeout: g.PlanTimeout, ApplyTimeout: g.ApplyTimeout, BuildPlan: g.PlanTimeout, BuildApply: g.ApplyTimeout,
		FairQueue: true}}
}

func (f *Feature) showGeneral(ctx context.Context, _ authz.Site) (General, error) {
	r, err := one[chosen](ctx, f, generalID, "")
	return f.effective(r.Chosen.V), err
}

// generalRequest is what can be set; null is the default. The last three can only be said as
// they are.
type generalRequest struct {
	AdminsFound  jsonapi.Opt[bool]   `json:"limit-user-organization-creation"`
	Limited      jsonapi.Opt[bool]   `json:"api-rate-limiting-enabled"`
	RateLimit    jsonapi.Opt[int]    `json:"api-rate-limit"`
	GlobalState  jsonapi.Opt[bool]   `json:"default-remote-state-access"`
	PlanTimeout  jsonapi.Opt[string] `json:"plan-timeout"`
	ApplyTimeout jsonapi.Opt[string] `json:"apply-timeout"`

	PassingStatuses jsonapi.Opt[bool] `json:"send-passing-statuses-for-untriggered-speculative-plans"`
	ForkPlans       jsonapi.Opt[bool] `json:"allow-speculative-plans-on-pull-requests-from-forks"`
	AdminsTwoFactor jsonapi.Opt[bool] `json:"require-two-factor-for-admins"`
}

func (a generalRequest) check() error {
	const unconnected = "Version control is not connected on this server: this cannot be set to true"
	var refused []*problem.Problem
	if a.PassingStatuses.V {
		refused = append(refused, problem.Invalid("send-passing-statuses-for-untriggered-speculative-plans", unconnected))
	}
	if a.ForkPlans.V {
		refused = append(refused, problem.Invalid("allow-speculative-plans-on-pull-requests-from-forks", unconnected))
	}
	if a.AdminsTwoFactor.V {
		refused = append(refused, problem.Invalid("require-two-factor-for-admins", "A second factor of administrators cannot be required on this server"))
	}
	if n := a.RateLimit.V; a.RateLimit.Set && !a.RateLimit.Null && (n < minLimit || n > maxLimit) {
		refused = append(refused, problem.Invalid("api-rate-limit", "Api rate limit must be from %d to %d requests a second", minLimit, maxLimit))
	}
	return problem.All(append(refused, orgs.BadTimeout("plan-timeout", a.PlanTimeout), orgs.BadTimeout("apply-timeout", a.ApplyTimeout))...)
}

func (f *Feature) updateGeneral(ctx context.Context, _ authz.Site, in jsonapi.In[generalRequest]) (General, error) {
	a := in.Data.Attributes
	if err := a.check(); err != nil {
		return General{}, err
	}
	r, err := one[chosen](ctx, f, generalID, f.DB.ForUpdate())
	if err != nil {
		return General{}, err
	}
	c := &r.Chosen.V
	a.AdminsFound.IntoPtr(&c.AdminsFound)
	a.Limited.IntoPtr(&c.Limited)
	a.RateLimit.IntoPtr(&c.RateLimit)
	a.GlobalState.IntoPtr(&c.GlobalState)
	a.PlanTimeout.IntoPtr(&c.PlanTimeout)
	a.ApplyTimeout.IntoPtr(&c.ApplyTimeout)
	g := f.effective(*c)
	return g, keep(ctx, f, r, func() { f.general.Store(&g) })
}

// effective is what counts if c is set.
func (f *Feature) effective(c chosen) General {
	g := General{AdminsFound: or(c.AdminsFound, false), Limited: or(c.Limited, f.RateLimit > 0), RateLimit: f.RateLimit,
		GlobalState: or(c.GlobalState, false), PlanTimeout: or(c.PlanTimeout, defaultPlan), ApplyTimeout: or(c.ApplyTimeout, defaultApply)}
	switch {
	case c.RateLimit != nil:
		g.RateLimit = float64(*c.RateLimit)
	case g.RateLimit <= 0:
		g.RateLimit = defaultLimit
	}
	return g
}

func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// General returns the rules as they count now on this node, without asking the database.
func (f *Feature) General() General { return *f.general.Load() }

// Limit is how many requests a second each token may make; 0 is no limit.
func (f *Feature) Limit() float64 {
	g := f.general.Load()
	if g == nil || !g.Limited {
		return 0
	}
	return g.RateLimit
}

// Timeouts are how long plans and applies may take.
func (f *Feature) Timeouts() (plan, apply time.Duration) {
	g := f.General()
	plan, _ = time.ParseDuration(g.PlanTimeout) // both were checked when they were set
	apply, _ = time.ParseDuration(g.ApplyTimeout)
	return plan, apply
}
