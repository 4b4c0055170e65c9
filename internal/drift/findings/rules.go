package findings

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Rule says what is not to be told of: findings of objects and attributes by pattern, in a
// workspace, in a schedule, or everywhere in the organization.
type Rule struct {
	ID          string            `db:"id"`
	OrgID       string            `db:"org_id"`
	WorkspaceID *string           `db:"workspace_id"`
	ScheduleID  *string           `db:"schedule_id"`
	Folder      string            `db:"folder"`  // pattern, "" is any
	Address     string            `db:"address"` // pattern
	Path        string            `db:"path"`    // pattern, "" is any
	Kinds       db.JSON[[]string] `db:"kinds"`   // none is any
	Reason      string            `db:"reason"`
	CreatedBy   *string           `db:"created_by"`
	CreatedAt   db.Time           `db:"created_at"`
	ExpiresAt   *db.Time          `db:"expires_at"`

	ProjectID string `db:"project_id,extra"`
}

// Scope implements authz.Scoped.
func (r Rule) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: db.Text(r.WorkspaceID)}
}

// Permission implements authz.Owned.
func (r Rule) Permission(p authz.Permission) authz.Permission {
	return scans.PermissionOn(r.WorkspaceID != nil, p)
}

// ruleset are the rules for a target.
type ruleset struct {
	folder string
	rules  []compiled
}

type compiled struct {
	id                    string
	folder, address, path *regexp.Regexp
	kinds                 []string
}

// pattern compiles a pattern: "*" is any text and "?" one character; all else is itself.
func pattern(text string) *regexp.Regexp {
	if text == "" {
		text = "*"
	}
	quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}

// match returns the id of a rule that ignores a finding, "" for none.
func (s ruleset) match(f Finding) string {
	for _, r := range s.rules {
		if r.folder.MatchString(f.Folder) && r.address.MatchString(f.Address) && r.path.MatchString(f.Path) && (len(r.kinds) == 0 || slices.Contains(r.kinds, string(f.Kind))) {
			return r.id
		}
	}
	return ""
}

// rulesFor returns the rules that hold now for a workspace or a schedule.
func (f *Feature) rulesFor(ctx context.Context, orgID string, workspaceID, scheduleID *string) (ruleset, error) {
	list, err := db.All[Rule](ctx, f.DB, `SELECT {r} FROM drift_ignore_rules r WHERE r.org_id = ? AND (r.expires_at IS NULL OR r.expires_at > ?)
		AND (r.workspace_id IS NULL OR r.workspace_id = ?) AND (r.schedule_id IS NULL OR r.schedule_id = ?) ORDER BY r.created_at, r.id`, orgID, db.Now(), db.Text(workspaceID), db.Text(scheduleID))
	return compiledOf(list), err
}

func compiledOf(list []Rule) (s ruleset) {
	for _, r := range list {
		s.rules = append(s.rules, compiled{r.ID, pattern(r.Folder), pattern(r.Address), pattern(r.Path), r.Kinds.V})
	}
	return s
}

// rulesOf returns the rules that hold now for what a scan has looked at.
func (f *Feature) rulesOf(ctx context.Context, s scans.Scan) (ruleset, error) {
	rules, err := f.rulesFor(ctx, s.OrgID, s.WorkspaceID, s.ScheduleID)
	rules.folder = s.Folder
	return rules, err
}

const selectRules = `SELECT {r}, COALESCE(w.project_id, '') AS project_id FROM drift_ignore_rules r LEFT JOIN workspaces w ON w.id = r.workspace_id`

