package orgs

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// plans adds the endpoints of entitlement sets, feature sets and subscriptions.
func (f *Feature) plans(r *api.Router) {
	api.Type(r, "entitlement-sets", authz.ReadEntitlements, f.entitlementsByIDs, viewEntitlements)
	api.Type(r, "feature-sets", authz.SignedIn, featureSetsByIDs, viewFeatureSet)
	api.Type(r, "subscriptions", authz.ReadOrg, f.subscriptionsByIDs, viewSubscription)
	api.Show(r, "/organizations/{organization}/entitlement-set", authz.ReadEntitlements, f.ByName, func(_ context.Context, o Org) (entitlementSet, error) {
		return entitlementSet{o}, nil
	})
	api.Show(r, "/organizations/{organization}/subscription", authz.ReadOrg, f.ByName, func(_ context.Context, o Org) (subscription, error) {
		return subscription{Org: o}, nil
	})
	api.Read(r, "/subscriptions/{subscription}", authz.ReadOrg, f.findSubscription)
	api.List(r, "/admin/feature-sets", authz.SiteAdmin, api.Site, listFeatureSets)
	api.Action(r, "/admin/organizations/{organization}/subscription", authz.SiteAdmin, f.ByName, f.subscribe)
}

// entitlementSet is what an organization's plan permits, as a resource.
type entitlementSet struct{ Org }

func viewEntitlements(_ context.Context, e entitlementSet) jsonapi.Resource {
	return jsonapi.Resource{Type: "entitlement-sets", ID: e.ID, Attributes: e.Entitled(), Links: jsonapi.Self("/api/v2/entitlement-sets/" + e.ID)}
}

func (f *Feature) entitlementsByIDs(ctx context.Context, ids []string) ([]entitlementSet, error) {
	list, err := f.byIDs(ctx, ids)
	out := make([]entitlementSet, len(list))
	for i, o := range list {
		out[i] = entitlementSet{o}
	}
	return out, err
}

type featureSetAttributes struct {
	Name        string `json:"name"`
	Identifier  string `json:"identifier"`
	Description string `json:"description"`
	IsFreeTier  bool   `json:"is-free-tier"`
	Entitlements
}

func viewFeatureSet(_ context.Context, s FeatureSet) jsonapi.Resource {
	return jsonapi.Resource{Type: "feature-sets", ID: s.ID, Attributes: featureSetAttributes{s.Name, s.Identifier, s.Description, s.IsFreeTier, s.Entitlements}}
}

func featureSetsByIDs(_ context.Context, ids []string) ([]FeatureSet, error) {
	var out []FeatureSet
	for _, id := range ids {
		if s, ok := featureSets[id]; ok {
			out = append(out, s)
		}
	}
	return out, nil
}

func listFeatureSets(_ context.Context, _ authz.Site, q api.Query) (api.Page[FeatureSet], error) {
	var out []FeatureSet
	for _, s := range featureSets {
		if strings.Contains(strings.ToLower(s.Name), strings.ToLower(q.Get("q"))) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b FeatureSet) int { return cmp.Compare(a.Name, b.Name) })
	return api.Whole(out, nil)
}

// subscription is an organization's plan with its terms, as a resource.
type subscription struct {
	Org
	bySite bool // the site has just decided it: the record of that belongs to the site
}

// Scope implements authz.Scoped.
func (s subscription) Scope() authz.Scope {
	if s.bySite {
		return authz.Scope{}
	}
	return s.Org.Scope()
}

type subscriptionAttributes struct {
	StartAt               *db.Time `json:"start-at"`
	EndAt                 *db.Time `json:"end-at"`
	ContractStartAt       *db.Time `json:"contract-start-at"`
	RunsCeiling           *int     `json:"runs-ceiling"`
	AgentsCeiling         *int     `json:"agents-ceiling"`
	UserLimit             *int     `json:"contract-user-limit"`
	ApplyLimit            *int     `json:"contract-apply-limit"`
	ManagedResourcesLimit *int     `json:"contract-managed-resources-limit"`
	IsActive              bool     `json:"is-active"`
	IsPublicFreeTier      bool     `json:"is-public-free-tier"`
	IsSelfServeTrial      bool     `json:"is-self-serve-trial"`
}

