package repositories

import (
	"context"
	"errors"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// maxTest is how long a test may take.
const maxTest = 60 * time.Second

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-repositories", authz.ReadDrift, f.In, view)
	api.List(r, "/organizations/{organization}/drift-repositories", authz.ReadDrift, f.Orgs.ByName, f.list, api.Params("search[name]", "filter[type]", "filter[check-status]", "sort"))
	api.Create(r, "/organizations/{organization}/drift-repositories", authz.ManageDrift, f.Orgs.ByName, f.create, api.Before(f.beforeCreate))
	api.Read(r, "/drift-repositories/{id}", authz.ReadDrift, f.Find)
	api.Update(r, "/drift-repositories/{id}", authz.ManageDrift, f.Find, f.update, api.Before(f.beforeUpdate))
	api.Do(r, "DELETE /drift-repositories/{id}", authz.ManageDrift, f.Find, f.delete)
	api.Handle(r, "POST /drift-repositories/{id}/actions/test", authz.OperateDrift, f.Find, f.answerTest)
}

// attributes are a repository as clients see it.
type attributes struct {
	Type          Type     `json:"type"`
	URL           string   `json:"url"`
	FullName      string   `json:"full-name"`
	RepoID        string   `json:"repo-id"`
	Private       bool     `json:"private"`
	Username      string   `json:"username"`
	HasToken      bool     `json:"has-token"`
	KnownHosts    string   `json:"known-hosts"`
	AppID         string   `json:"app-id"`
	Installation  string   `json:"installation-id"`
	DefaultBranch string   `json:"default-branch"`
	Branches      []string `json:"branches"`
	CheckStatus   string   `json:"check-status"`
	CheckMessage  string   `json:"check-message"`
	CheckedAt     *db.Time `json:"checked-at"`
	CreatedAt     db.Time  `json:"created-at"`
	UpdatedAt     db.Time  `json:"updated-at"`
}

func view(_ context.Context, r Repository) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-repositories", ID: r.ID, Links: jsonapi.Self("/api/v2/drift-repositories/" + r.ID),
		Attributes: attributes{Type: r.Type, URL: r.URL, FullName: r.FullName, RepoID: r.RepoID, Private: r.Private, Username: r.Username, HasToken: r.Secret != nil,
			KnownHosts: r.KnownHosts, AppID: r.AppID, Installation: r.Installation, DefaultBranch: r.DefaultBranch, Branches: jsonapi.List(r.Branches.V), CheckStatus: r.CheckStatus, CheckMessage: r.CheckMessage,
			CheckedAt: r.CheckedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", r.OrgName)}}
}

// preparedKey is where Before leaves the repository that the change then stores.
type preparedKey struct{}

func (f *Feature) beforeCreate(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (context.Context, error) {
	r, err := f.prepare(ctx, Repository{OrgID: o.ID, OrgName: o.Name}, in.Data.Attributes)
	return context.WithValue(ctx, preparedKey{}, r), err
}

func (f *Feature) beforeUpdate(ctx context.Context, r Repository, in jsonapi.In[request]) (context.Context, error) {
	r, err := f.prepare(ctx, r, in.Data.Attributes)
	return context.WithValue(ctx, preparedKey{}, r), err
}

func (f *Feature) create(ctx context.Context, _ orgs.Org, _ jsonapi.In[request]) (Repository, error) {
	r, _ := ctx.Value(preparedKey{}).(Repository)
	return f.store(ctx, r)
}

func (f *Feature) update(ctx context.Context, _ Repository, _ jsonapi.In[request]) (Repository, error) {
	r, _ := ctx.Value(preparedKey{}).(Repository)
	return f.store(ctx, r)
}

func (f *Feature) delete(ctx context.Context, r Repository, in jsonapi.In[verbs.Deletion]) error {
	return f.remove(ctx, r, in.Data.Attributes.Forced(ctx))
}

// answerTest answers {"status":"good", …} or {"status":"bad", "message":…}.
func (f *Feature) answerTest(ctx context.Context, w http.ResponseWriter, req *http.Request, r Repository) error {
	found, err := f.test(ctx, r, req.URL.Query().Get("branch"))
	var bad *vcs.Error
	if errors.As(err, &bad) {
		return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"status": "bad", "code": bad.Code, "message": bad.Message})
	}
	if err != nil {
		return err
	}
	answer := map[string]any{"status": "good", "branches": found.Branches, "folders": found.Folders}
	if found.Repositories != nil {
		answer["repositories"] = found.Repositories
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", answer)
}