func (f *Feature) ruleRoutes(r *api.Router) {
	const one = "/drift-ignore-rules/{id}"
	filters := api.Params("filter[workspace][id]", "filter[workspace][name]", "filter[schedule][id]", "filter[folder]", "filter[expired]")
	api.Type(r, "drift-ignore-rules", authz.ReadDrift, f.rulesIn, viewRule)
	api.List(r, "/organizations/{organization}/drift-ignore-rules", authz.ReadOrg, f.Orgs.ByName, f.listRules, filters)
	api.Create(r, "/organizations/{organization}/drift-ignore-rules", authz.ReadOrg, f.Orgs.ByName, f.createRule)
	api.List(r, "/organizations/{organization}/drift-ignore-preview", authz.ReadOrg, f.Orgs.ByName, f.preview,
		api.Params("filter[workspace][id]", "filter[schedule][id]", "filter[folder]", "filter[address]", "filter[path]", "filter[kind]"))
	api.Read(r, one, authz.ReadDrift, f.Rule)
	api.Update(r, one, authz.OperateDrift, f.Rule, f.updateRule)
	api.Delete(r, one, authz.OperateDrift, f.Rule, f.deleteRule)
}

// Rule returns the rule with the given id.
func (f *Feature) Rule(ctx context.Context, id string) (Rule, error) {
	return db.One[Rule](ctx, f.DB, selectRules+` WHERE r.id = ?`, id)
}

// rulesIn returns the rules with the given ids.
func (f *Feature) rulesIn(ctx context.Context, ids []string) ([]Rule, error) {
	return db.In[Rule](ctx, f.DB, selectRules+` WHERE r.id IN (?)`, ids)
}

func (f *Feature) listRules(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Rule], error) {
	where, args := scans.Visible(ctx, o.ID, "r")
	c := scans.Condition{Where: where, Args: args}
	c.Places(q, "r")
	switch q.Get("filter[expired]") {
	case "true":
		c.And("r.expires_at <= ?", db.Now())
	case "false":
		c.And("(r.expires_at IS NULL OR r.expires_at > ?)", db.Now())
	}
	return api.Select[Rule](ctx, f.DB, q, selectRules+" WHERE "+c.Where+" ORDER BY r.created_at DESC, r.id DESC", c.Args...)
}

// ruleAttributes are those of the wire and of requests.
type ruleAttributes struct {
	Folder    *string  `json:"folder"`
	Address   string   `json:"address"`
	Path      *string  `json:"path"`
	Kinds     []string `json:"kinds"`
	Reason    string   `json:"reason"`
	CreatedAt db.Time  `json:"created-at"`
	ExpiresAt *db.Time `json:"expires-at"`
}

func viewRule(_ context.Context, r Rule) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-ignore-rules", ID: r.ID, Links: jsonapi.Self("/api/v2/drift-ignore-rules/" + r.ID),
		Attributes: ruleAttributes{db.Null(r.Folder), r.Address, db.Null(r.Path), jsonapi.List(r.Kinds.V), r.Reason, r.CreatedAt, r.ExpiresAt},
		Relationships: jsonapi.Relationships{
			"workspace":      jsonapi.ToOne("workspaces", db.Text(r.WorkspaceID)),
			"drift-schedule": jsonapi.ToOne("drift-schedules", db.Text(r.ScheduleID)),
			"created-by":     jsonapi.ToOne("users", db.Text(r.CreatedBy)),
		}}
}

type ruleRequest struct {
	Folder    jsonapi.Opt[string]   `json:"folder"`
	Address   jsonapi.Opt[string]   `json:"address"`
	Path      jsonapi.Opt[string]   `json:"path"`
	Kinds     jsonapi.Opt[[]string] `json:"kinds"`
	Reason    jsonapi.Opt[string]   `json:"reason"`
	ExpiresAt jsonapi.Opt[*db.Time] `json:"expires-at"`
}

