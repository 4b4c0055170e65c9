package runs_test

import (
	"fmt"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

// TestWhoMayDoWhat asks each endpoint as each role. The order of the calls is such that
// the allowed ones find what they need.
func TestWhoMayDoWhat(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		orgID := f.org.ID
		roles := map[string]string{
			"guest": "", "stranger": s.User("stranger").Token, "member": s.Member(f.org, "member").Token,
			"reader": s.With(f.org, "reader", nil, map[string]string{f.ws: "read"}).Token, "planner": s.With(f.org, "planner", nil, map[string]string{f.ws: "plan"}).Token,
			"writer": s.With(f.org, "writer", nil, map[string]string{f.ws: "write"}).Token, "admin": s.With(f.org, "ws-admin", nil, map[string]string{f.ws: "admin"}).Token,
			"owner": f.org.Owner.Token, "organization": s.Token(tokens.Token{Kind: tokens.Org, OrgID: &orgID}),
		}
		_, secret, err := s.App.Tokens.MintRun(f.ctx, f.ws, "", 0)
		f.must(err)
		roles["run"] = secret.Reveal()
		waiting := func() string {
			r := f.queue(tfe.RunCreateOptions{})
			f.planned(r.ID, proto.Finished, true)
			return r.ID
		}
		queued := func() string { return f.queue(tfe.RunCreateOptions{PlanOnly: new(true)}).ID }
		discard := func(id string) {
			if r := f.read(id); r.Actions.IsDiscardable {
				f.must(f.c.Runs.Discard(f.ctx, id, tfe.RunDiscardOptions{}))
			} else if r.Actions.IsCancelable {
				f.must(f.c.Runs.Cancel(f.ctx, id, tfe.RunCancelOptions{}))
			}
		}
		const no = 404
		read := map[string]int{"guest": 401, "stranger": no, "member": no, "reader": 200, "planner": 200, "writer": 200, "admin": 200, "owner": 200, "organization": 200, "run": 200}
		from := func(first string, status int) map[string]int { // from a level of the workspace on
			out := map[string]int{"guest": 401, "stranger": no, "member": no, "organization": no, "run": no}
			reached := false
			for _, level := range []string{"reader", "planner", "writer", "admin", "owner"} {
				reached = reached || level == first
				if out[level] = no; reached {
					out[level] = status
				}
			}
			return out
		}
		for _, c := range []struct {
			method, path string
			body         any
			make         func() string
			want         map[string]int
		}{
			{"GET", "/api/v2/runs/%s", nil, queued, read},
			{"GET", "/api/v2/runs/%s/run-events", nil, queued, read},
			{"GET", "/api/v2/runs/%s/comments", nil, queued, read},
			{"GET", "/api/v2/runs/%s/configuration-version", nil, queued, read},
			{"GET", "/api/v2/workspaces/" + f.ws + "/runs?x=%s", nil, queued, read},
			{"POST", "/api/v2/runs?x=%s", document(map[string]any{"plan-only": true}, map[string]string{"workspace": f.ws}), queued, from("planner", 201)},
			{"POST", "/api/v2/runs/%s/comments", map[string]any{"data": map[string]any{"type": "comments", "attributes": map[string]any{"body": "b"}}}, queued, from("planner", 201)},
			{"POST", "/api/v2/runs/%s/actions/cancel", nil, queued, from("writer", 202)},
			{"POST", "/api/v2/runs/%s/actions/discard", nil, waiting, from("writer", 202)},
			{"POST", "/api/v2/runs/%s/actions/apply", nil, waiting, from("writer", 202)},
			{"POST", "/api/v2/runs/%s/actions/force-execute", nil, waiting, from("writer", 403)},
			{"POST", "/api/v2/runs/%s/actions/force-cancel", nil, queued, from("admin", 409)},
		} {
			for role, token := range roles {
				id := c.make()
				if got := s.Do(c.method, fmt.Sprintf(c.path, id), token, c.body).Status; got != c.want[role] {
					s.T.Errorf("%s %s as %s = %d, want %d", c.method, c.path, role, got, c.want[role])
				}
				discard(id)
			}
		}
	})
}

func TestListsShowOnlyWhatOneMayRead(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		hidden := f.workspace("hidden")
		mine, theirs := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: hidden}})
		_, err := f.c.Workspaces.Lock(f.ctx, f.workspace("third"), tfe.WorkspaceLockOptions{})
		f.must(err)
		reader := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"})
		names := map[string]string{mine.ID: "mine", theirs.ID: "theirs"}
		for _, path := range []string{"/api/v2/organizations/acme/runs", "/api/v2/organizations/acme/runs/queue"} {
			res := s.Do("GET", path, reader.Token, nil)
			list := res.JSON()["data"].([]any)
			if len(list) != 1 || names[list[0].(map[string]any)["id"].(string)] != "mine" {
				s.T.Errorf("%s shows %v", path, list)
			}
		}
		if got := f.listed("/api/v2/organizations/acme/runs", names); got != "mine theirs" {
			s.T.Errorf("the owner sees %q", got)
		}
	})
}

// TestTeamTokenStartsRuns: team tokens may what organization tokens may not (runs page).
func TestTeamTokenStartsRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		team, err := f.c.Teams.Create(f.ctx, "acme", tfe.TeamCreateOptions{Name: new("ci"), OrganizationAccess: &tfe.OrganizationAccessOptions{ManageWorkspaces: new(true)}})
		f.must(err)
		token, err := f.c.TeamTokens.Create(f.ctx, team.ID)
		f.must(err)
		r, err := s.Client(token.Token).Runs.Create(f.ctx, tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: f.ws}})
		if err != nil || r.CreatedBy != nil {
			s.T.Errorf("run = %+v, %v; want one that no user made", r, err)
		}
	})
}
