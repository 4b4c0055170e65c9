// Package notifications tells people and programs what happens in a workspace, a project
// or a team: a request to a webhook, a message to Slack or Microsoft Teams, or mail.
//
// The surprising rule: a configuration that is enabled has been tried. Saving it sends a
// request to its address first, outside of the transaction of the change, and what is not
// answered with 2xx is not saved ("Notification verification and delivery responses").
package notifications

import (
	"context"
	"encoding/json"

	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/identity/teams"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Destinations of notifications.
const (
	Generic = "generic"
	Slack   = "slack"
	Teams   = "microsoft-teams"
	Email   = "email"
)

// Configuration says where notifications about a workspace, about all workspaces of a project,
// or for a team go.
type Configuration struct {
	ID             string            `db:"id"`
	OrgID          string            `db:"org_id"`
	WorkspaceID    *string           `db:"workspace_id"` // one of the three is set
	ProjectID      *string           `db:"project_id"`
	TeamID         *string           `db:"team_id"`
	Name           string            `db:"name"`
	Destination    string            `db:"destination"`
	SealedURL      []byte            `db:"url"`
	SealedToken    []byte            `db:"token"`
	Enabled        bool              `db:"enabled"`
	Triggers       db.JSON[[]string] `db:"triggers"`
	EmailAddresses db.JSON[[]string] `db:"email_addresses"`
	SealedResponse []byte            `db:"response"`
	CreatedAt      db.Time           `db:"created_at"`
	UpdatedAt      db.Time           `db:"updated_at"`

	WorkspaceProject *string `db:"workspace_project,extra"` // that the workspace is in

	related
}

// related is what hydrate adds for the wire.
type related struct {
	url      string
	response *Response
	users    []recipient
}

// recipient is a user who gets the mail of a configuration.
type recipient struct {
	ConfigurationID string `db:"configuration_id"`
	UserID          string `db:"user_id"`
	Email           string `db:"email"`
}

const selectConfigurations = `SELECT {c}, w.project_id AS workspace_project FROM notification_configurations c LEFT JOIN workspaces w ON w.id = c.workspace_id`

// Scope implements authz.Scoped.
func (c Configuration) Scope() authz.Scope {
	s := authz.Scope{Org: c.OrgID}
	switch {
	case c.WorkspaceID != nil:
		s.Workspace = *c.WorkspaceID
		if c.WorkspaceProject != nil {
			s.Project = *c.WorkspaceProject
		}
	case c.ProjectID != nil:
		s.Project = *c.ProjectID
	case c.TeamID != nil:
		s.Team = *c.TeamID
	}
	return s
}

// Permission implements authz.Owned: who administers the workspace, the project or the teams
// manages their notifications.
func (c Configuration) Permission(authz.Permission) authz.Permission {
	switch {
	case c.ProjectID != nil:
		return authz.UpdateProject
	case c.TeamID != nil:
		return authz.ManageTeams
	}
	return authz.UpdateWorkspace
}

// Feature serves notification configurations and sends notifications.
type Feature struct {
	DB         *db.DB
	Bus        *events.Bus // hears of deliveries
	Keyring    *crypt.Keyring
	Jobs       *jobs.Queue
	Users      *users.Feature
	Teams      *teams.Feature
	Projects   *projects.Feature
	Workspaces *workspaces.Feature
	Runs       *runs.Feature
	Mail       *mail.Sender
	HTTP       *safehttp.Client
	// Address is where people and programs reach the server.
	Address func(ctx context.Context) string
}

// Routes adds the endpoints of this package to r, its jobs to Jobs, and what it waits for to
// Runs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/notification-configurations/{id}"
	jobs.Handle(f.Jobs, f.deliver, jobs.Attempts(6), jobs.InQueue("notifications"))
	f.Runs.OnStatus = append(f.Runs.OnStatus, f.runMoved)
	f.Runs.OnWaiting = append(f.Runs.OnWaiting, f.runWaits)
	api.Type(r, "notification-configurations", authz.UpdateWorkspace, f.byIDs, view)
	below(f, r, "/workspaces/{id}", authz.UpdateWorkspace, f.Workspaces.Find, f.Workspaces.Lock, func(w workspaces.Workspace) Configuration {
		return Configuration{OrgID: w.OrgID, WorkspaceID: &w.ID, WorkspaceProject: &w.ProjectID}
	})
	below(f, r, "/projects/{id}", authz.UpdateProject, f.Projects.Find, f.Projects.Find, func(p projects.Project) Configuration {
		return Configuration{OrgID: p.OrgID, ProjectID: &p.ID}
	})
	below(f, r, "/teams/{team}", authz.ManageTeams, f.Teams.Find, f.Teams.Find, func(t teams.Team) Configuration {
		return Configuration{OrgID: t.OrgID, TeamID: &t.ID}
	})
	api.Read(r, one, authz.UpdateWorkspace, f.read)
	api.Update(r, one, authz.UpdateWorkspace, f.read, f.update, api.Before(f.tryUpdate), api.Accepts("notification-configuration"))
	api.Delete(r, one, authz.UpdateWorkspace, f.find, f.delete)
	api.Action(r, one+"/actions/verify", authz.UpdateWorkspace, f.read, f.verified, api.Before(f.verify))
	api.Action(r, one+"/actions/enable", authz.UpdateWorkspace, f.read, f.enable, api.Before(f.verify))
}

