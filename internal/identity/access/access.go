// Package access keeps what teams may do in projects and workspaces, and makes the
// subject of a token: who it is, with everything that it may do anywhere, from one
// statement.
package access

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/expirable"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
)

// Topic is published whenever anything changes that a subject is made of: users,
// memberships, teams, access, tokens.
const Topic = "grants"

// OwnersTeam is the name of the team that may do everything.
const OwnersTeam = "owners"

// Subjects makes subjects of tokens and remembers them for half a minute.
type Subjects struct {
	db     *db.DB
	tokens *tokens.Store
	used   func(ctx context.Context, t tokens.Token)
	cache  *lru.LRU[string, entry]
	epoch  atomic.Int64 // counts the changes, so that nothing older than the last is remembered
}

type entry struct {
	subject *authz.Subject
	token   tokens.Token
}

// NewSubjects returns the subjects of the tokens in store. used is told of each
// token that authenticated a request, at most every half minute.
func NewSubjects(d *db.DB, store *tokens.Store, bus *events.Bus, used func(ctx context.Context, t tokens.Token)) *Subjects {
	s := &Subjects{db: d, tokens: store, used: used, cache: lru.NewLRU[string, entry](20_000, nil, 30*time.Second)}
	bus.Subscribe(Topic, func(string) { s.epoch.Add(1); s.cache.Purge() })
	bus.Subscribe(tokenTopic, s.forget)
	return s
}

// tokenTopic is published with the id of a token that is no more, when nothing else has changed.
const tokenTopic = "token"

// Revoked says that tokens are no more. Unlike Changed it costs the others nothing.
func Revoked(ctx context.Context, bus *events.Bus, tokenIDs []string) {
	for _, id := range tokenIDs {
		bus.Publish(ctx, tokenTopic, id)
	}
}

// forget forgets what is remembered of a token; "" is of all.
func (s *Subjects) forget(tokenID string) {
	s.epoch.Add(1)
	for _, secret := range s.cache.Keys() {
		if e, ok := s.cache.Peek(secret); ok && (tokenID == "" || e.token.ID == tokenID) {
			s.cache.Remove(secret)
		}
	}
}

// Changed says that grants have changed; every node forgets what it remembers.
func Changed(ctx context.Context, bus *events.Bus) { bus.Publish(ctx, Topic, "") }

// Of returns the subject of the secret form of a token, nil if it is none.
func (s *Subjects) Of(ctx context.Context, secret string) (*authz.Subject, error) {
	if e, ok := s.cache.Get(secret); ok && !e.token.Expired() {
		return e.subject, nil
	}
	epoch := s.epoch.Load()
	t, err := s.tokens.Lookup(ctx, secret)
	if tokens.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	subject, err := s.load(ctx, t)
	if err != nil || subject == nil {
		return nil, err
	}
	if epoch == s.epoch.Load() {
		s.cache.Add(secret, entry{subject, t})
	}
	if s.used != nil {
		s.used(ctx, t)
	}
	return subject, nil
}

// grant is a row of the statement that loads a subject.
type grant struct {
	Part   string `db:"part"` // user, member, team, project, workspace
	OrgID  string `db:"org_id"`
	Target string `db:"target"` // id of what the part is about
	Name   string `db:"name"`   // user name, organization name, team name, access level
	A      string `db:"a"`      // JSON of flags or custom permissions; of an organization why it is closed
	B      string `db:"b"`      // JSON of custom permissions; of an organization the limits of sessions
}

// load makes the subject of a token; nil if what it stands for is gone or suspended.
func (s *Subjects) load(ctx context.Context, t tokens.Token) (*authz.Subject, error) {
	var query string
	var key string
	switch t.Kind {
	case tokens.User, tokens.Session:
		query, key = ofUser, *t.UserID
	case tokens.Team:
		query, key = ofTeam, *t.TeamID
	case tokens.Run, tokens.Scan:
		if query, key = ofRun, db.Text(t.WorkspaceID); key == "" {
			query, key = ofTest, db.Text(t.ModuleID)
		}
	case tokens.Agent:
		return nil, nil // nobody here: agents speak to endpoints of their own
	default:
		query, key = ofOrg, *t.OrgID
	}
	args := slices.Repeat([]any{key}, strings.Count(query, "?"))
	rows, err := db.All[grant](ctx, s.db, query, args...)
	if err != nil {
		return nil, err
	}
	return assemble(t, rows)
}

