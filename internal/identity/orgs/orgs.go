// Package orgs keeps organizations, to which everything but users belongs, and what
// hangs on one of them alone: its settings, plan, entitlements and audit switch.
//
// The surprising rule: on the wire the id of an organization is its name, which can
// change; rows and scopes hold the id that never does ("external-id").
package orgs

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/retention"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Org is an organization.
type Org struct {
	ID                         string                `db:"id"`
	Name                       string                `db:"name"`
	NameLower                  string                `db:"name_lower"`
	Email                      string                `db:"email"`
	SessionTimeout             *int                  `db:"session_timeout"`  // minutes without a request; nil is the server's
	SessionRemember            *int                  `db:"session_remember"` // minutes in all; nil is the server's
	CollaboratorAuthPolicy     string                `db:"collaborator_auth_policy"`
	OwnersTeamSAMLRoleID       *string               `db:"owners_team_saml_role_id"`
	DefaultExecutionMode       string                `db:"default_execution_mode"` // remote, local, agent
	DefaultAgentPoolID         *string               `db:"default_agent_pool_id"`  // of mode agent
	DefaultProjectID           *string               `db:"default_project_id"`
	CostEstimationEnabled      bool                  `db:"cost_estimation_enabled"`
	SendPassingStatuses        bool                  `db:"send_passing_statuses"` // for untriggered speculative plans
	AggregatedCommitStatus     bool                  `db:"aggregated_commit_status"`
	SpeculativePlanManagement  bool                  `db:"speculative_plan_management"`
	AllowForceDeleteWorkspaces bool                  `db:"allow_force_delete_workspaces"`
	AssessmentsEnforced        bool                  `db:"assessments_enforced"`
	UserTokensEnabled          bool                  `db:"user_tokens_enabled"`
	MaxTTLEnabled              bool                  `db:"max_ttl_enabled"`
	StacksEnabled              bool                  `db:"stacks_enabled"`
	RegistryMonorepoSupport    bool                  `db:"registry_monorepo_support"`
	DataRetention              retention.Column      `db:"data_retention"`
	FeatureSet                 string                `db:"feature_set"`
	Subscription               db.JSON[Contract]     `db:"subscription"`
	AuditTrailsEnabled         bool                  `db:"audit_trails_enabled"`
	AuditTrailsChangedAt       *db.Time              `db:"audit_trails_changed_at"`
	Disabled                   bool                  `db:"is_disabled"` // by the site: nobody gets in
	Site                       db.JSON[SiteSettings] `db:"site_settings"`
	CreatedAt                  db.Time               `db:"created_at"`

	founded bool // just now, by the subject of the request, who does not know its new rights yet
}

// Scope implements authz.Scoped.
func (o Org) Scope() authz.Scope { return authz.Scope{Org: o.ID} }

// New returns an organization with the settings that a new one has
// (organizations.md, "Create an Organization").
func New(name, email string) Org {
	return Org{ID: id.New("org"), Name: name, NameLower: strings.ToLower(name), Email: email,
		CollaboratorAuthPolicy: "password", DefaultExecutionMode: "remote", AggregatedCommitStatus: true, SpeculativePlanManagement: true,
		UserTokensEnabled: true, AuditTrailsEnabled: true, FeatureSet: defaultFeatureSet, CreatedAt: db.Now()}
}

// Feature serves organizations.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
	// OnCreate are called in the transaction that makes an organization, in order.
	OnCreate []func(ctx context.Context, o Org) error
	// OnDelete are called in the transaction that deletes one, before it is gone.
	OnDelete []func(ctx context.Context, o Org) error
	// HasTwoFactor reports whether a user has a second factor.
	HasTwoFactor func(ctx context.Context, userID string) (bool, error)
	// AgentPool finds the agent pool that a new default names and reports whether everything in
	// the scope may use it; problem.NotFound if the organization has none of that id.
	AgentPool func(ctx context.Context, id string, in authz.Scope) (bool, error)
	// AdminsFound reports whether only site administrators create organizations.
	AdminsFound func() bool
	// Owners returns the ids of the users who own each of the organizations.
	Owners func(ctx context.Context, orgIDs []string) (map[string][]string, error)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "organizations", authz.ReadOrg, f.ByNames, f.view)
	api.List(r, "/organizations", authz.SignedIn, api.Site, f.list)
	api.Create(r, "/organizations", authz.AsUser, api.Site, f.create)
	api.Read(r, "/organizations/{organization}", authz.ReadOrg, f.ByName)
	api.Update(r, "/organizations/{organization}", authz.OwnOrg, f.ByName, f.update)
	api.Delete(r, "/organizations/{organization}", authz.OwnOrg, f.ByName, f.delete)
	f.retention(r)
	f.plans(r)
	f.auditing(r)
	f.admin(r)
}

func (f *Feature) retention(r *api.Router) {
	retention.Types(r)
	retention.Owner[Org]{
		Load: f.ByName,
		Get:  func(o Org) retention.Policy { return o.DataRetention.V },
		Put: func(ctx context.Context, o Org, p retention.Policy) error {
			o.DataRetention.V = p
			return f.DB.Update(ctx, "organizations", o, "data_retention")
		},
	}.Serve(r, "/organizations/{organization}/relationships/data-retention-policy", authz.ReadOrg, authz.OwnOrg)
}