// Endpoint is /drift/state.
func (f *Feature) Endpoint() verbs.Endpoint {
	return verbs.Endpoint{Path: "/state",
		Verbs: map[string]verbs.Verb{"save": {Do: f.saveVerb}, "list": {Do: f.listVerb}, "get": {Do: f.getVerb}, "delete": {Do: f.deleteVerb}, "test": {Do: f.testVerb}},
		Fields: map[string]string{"url": "state_repo", "type": "state_type", "token": "state_token", "username": "state_username",
			"known-hosts": "state_known_hosts", "app-id": "state_app_id", "installation-id": "state_installation_id"}}
}

// fields are those of save.
type fields struct {
	ID         jsonapi.Opt[verbs.ID]     `json:"state_id"`
	URL        jsonapi.Opt[string]       `json:"state_repo"`
	Type       jsonapi.Opt[string]       `json:"state_type"`
	Token      jsonapi.Opt[crypt.Secret] `json:"state_token"`
	Username   jsonapi.Opt[string]       `json:"state_username"`
	KnownHosts jsonapi.Opt[string]       `json:"state_known_hosts"`
	AppID      jsonapi.Opt[string]       `json:"state_app_id"`
	Install    jsonapi.Opt[string]       `json:"state_installation_id"`
}

func (f *Feature) saveVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in fields
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	r := Repository{OrgID: c.OrgID, OrgName: c.OrgName}
	if in.ID.V != "" {
		var err error
		if r, err = f.Of(ctx, c.OrgID, string(in.ID.V)); err != nil {
			return nil, err
		}
	} else if !in.Type.Set {
		return nil, verbs.Missing("state_type")
	}
	r, err := f.prepare(ctx, r, request{URL: in.URL, Type: in.Type, Token: in.Token, Username: in.Username, KnownHosts: in.KnownHosts, AppID: in.AppID, Install: in.Install,
		SkipCheck: jsonapi.Opt[bool]{Set: true, V: c.Truthy("skip_check")}})
	if err != nil {
		return nil, err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		stored, err := f.store(ctx, r)
		if err != nil {
			return err
		}
		r = stored
		return c.Record(ctx, f.DB, "drift-repositories", r.ID)
	})
	return verbs.Answer{"message": "Saved " + types[r.Type] + " repo: " + r.FullName, "state_id": r.ID}, err
}

func (f *Feature) listVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	rows, err := db.All[Repository](ctx, f.DB, selectRepositories+` WHERE r.org_id = ? ORDER BY lower(r.full_name), r.id`, c.OrgID)
	items := make([]verbs.Answer, len(rows))
	for i, r := range rows {
		items[i] = verbs.Answer{"id": r.ID, "full_name": r.FullName, "repo": r.URL, "type": r.Type.Short(), "state_type": r.Type,
			"check_status": r.CheckStatus, "check_message": r.CheckMessage, "created": r.CreatedAt}
	}
	return verbs.Answer{"items": items}, err
}

func (f *Feature) getVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	return verbs.Answer{"payload": verbs.Answer{"id": r.ID, "type": r.Type, "org_id": c.DriftID, "name_of_thing": "state", "repo_id": r.RepoID, "repo": r.URL,
		"full_name": r.FullName, "private": r.Private, "default_branch": r.DefaultBranch, "has_token": r.Secret != nil, "username": r.Username,
		"known_hosts": r.KnownHosts, "app_id": r.AppID, "installation_id": r.Installation, "check_status": r.CheckStatus, "check_message": r.CheckMessage, "created": r.CreatedAt}}, nil
}

func (f *Feature) deleteVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, f.DB, "drift-repositories", r.ID, func(ctx context.Context) error { return f.remove(ctx, r, c.Truthy("force")) })
	return verbs.Answer{"message": "Deleted configuration for repo"}, verbs.Deleted(err, "state_id")
}

func (f *Feature) testVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	var in struct {
		Branch string `json:"branch"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	found, err := f.test(ctx, r, in.Branch)
	var bad *vcs.Error
	if errors.As(err, &bad) {
		return nil, verbs.Failed(bad.Code, "%s", bad.Message)
	}
	answer := verbs.Answer{"branches": found.Branches, "files": found.Folders}
	if found.Repositories != nil {
		answer["repositories"] = found.Repositories
	}
	return answer, err
}

// named returns the repository that state_id names.
func (f *Feature) named(ctx context.Context, c verbs.Call) (Repository, error) {
	id, err := c.OneID("state_id")
	if err != nil {
		return Repository{}, err
	}
	return f.Of(ctx, c.OrgID, id)
}