const (
	accessOf = ` UNION ALL
	SELECT 'project', t.org_id, tp.project_id, tp.access, tp.project_access, tp.workspace_access FROM team_projects tp JOIN teams t ON t.id = tp.team_id WHERE `
	accessIn = ` UNION ALL
	SELECT 'workspace', t.org_id, tw.workspace_id, tw.access, tw.permissions, '' FROM team_workspaces tw JOIN teams t ON t.id = tw.team_id WHERE `
	mine = `t.id IN (SELECT tm.team_id FROM team_members tm JOIN organization_memberships m ON m.id = tm.membership_id WHERE m.user_id = ? AND m.status = 'active')`

	disabled = `CASE WHEN o.is_disabled THEN 'disabled' ELSE '' END`

	ofUser = `SELECT 'user' AS part, '' AS org_id, CASE WHEN site_admin THEN 'admin' ELSE '' END AS target, username AS name, '' AS a, '' AS b
	FROM users WHERE id = ? AND NOT suspended
	UNION ALL SELECT 'member', o.id, '', o.name, CASE WHEN o.is_disabled THEN 'disabled'
		WHEN o.collaborator_auth_policy = 'two_factor_mandatory' AND NOT u.totp_verified THEN 'two-factor' WHEN NOT o.user_tokens_enabled THEN 'tokens' ELSE '' END,
		COALESCE(o.session_timeout, 0) || ' ' || COALESCE(o.session_remember, 0)
	FROM organization_memberships m JOIN organizations o ON o.id = m.org_id JOIN users u ON u.id = m.user_id
	WHERE m.user_id = ? AND m.status = 'active'
	UNION ALL SELECT 'team', t.org_id, t.id, t.name, t.organization_access, '' FROM teams t WHERE ` + mine + accessOf + mine + accessIn + mine

	ofTeam = `SELECT 'member' AS part, o.id AS org_id, '' AS target, o.name AS name, ` + disabled + ` AS a, '' AS b
	FROM teams t JOIN organizations o ON o.id = t.org_id WHERE t.id = ?
	UNION ALL SELECT 'team', t.org_id, t.id, t.name, t.organization_access, '' FROM teams t WHERE t.id = ?` + accessOf + `t.id = ?` + accessIn + `t.id = ?`

	ofOrg = `SELECT 'organization' AS part, o.id AS org_id, '' AS target, o.name AS name, ` + disabled + ` AS a, '' AS b FROM organizations o WHERE o.id = ?`

	ofRun = `SELECT 'run' AS part, o.id AS org_id, w.id AS target, o.name AS name, ` + disabled + ` AS a, '' AS b
	FROM workspaces w JOIN organizations o ON o.id = w.org_id WHERE w.id = ?
	UNION ALL SELECT 'shared', '', workspace_id, '', '', '' FROM remote_state_consumers WHERE consumer_id = ?
	UNION ALL SELECT 'shared', '', s.id, '', '', '' FROM workspaces w JOIN workspaces s ON s.project_id = w.project_id
	WHERE w.id = ? AND s.project_remote_state`

	ofTest = `SELECT 'run' AS part, o.id AS org_id, m.id AS target, o.name AS name, ` + disabled + ` AS a, '' AS b
	FROM registry_modules m JOIN organizations o ON o.id = m.org_id WHERE m.id = ?`
)

// whoIs is the part that tells who a token stands for.
var whoIs = map[tokens.Kind]string{tokens.User: "user", tokens.Session: "user", tokens.Team: "team", tokens.Run: "run", tokens.Scan: "run",
	tokens.Org: "organization", tokens.Audit: "organization"}