// createRule makes a rule for a workspace, for a schedule, or, without either, for all of the
// organization. Who operates what it is for may make it.
func (f *Feature) createRule(ctx context.Context, o orgs.Org, in jsonapi.In[ruleRequest]) (Rule, error) {
	r := Rule{ID: id.New("drig"), OrgID: o.ID, CreatedBy: f.user(ctx), CreatedAt: db.Now()}
	if ref, _ := in.Data.One("workspace"); ref.ID != "" {
		ws, err := f.Workspaces.Find(ctx, ref.ID)
		if err == nil && ws.OrgID != o.ID {
			err = problem.NotFound
		}
		if err != nil {
			return r, err
		}
		r.WorkspaceID, r.ProjectID = &ws.ID, ws.ProjectID
	}
	if ref, _ := in.Data.One("drift-schedule"); ref.ID != "" {
		if err := f.checkSchedule(ctx, o.ID, ref.ID); err != nil {
			return r, err
		}
		r.ScheduleID = &ref.ID
	}
	if r.WorkspaceID != nil && r.ScheduleID != nil {
		return r, problem.InvalidRelation("drift-schedule", "A rule is for a workspace or for a schedule")
	}
	if err := authz.Check(ctx, authz.OperateDrift, r); err != nil {
		return r, err
	}
	if err := r.take(in.Data.Attributes); err != nil {
		return r, err
	}
	return r, f.addRule(ctx, r)
}

// checkSchedule refuses a schedule that is not one of the organization.
func (f *Feature) checkSchedule(ctx context.Context, orgID, scheduleID string) error {
	if f.ScheduleOrg == nil {
		return problem.NotFound
	}
	of, err := f.ScheduleOrg(ctx, scheduleID)
	if err == nil && of != orgID {
		err = problem.NotFound
	}
	return err
}

// addRule stores a rule and looks again at what is open.
func (f *Feature) addRule(ctx context.Context, r Rule) error {
	if err := f.DB.Insert(ctx, "drift_ignore_rules", r); err != nil {
		return err
	}
	return f.reconsider(ctx, r.OrgID, r.covers(), r.Reason)
}

const maxPattern = 1000

// kinds that a rule may name.
var ruleKinds = []classify.Kind{classify.Drift, classify.DriftConfig, classify.Deleted, classify.Feeds, classify.Pending, Check}

// take takes over what a request says.
func (r *Rule) take(a ruleRequest) error {
	a.Folder.Into(&r.Folder)
	a.Address.Into(&r.Address)
	a.Path.Into(&r.Path)
	a.Kinds.Into(&r.Kinds.V)
	a.Reason.Into(&r.Reason)
	a.ExpiresAt.Into(&r.ExpiresAt)
	for name, text := range map[string]string{"folder": r.Folder, "address": r.Address, "path": r.Path, "reason": r.Reason} {
		if len(text) > maxPattern {
			return problem.Invalid(name, "It has at most %d bytes", maxPattern)
		}
		if !utf8.ValidString(text) {
			return problem.Invalid(name, "It must be text")
		}
	}
	if r.Address == "" {
		return problem.Invalid("address", "Address can't be blank: \"*\" is that of every object")
	}
	if strings.TrimSpace(r.Reason) == "" {
		return problem.Invalid("reason", "Reason can't be blank")
	}
	for _, k := range r.Kinds.V {
		if !slices.Contains(ruleKinds, classify.Kind(k)) {
			return problem.Invalid("kinds", "%q is no kind of finding", k)
		}
	}
	if r.ExpiresAt != nil && r.ExpiresAt.Before(time.Now()) {
		return problem.Invalid("expires-at", "It must lie in the future")
	}
	return nil
}

func (f *Feature) updateRule(ctx context.Context, r Rule, in jsonapi.In[ruleRequest]) (Rule, error) {
	if err := r.take(in.Data.Attributes); err != nil {
		return r, err
	}
	if err := f.DB.Update(ctx, "drift_ignore_rules", r, "folder", "address", "path", "kinds", "reason", "expires_at"); err != nil {
		return r, err
	}
	return r, f.reconsider(ctx, r.OrgID, r.covers(), r.Reason)
}

// deleteRule removes a rule. What it ignored is open again.
func (f *Feature) deleteRule(ctx context.Context, r Rule) error {
	if err := f.DB.Delete(ctx, "drift_ignore_rules", r.ID); err != nil {
		return err
	}
	return f.reconsider(ctx, r.OrgID, r.covers(), "")
}

// user is the id of the person behind the request, nil if it is none.
func (f *Feature) user(ctx context.Context) *string {
	if s := authz.From(ctx); s != nil {
		return db.Null(s.UserID())
	}
	return nil
}
