package orgs

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// SiteSettings are what site administrators set for an organization.
type SiteSettings struct {
	GlobalModuleSharing   bool   `json:"global-module-sharing,omitempty"`
	GlobalProviderSharing bool   `json:"global-provider-sharing,omitempty"`
	AccessBetaTools       bool   `json:"access-beta-tools,omitempty"`
	WorkerSudoEnabled     bool   `json:"terraform-worker-sudo-enabled,omitempty"`
	WorkspaceLimit        *int   `json:"workspace-limit,omitempty"` // nil or 0: none
	ApplyTimeout          string `json:"apply-timeout,omitempty"`   // a Go duration; "": the site's
	PlanTimeout           string `json:"plan-timeout,omitempty"`
}

// adminOrg is an organization as site administrators see it.
type adminOrg struct {
	Org
	owners []string // ids of users
}

// Scope implements authz.Scoped: the site.
func (adminOrg) Scope() authz.Scope { return authz.Scope{} }

// producer is an organization as those see it with whom it shares modules.
type producer struct{ Org }

// admin adds the endpoints of the admin API of Terraform Enterprise, and the list of
// organizations that share modules.
func (f *Feature) admin(r *api.Router) {
	api.Variant(r, "admin-organizations", viewAdmin, "organizations")
	api.Variant(r, "module-producers", viewProducer, "organizations")
	one := "/admin/organizations/{organization}"
	api.List(r, "/admin/organizations", authz.SiteAdmin, api.Site, f.listAll)
	api.Read(r, one, authz.SiteAdmin, f.findAdmin)
	api.Update(r, one, authz.SiteAdmin, f.findAdmin, f.updateAdmin, api.Accepts("organizations"))
	api.Delete(r, one, authz.SiteAdmin, f.findAdmin, func(ctx context.Context, o adminOrg) error { return f.delete(ctx, o.Org) })
	api.List(r, one+"/relationships/module-consumers", authz.SiteAdmin, f.findAdmin, f.listConsumers)
	api.Links[adminOrg]{Replace: f.shareModules}.Serve(r, one+"/relationships/module-consumers", authz.SiteAdmin, f.findAdmin)
	api.List(r, "/organizations/{organization}/relationships/module-producers", authz.ReadOrg, f.ByName, f.listProducers)
}

type adminAttributes struct {
	Name                  string  `json:"name"`
	ExternalID            string  `json:"external-id"`
	CreatedAt             db.Time `json:"created-at"`
	NotificationEmail     string  `json:"notification-email"`
	IsDisabled            bool    `json:"is-disabled"`
	SSOEnabled            bool    `json:"sso-enabled"`
	AccessBetaTools       bool    `json:"access-beta-tools"`
	GlobalModuleSharing   bool    `json:"global-module-sharing"`
	GlobalProviderSharing bool    `json:"global-provider-sharing"`
	BuildApplyTimeout     *string `json:"terraform-build-worker-apply-timeout"`
	BuildPlanTimeout      *string `json:"terraform-build-worker-plan-timeout"`
	ApplyTimeout          *string `json:"apply-timeout"`
	PlanTimeout           *string `json:"plan-timeout"`
	WorkerSudoEnabled     bool    `json:"terraform-worker-sudo-enabled"`
	WorkspaceLimit        *int    `json:"workspace-limit"`
}

func viewAdmin(_ context.Context, o adminOrg) jsonapi.Resource {
	s, self := o.Site.V, "/api/v2/admin/organizations/"+url.PathEscape(o.Name)
	apply, plan := db.Null(s.ApplyTimeout), db.Null(s.PlanTimeout)
	return jsonapi.Resource{
		Type: "organizations", ID: o.Name,
		Attributes: adminAttributes{Name: o.Name, ExternalID: o.ID, CreatedAt: o.CreatedAt, NotificationEmail: o.Email, IsDisabled: o.Disabled,
			AccessBetaTools: s.AccessBetaTools, GlobalModuleSharing: s.GlobalModuleSharing, GlobalProviderSharing: s.GlobalProviderSharing,
			BuildApplyTimeout: apply, BuildPlanTimeout: plan, ApplyTimeout: apply, PlanTimeout: plan, WorkerSudoEnabled: s.WorkerSudoEnabled,
			WorkspaceLimit: s.WorkspaceLimit},
		Relationships: jsonapi.Relationships{
			"owners":           jsonapi.ToMany("users", o.owners),
			"module-consumers": jsonapi.Related(self + "/relationships/module-consumers"),
			"subscription":     jsonapi.ToOneAt("subscriptions", subscriptionID(o.Org), "/api/v2/organizations/"+url.PathEscape(o.Name)+"/subscription"),
		},
		Links: jsonapi.Self(self),
	}
}