// assemble makes a subject of its rows. Without the row that tells who it is, such
// as that of a suspended user, there is nobody, whatever else is known.
func assemble(t tokens.Token, rows []grant) (*authz.Subject, error) {
	if !slices.ContainsFunc(rows, func(g grant) bool { return g.Part == whoIs[t.Kind] }) {
		return nil, nil
	}
	if t.Kind == tokens.Session && slices.ContainsFunc(rows, func(g grant) bool { return g.Part == "member" && overdue(t, g.B) }) {
		return nil, nil
	}
	s := &authz.Subject{Kind: authz.Kind(t.Kind), TokenID: t.ID, Orgs: map[string]*authz.Grants{}}
	for _, g := range rows {
		if err := add(s, t, g); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add adds one row to the subject.
func add(s *authz.Subject, t tokens.Token, g grant) error {
	switch g.Part {
	case "user":
		s.Kind, s.ID, s.Name, s.SiteAdmin, s.Session = authz.User, *t.UserID, g.Name, g.Target == "admin", t.Kind == tokens.Session
	case "member":
		in(s, g.OrgID).OrgName = g.Name
		in(s, g.OrgID).Org |= authz.Member
		in(s, g.OrgID).Closed = g.A == "disabled" || g.A == "two-factor" || (g.A == "tokens" && t.Kind == tokens.User)
	case "organization":
		s.ID, s.Name = g.OrgID, g.Name
		in(s, g.OrgID).OrgName = g.Name
		in(s, g.OrgID).Org = authz.OrgToken()
		if t.Kind == tokens.Audit {
			in(s, g.OrgID).Org = authz.Of(authz.ReadAudit)
		}
		in(s, g.OrgID).Closed = g.A == "disabled"
	case "run":
		s.Kind, s.ID, s.Name, s.RunIn = authz.Run, t.ID, "run", g.Target
		in(s, g.OrgID).OrgName = g.Name
		in(s, g.OrgID).Org = authz.RunInOrg
		switch {
		case t.Kind == tokens.Scan:
			in(s, g.OrgID).Workspaces[g.Target] = authz.ScanToken
		case t.WorkspaceID != nil:
			in(s, g.OrgID).Workspaces[g.Target] = authz.RunToken
		}
		in(s, g.OrgID).Closed = g.A == "disabled"
	case "shared":
		for _, o := range s.Orgs {
			o.Workspaces[g.Target] |= authz.Of(authz.ReadWorkspace, authz.ReadState, authz.ReadOutputs)
		}
	case "team":
		if t.Kind == tokens.Team {
			s.ID, s.Name = g.Target, g.Name
		}
		return team(in(s, g.OrgID), g)
	case "project":
		set, err := projectSet(g.Name, g.A, g.B)
		in(s, g.OrgID).Projects[g.Target] |= set
		in(s, g.OrgID).Org |= authz.Elsewhere(set)
		return err
	case "workspace":
		set, err := workspaceSet(g.Name, g.A)
		in(s, g.OrgID).Workspaces[g.Target] |= set
		in(s, g.OrgID).Org |= authz.Elsewhere(set)
		return err
	}
	return nil
}

func in(s *authz.Subject, orgID string) *authz.Grants {
	g := s.Orgs[orgID]
	if g == nil {
		g = &authz.Grants{Teams: map[string]bool{}, Projects: map[string]authz.Set{}, Workspaces: map[string]authz.Set{}}
		s.Orgs[orgID] = g
	}
	return g
}

func team(o *authz.Grants, g grant) error {
	o.Teams[g.Target] = true
	if g.Name == OwnersTeam {
		o.Org |= authz.Owner()
		return nil
	}
	var flags map[string]bool
	if err := json.Unmarshal([]byte(g.A), &flags); err != nil {
		return err
	}
	for name, on := range flags {
		if on {
			o.Org |= authz.OrgFlags[name]
		}
	}
	return nil
}

// projectSet is what a row of team_projects permits.
func projectSet(level, projectJSON, workspaceJSON string) (authz.Set, error) {
	if level != "custom" {
		return authz.ProjectLevels[level], nil
	}
	var p authz.ProjectPermissions
	var w authz.WorkspacePermissions
	if err := json.Unmarshal([]byte(projectJSON), &p); err != nil {
		return 0, err
	}
	if err := json.Unmarshal([]byte(workspaceJSON), &w); err != nil {
		return 0, err
	}
	return authz.CustomProject(p) | authz.CustomWorkspace(w), nil
}

// workspaceSet is what a row of team_workspaces permits.
func workspaceSet(level, permissionsJSON string) (authz.Set, error) {
	if level != "custom" {
		return authz.WorkspaceLevels[level], nil
	}
	var w authz.WorkspacePermissions
	err := json.Unmarshal([]byte(permissionsJSON), &w)
	return authz.CustomWorkspace(w), err
}