func viewSubscription(_ context.Context, s subscription) jsonapi.Resource {
	c, id := s.Subscription.V, subscriptionID(s.Org)
	start := c.StartAt
	if start == nil {
		start = &s.CreatedAt
	}
	return jsonapi.Resource{
		Type: "subscriptions", ID: id,
		Attributes: subscriptionAttributes{StartAt: start, EndAt: c.EndAt, ContractStartAt: c.ContractStartAt, RunsCeiling: c.RunsCeiling,
			AgentsCeiling: c.AgentsCeiling, UserLimit: c.UserLimit, ApplyLimit: c.ApplyLimit, ManagedResourcesLimit: c.ManagedResourcesLimit,
			IsActive: !c.expired(), IsPublicFreeTier: featureSets[s.FeatureSet].IsFreeTier},
		Relationships: jsonapi.Relationships{
			"organization": jsonapi.ToOne("organizations", s.Name),
			"feature-set":  jsonapi.ToOne("feature-sets", s.FeatureSet),
		},
		Links: jsonapi.Self("/api/v2/subscriptions/" + id),
	}
}

type subscriptionRequest struct {
	EndAt                 jsonapi.Opt[time.Time] `json:"end-at"`
	ContractStartAt       jsonapi.Opt[time.Time] `json:"contract-start-at"`
	RunsCeiling           jsonapi.Opt[int]       `json:"runs-ceiling"`
	AgentsCeiling         jsonapi.Opt[int]       `json:"agents-ceiling"`
	UserLimit             jsonapi.Opt[int]       `json:"contract-user-limit"`
	ApplyLimit            jsonapi.Opt[int]       `json:"contract-apply-limit"`
	ManagedResourcesLimit jsonapi.Opt[int]       `json:"contract-managed-resources-limit"`
}

// subscribe puts an organization on a plan. Clients of the site's administration
// call it; HCP Terraform does not document it.
func (f *Feature) subscribe(ctx context.Context, o Org, in jsonapi.In[subscriptionRequest]) (subscription, error) {
	set, _ := in.Data.One("feature-set")
	if _, ok := featureSets[set.ID]; !ok {
		return subscription{}, problem.InvalidRelation("feature-set", "Feature set %q could not be found", set.ID)
	}
	now, a := db.Now(), in.Data.Attributes
	o.FeatureSet = set.ID
	c := Contract{StartAt: &now, EndAt: at(a.EndAt), ContractStartAt: at(a.ContractStartAt)}
	a.RunsCeiling.IntoPtr(&c.RunsCeiling)
	a.AgentsCeiling.IntoPtr(&c.AgentsCeiling)
	a.UserLimit.IntoPtr(&c.UserLimit)
	a.ApplyLimit.IntoPtr(&c.ApplyLimit)
	a.ManagedResourcesLimit.IntoPtr(&c.ManagedResourcesLimit)
	o.Subscription.V = c
	return subscription{o, true}, f.DB.Update(ctx, "organizations", o, "feature_set", "subscription")
}

func at(v jsonapi.Opt[time.Time]) *db.Time {
	if !v.Set || v.Null {
		return nil
	}
	t := db.At(v.V)
	return &t
}

func (f *Feature) findSubscription(ctx context.Context, id string) (subscription, error) {
	tail, ok := strings.CutPrefix(id, "sub-")
	if !ok {
		return subscription{}, problem.NotFound
	}
	o, err := f.Find(ctx, "org-"+tail)
	return subscription{Org: o}, err
}

func (f *Feature) subscriptionsByIDs(ctx context.Context, ids []string) ([]subscription, error) {
	orgIDs := make([]string, len(ids))
	for i, id := range ids {
		orgIDs[i] = "org-" + strings.TrimPrefix(id, "sub-")
	}
	list, err := f.byIDs(ctx, orgIDs)
	out := make([]subscription, len(list))
	for i, o := range list {
		out[i] = subscription{Org: o}
	}
	return out, err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Org, error) {
	return db.In[Org](ctx, f.DB, `FROM organizations WHERE id IN (?)`, ids)
}