// below adds the list of a place's configurations and how one is made.
func below[P authz.Scoped](f *Feature, r *api.Router, path string, needs authz.Permission, find, lock api.Load[P], at func(P) Configuration) {
	path += "/notification-configurations"
	api.List(r, path, needs, find, func(ctx context.Context, p P, q api.Query) (api.Page[Configuration], error) {
		return f.list(ctx, at(p), q)
	})
	api.Create(r, path, needs, lock, func(ctx context.Context, p P, in jsonapi.In[request]) (Configuration, error) {
		return f.create(ctx, at(p), in)
	}, api.Accepts("notification-configuration"), api.Before(func(ctx context.Context, p P, in jsonapi.In[request]) (context.Context, error) {
		return f.tryNew(ctx, at(p), in)
	}))
}

// view is a configuration as clients see it.
func view(_ context.Context, c Configuration) jsonapi.Resource {
	a := attributes{Enabled: c.Enabled, Name: c.Name, Destination: c.Destination, Triggers: jsonapi.List(c.Triggers.V), Responses: []Response{}, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if c.response != nil {
		a.Responses = append(a.Responses, *c.response)
	}
	ids, emails := []string{}, []string{}
	for _, u := range c.users {
		ids, emails = append(ids, u.UserID), append(emails, u.Email)
	}
	a.EmailAddresses, a.External, a.OfUsers = jsonapi.List(c.EmailAddresses.V), jsonapi.List(c.EmailAddresses.V), emails
	if c.Destination != Email {
		a.URL = &c.url
	}
	return jsonapi.Resource{
		Type: "notification-configurations", ID: c.ID, Attributes: a, Links: jsonapi.Self("/api/v2/notification-configurations/" + c.ID),
		Relationships: jsonapi.Relationships{"subscribable": c.place(), "users": jsonapi.ToMany("users", ids)},
	}
}

// place is what the configuration is about.
func (c Configuration) place() jsonapi.One {
	switch {
	case c.WorkspaceID != nil:
		return jsonapi.ToOne("workspaces", *c.WorkspaceID)
	case c.ProjectID != nil:
		return jsonapi.ToOne("projects", *c.ProjectID)
	case c.TeamID != nil:
		return jsonapi.ToOne("teams", *c.TeamID)
	}
	return jsonapi.ToOne("workspaces", "")
}

// attributes of a configuration. The token is write-only and always null.
type attributes struct {
	Enabled        bool       `json:"enabled"`
	Name           string     `json:"name"`
	URL            *string    `json:"url"`
	Destination    string     `json:"destination-type"`
	Token          *string    `json:"token"`
	Triggers       []string   `json:"triggers"`
	Responses      []Response `json:"delivery-responses"`
	EmailAddresses []string   `json:"email-addresses"`
	OfUsers        []string   `json:"user-email-addresses"`
	External       []string   `json:"external-email-addresses"`
	CreatedAt      db.Time    `json:"created-at"`
	UpdatedAt      db.Time    `json:"updated-at"`
}

func (f *Feature) find(ctx context.Context, id string) (Configuration, error) {
	return db.One[Configuration](ctx, f.DB, selectConfigurations+` WHERE c.id = ?`, id)
}

func (f *Feature) read(ctx context.Context, id string) (Configuration, error) {
	c, err := f.find(ctx, id)
	if err != nil {
		return c, err
	}
	return f.hydrated(ctx, c)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Configuration, error) {
	list, err := db.In[Configuration](ctx, f.DB, selectConfigurations+` WHERE c.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.hydrate(ctx, list)
}

// list returns all configurations of a place unless the request asks for a page ("List
// notification configurations").
func (f *Feature) list(ctx context.Context, at Configuration, q api.Query) (api.Page[Configuration], error) {
	column, id := at.column()
	from := selectConfigurations + ` WHERE c.` + column + ` = ? ORDER BY c.created_at, c.id`
	var page api.Page[Configuration]
	var err error
	if q.Paged() {
		page, err = api.Select[Configuration](ctx, f.DB, q, from, id)
	} else {
		page.Bare = true
		page.Items, err = db.All[Configuration](ctx, f.DB, from, id)
	}
	if err != nil {
		return page, err
	}
	return page, f.hydrate(ctx, page.Items)
}

// column is the column that says what the configuration is about, and its value.
func (c Configuration) column() (name, id string) {
	switch {
	case c.WorkspaceID != nil:
		return "workspace_id", *c.WorkspaceID
	case c.ProjectID != nil:
		return "project_id", *c.ProjectID
	}
	return "team_id", *c.TeamID
}

func (f *Feature) hydrated(ctx context.Context, c Configuration) (Configuration, error) {
	list := []Configuration{c}
	err := f.hydrate(ctx, list)
	return list[0], err
}

// hydrate adds to all configurations what their views show, with one statement.
func (f *Feature) hydrate(ctx context.Context, list []Configuration) error {
	ids := make([]string, len(list))
	byID := make(map[string]*Configuration, len(list))
	for i := range list {
		c := &list[i]
		ids[i], byID[c.ID] = c.ID, c
		c.users = nil
		secret, err := f.open(ctx, *c, c.SealedURL, "url")
		if err != nil {
			return err
		}
		c.url = secret.Reveal()
		raw, err := f.open(ctx, *c, c.SealedResponse, "response")
		if err != nil {
			return err
		}
		if raw == "" {
			continue
		}
		if err := json.Unmarshal([]byte(raw.Reveal()), &c.response); err != nil {
			return err
		}
	}
	people, err := db.In[recipient](ctx, f.DB, `SELECT n.configuration_id, n.user_id, u.email FROM notification_users n JOIN users u ON u.id = n.user_id WHERE n.configuration_id IN (?) ORDER BY n.user_id`, ids)
	for _, p := range people {
		byID[p.ConfigurationID].users = append(byID[p.ConfigurationID].users, p)
	}
	return err
}

func (f *Feature) open(ctx context.Context, c Configuration, sealed []byte, column string) (crypt.Secret, error) {
	return f.Keyring.OpenText(ctx, c.OrgID, sealed, aad(column, c.ID))
}

func (f *Feature) seal(ctx context.Context, c Configuration, value, column string) ([]byte, error) {
	return f.Keyring.SealText(ctx, c.OrgID, value, aad(column, c.ID))
}

func aad(column, id string) string { return "notification_configurations:" + column + ":" + id }