func viewProducer(_ context.Context, o producer) jsonapi.Resource {
	return jsonapi.Resource{
		Type: "organizations", ID: o.Name,
		Attributes: struct {
			Name       string `json:"name"`
			ExternalID string `json:"external-id"`
		}{o.Name, o.ID},
		Links: jsonapi.Self("/api/v2/organizations/" + url.PathEscape(o.Name)),
	}
}

func (f *Feature) listAll(ctx context.Context, _ authz.Site, q api.Query) (api.Page[adminOrg], error) {
	cond, args := "1 = 1", []any(nil)
	for _, s := range searches(q) {
		cond, args = cond+" AND ("+s.cond+")", append(args, s.args...)
	}
	return f.adminPage(ctx, q, cond, args...)
}

// adminPage returns a page of the organizations that meet the condition with their
// owners, with a constant number of statements.
func (f *Feature) adminPage(ctx context.Context, q api.Query, cond string, args ...any) (api.Page[adminOrg], error) {
	page, err := api.Select[Org](ctx, f.DB, q, `FROM organizations WHERE `+cond+` ORDER BY name_lower`, args...)
	if err != nil {
		return api.Page[adminOrg]{}, err
	}
	ids := make([]string, len(page.Items))
	for i, o := range page.Items {
		ids[i] = o.ID
	}
	owners, err := f.Owners(ctx, ids)
	out := api.Page[adminOrg]{Total: page.Total}
	for _, o := range page.Items {
		out.Items = append(out.Items, adminOrg{o, owners[o.ID]})
	}
	return out, err
}

func (f *Feature) findAdmin(ctx context.Context, name string) (adminOrg, error) {
	o, err := f.ByName(ctx, name)
	if err != nil {
		return adminOrg{}, err
	}
	owners, err := f.Owners(ctx, []string{o.ID})
	return adminOrg{o, owners[o.ID]}, err
}

type adminRequest struct {
	AccessBetaTools       jsonapi.Opt[bool]   `json:"access-beta-tools"`
	GlobalModuleSharing   jsonapi.Opt[bool]   `json:"global-module-sharing"`
	GlobalProviderSharing jsonapi.Opt[bool]   `json:"global-provider-sharing"`
	IsDisabled            jsonapi.Opt[bool]   `json:"is-disabled"`
	BuildApplyTimeout     jsonapi.Opt[string] `json:"terraform-build-worker-apply-timeout"`
	BuildPlanTimeout      jsonapi.Opt[string] `json:"terraform-build-worker-plan-timeout"`
	ApplyTimeout          jsonapi.Opt[string] `json:"apply-timeout"`
	PlanTimeout           jsonapi.Opt[string] `json:"plan-timeout"`
	WorkerSudoEnabled     jsonapi.Opt[bool]   `json:"terraform-worker-sudo-enabled"`
	WorkspaceLimit        jsonapi.Opt[int]    `json:"workspace-limit"`
}

func (a adminRequest) check() error {
	var bad []*problem.Problem
	refuse := func(attribute string, v jsonapi.Opt[string]) {
		if v.V != "" { // else as the site has it
			bad = append(bad, BadTimeout(attribute, v))
		}
	}
	refuse("plan-timeout", a.PlanTimeout)
	refuse("apply-timeout", a.ApplyTimeout)
	refuse("terraform-build-worker-plan-timeout", a.BuildPlanTimeout)
	refuse("terraform-build-worker-apply-timeout", a.BuildApplyTimeout)
	if a.WorkspaceLimit.V < 0 {
		bad = append(bad, problem.Invalid("workspace-limit", "Workspace limit must be greater than or equal to 0"))
	}
	return problem.All(bad...)
}