func (f *Feature) list(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Org], error) {
	cond, args := mine(ctx)
	for _, s := range searches(q) {
		cond += " AND (" + s.cond + ")"
		args = append(args, s.args...)
	}
	from := `FROM organizations WHERE ` + cond + ` ORDER BY name_lower`
	// Without paging parameters the list is whole (organizations.md, "Query Parameters").
	if q.Get("page[number]") == "" && q.Get("page[size]") == "" {
		return api.Whole(db.All[Org](ctx, f.DB, from, args...))
	}
	return api.Select[Org](ctx, f.DB, q, from, args...)
}

// mine is the condition on organizations that the subject of ctx may see.
func mine(ctx context.Context) (string, []any) {
	s := authz.From(ctx)
	if s.SiteAdmin {
		return "1 = 1", nil
	}
	var ids []string
	for id := range s.Orgs {
		if s.Can(authz.ReadOrg, authz.Scope{Org: id}) {
			ids = append(ids, id)
		}
	}
	return db.List("id IN (?)", ids)
}

type search struct {
	cond string
	args []any
}

// searches are the conditions of q, which beats q[name] and q[email].
func searches(q api.Query) []search {
	const name, email = `name_lower LIKE ? ESCAPE '\'`, `LOWER(email) LIKE ? ESCAPE '\'`
	if like := q.Like("q"); like != "" {
		return []search{{name + " OR " + email, []any{like, like}}}
	}
	var out []search
	if like := q.Like("q[name]"); like != "" {
		out = append(out, search{name, []any{like}})
	}
	if like := q.Like("q[email]"); like != "" {
		out = append(out, search{email, []any{like}})
	}
	return out
}

func (f *Feature) create(ctx context.Context, _ authz.Site, in jsonapi.In[request]) (Org, error) {
	if f.AdminsFound() && !authz.From(ctx).SiteAdmin {
		return Org{}, problem.Denied("Only site administrators create organizations on this server")
	}
	o := New("", "")
	if err := o.apply(in); err != nil {
		return o, err
	}
	if err := f.conforms(ctx, o); err != nil {
		return o, err
	}
	if err := f.checkPool(ctx, o, nil); err != nil {
		return o, err
	}
	o, err := f.Make(ctx, o)
	o.founded = true
	return o, err
}

// Make stores a new organization and lets OnCreate complete it. The subject of ctx
// becomes its owner.
func (f *Feature) Make(ctx context.Context, o Org) (Org, error) {
	if err := taken(f.DB.Insert(ctx, "organizations", o)); err != nil {
		return o, err
	}
	for _, hook := range f.OnCreate {
		if err := hook(ctx, o); err != nil {
			return o, err
		}
	}
	f.Changed(ctx)
	return f.Find(ctx, o.ID)
}

func (f *Feature) update(ctx context.Context, o Org, in jsonapi.In[request]) (Org, error) {
	before := o
	if err := o.apply(in); err != nil {
		return o, err
	}
	if err := f.conforms(ctx, o); err != nil {
		return o, err
	}
	if err := f.checkPool(ctx, o, before.DefaultAgentPoolID); err != nil {
		return o, err
	}
	err := f.DB.Update(ctx, "organizations", o, "name", "name_lower", "email", "session_timeout", "session_remember", "collaborator_auth_policy",
		"owners_team_saml_role_id", "default_execution_mode", "default_agent_pool_id", "cost_estimation_enabled", "send_passing_statuses", "aggregated_commit_status",
		"speculative_plan_management", "allow_force_delete_workspaces", "assessments_enforced", "user_tokens_enabled", "max_ttl_enabled",
		"stacks_enabled", "registry_monorepo_support")
	if o.Name != before.Name || o.UserTokensEnabled != before.UserTokensEnabled || o.CollaboratorAuthPolicy != before.CollaboratorAuthPolicy {
		f.Changed(ctx)
	}
	return o, taken(err)
}

func (f *Feature) delete(ctx context.Context, o Org) error {
	for _, hook := range f.OnDelete {
		if err := hook(ctx, o); err != nil {
			return err
		}
	}
	f.Changed(ctx)
	return f.DB.Delete(ctx, "organizations", o.ID)
}

// taken explains a violated constraint.
func taken(err error) error {
	switch {
	case db.IsUnique(err):
		return problem.Invalid("name", "Name has already been taken")
	case db.IsForeign(err):
		return problem.Conflict("The agent pool has just been deleted.")
	}
	return err
}

// SetDefaultProject tells which project takes the workspaces that name none.
func (f *Feature) SetDefaultProject(ctx context.Context, id, projectID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE organizations SET default_project_id = ? WHERE id = ?`, projectID, id)
	return err
}

// ByName returns the organization with the given name; case does not matter.
func (f *Feature) ByName(ctx context.Context, name string) (Org, error) {
	return db.One[Org](ctx, f.DB, `FROM organizations WHERE name_lower = ?`, strings.ToLower(name))
}

// Find returns the organization with the given id, which is not its name.
func (f *Feature) Find(ctx context.Context, id string) (Org, error) {
	return db.One[Org](ctx, f.DB, `FROM organizations WHERE id = ?`, id)
}

// ByNames returns those of the organizations that exist; case does not matter. It also loads
// what relationships point at: their ids are names.
func (f *Feature) ByNames(ctx context.Context, names []string) ([]Org, error) {
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	return db.In[Org](ctx, f.DB, `FROM organizations WHERE name_lower IN (?)`, lower)
}