func (f *Feature) updateAdmin(ctx context.Context, o adminOrg, in jsonapi.In[adminRequest]) (adminOrg, error) {
	a, s := in.Data.Attributes, &o.Site.V
	if err := a.check(); err != nil {
		return o, err
	}
	o.Disabled = a.IsDisabled.Or(o.Disabled)
	s.AccessBetaTools = a.AccessBetaTools.Or(s.AccessBetaTools)
	s.GlobalModuleSharing = a.GlobalModuleSharing.Or(s.GlobalModuleSharing)
	s.GlobalProviderSharing = a.GlobalProviderSharing.Or(s.GlobalProviderSharing)
	s.WorkerSudoEnabled = a.WorkerSudoEnabled.Or(s.WorkerSudoEnabled)
	a.BuildApplyTimeout.Into(&s.ApplyTimeout)
	a.BuildPlanTimeout.Into(&s.PlanTimeout)
	a.ApplyTimeout.Into(&s.ApplyTimeout)
	a.PlanTimeout.Into(&s.PlanTimeout)
	a.WorkspaceLimit.IntoPtr(&s.WorkspaceLimit)
	f.Changed(ctx)
	return o, f.DB.Update(ctx, "organizations", o.Org, "is_disabled", "site_settings")
}

// How long a plan or an apply may be given.
const (
	minTimeout = time.Minute
	MaxTimeout = 31 * 24 * time.Hour
)

// BadTimeout says what is wrong with the time that plans or applies are given: it is a Go
// duration from a minute to MaxTimeout. Nil if it is right, or not given.
func BadTimeout(attribute string, v jsonapi.Opt[string]) *problem.Problem {
	if !v.Set || v.Null {
		return nil
	}
	if d, err := time.ParseDuration(v.V); err != nil || len(v.V) > 30 || d < minTimeout || d > MaxTimeout {
		return problem.Invalid(attribute, "Timeout must be a duration such as 2h or 30m, from a minute to 31 days (744h)")
	}
	return nil
}

func (f *Feature) listConsumers(ctx context.Context, o adminOrg, q api.Query) (api.Page[adminOrg], error) {
	return f.adminPage(ctx, q, `id IN (SELECT consumer_id FROM module_sharing WHERE producer_id = ?)`, o.ID)
}

func (f *Feature) listProducers(ctx context.Context, o Org, q api.Query) (api.Page[producer], error) {
	page, err := api.Select[Org](ctx, f.DB, q, `FROM organizations WHERE id IN (SELECT producer_id FROM module_sharing WHERE consumer_id = ?) ORDER BY name_lower`, o.ID)
	out := api.Page[producer]{Total: page.Total}
	for _, p := range page.Items {
		out.Items = append(out.Items, producer{p})
	}
	return out, err
}

type sharing struct {
	ProducerID string `db:"producer_id"`
	ConsumerID string `db:"consumer_id"`
}

// shareModules says with which organizations, by name, o shares its private modules.
// A list of some ends the sharing with all.
func (f *Feature) shareModules(ctx context.Context, o adminOrg, list []jsonapi.Member) error {
	names, other := jsonapi.IDs(list, "organizations")
	if other != nil {
		return problem.BadRequest("The type of a member must be organizations, not %s", other.Type)
	}
	found, err := f.ByNames(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(found, func(o Org) bool { return o.NameLower == strings.ToLower(name) }) {
			return &problem.Problem{Status: 404, Title: "not found", Detail: "Organization " + name + " not found"}
		}
	}
	var rows []sharing
	for _, c := range found {
		rows = append(rows, sharing{o.ID, c.ID})
	}
	if _, err := f.DB.Exec(ctx, `DELETE FROM module_sharing WHERE producer_id = ?`, o.ID); err != nil {
		return err
	}
	if err := db.InsertAll(ctx, f.DB, "module_sharing", rows, ""); err != nil {
		return err
	}
	o.Site.V.GlobalModuleSharing = false
	return f.DB.Update(ctx, "organizations", o.Org, "site_settings")
}
