package runtriggers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
)

// connection asks for a trigger with a source.
func connection(typ, sourceID string) string {
	return fmt.Sprintf(`{"data":{"type":"run-triggers","relationships":{"sourceable":{"data":{"type":%q,"id":%q}}}}}`, typ, sourceID)
}

func workspace(s *apptest.Server, org apptest.Org, name string) *tfe.Workspace {
	s.T.Helper()
	w, err := s.Client(org.Owner.Token).Workspaces.Create(s.T.Context(), org.Name, tfe.WorkspaceCreateOptions{Name: &name})
	if err != nil {
		s.T.Fatal(err)
	}
	return w
}

func TestTriggerLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, app, net := s.Client(org.Owner.Token).RunTriggers, workspace(s, org, "app"), workspace(s, org, "net")
		made, err := c.Create(ctx, app.ID, tfe.RunTriggerCreateOptions{Sourceable: net})
		if err != nil {
			s.T.Fatal(err)
		}
		if made.WorkspaceName != "app" || made.SourceableName != "net" || made.Workspace.ID != app.ID || made.Sourceable.ID != net.ID || made.CreatedAt.IsZero() {
			s.T.Errorf("Create = %+v", made)
		}
		got, err := c.ReadWithOptions(ctx, made.ID, &tfe.RunTriggerReadOptions{Include: []tfe.RunTriggerIncludeOpt{tfe.RunTriggerSourceable, tfe.RunTriggerWorkspace}})
		if err != nil || got.Sourceable.Name != "net" || got.Workspace.Name != "app" {
			s.T.Errorf("Read with both = %+v, %v", got, err)
		}
		for _, of := range []struct {
			ws   *tfe.Workspace
			typ  tfe.RunTriggerFilterOp
			want int
		}{{app, tfe.RunTriggerInbound, 1}, {app, tfe.RunTriggerOutbound, 0}, {net, tfe.RunTriggerInbound, 0}, {net, tfe.RunTriggerOutbound, 1}} {
			list, err := c.List(ctx, of.ws.ID, &tfe.RunTriggerListOptions{RunTriggerType: of.typ})
			if err != nil || len(list.Items) != of.want || list.TotalCount != of.want {
				s.T.Errorf("List of %s %s = %+v, %v, want %d", of.ws.Name, of.typ, list, err, of.want)
			}
		}
		if err := c.Delete(ctx, made.ID); err != nil {
			s.T.Error(err)
		}
		if _, err := c.Read(ctx, made.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Read after Delete = %v", err)
		}
	})
}

func TestTriggersThatCannotBe(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		app, net, alien := workspace(s, org, "app"), workspace(s, org, "net"), workspace(s, other, "alien")
		path := "/api/v2/workspaces/" + app.ID + "/run-triggers"
		for _, c := range []struct {
			name, body string
			status     int
			want       string
		}{
			{"a first one", connection("workspaces", net.ID), 201, net.ID},
			{"the same again", connection("workspaces", net.ID), 422, "has already been taken"},
			{"itself", connection("workspaces", app.ID), 422, "cannot be the workspace itself"},
			{"nothing", `{"data":{"type":"run-triggers"}}`, 422, "can't be blank"},
			{"null", `{"data":{"type":"run-triggers","relationships":{"sourceable":{"data":null}}}}`, 422, "can't be blank"},
			{"no workspace", connection("projects", net.ID), 422, "must be a workspace"},
			{"what is not there", connection("workspaces", "ws-nowhere"), 404, "not found"},
			{"another organization's", connection("workspaces", alien.ID), 404, "not found"},
			{"another type", strings.Replace(connection("workspaces", net.ID), "run-triggers", "workspaces", 1), 409, ""},
		} {
			if r := s.Do("POST", path, org.Owner.Token, c.body); r.Status != c.status || !strings.Contains(string(r.Body), c.want) {
				s.T.Errorf("%s: %d %s, want %d %s", c.name, r.Status, r.Body, c.status, c.want)
			}
		}
		for query, status := range map[string]int{"": 400, "?filter[run-trigger][type]=sideways": 400, "?filter[run-trigger][type]=inbound": 200, "?filter[run-trigger][type]=outbound&include=sourceable": 200, "?filter[run-trigger][type]=inbound&include=nothing": 400} {
			if r := s.Do("GET", path+query, org.Owner.Token, nil); r.Status != status {
				s.T.Errorf("GET %s = %d %s, want %d", query, r.Status, r.Body, status)
			}
		}
		for i := range 20 {
			want := 201
			if i == 19 { // there is one already
				want = 422
			}
			source := workspace(s, org, fmt.Sprint("source-", i))
			if r := s.Do("POST", path, org.Owner.Token, connection("workspaces", source.ID)); r.Status != want {
				s.T.Errorf("source %d = %d %s, want %d", i+2, r.Status, r.Body, want)
			}
		}
	})
}

// TestWhoMayConnect: admins of the workspace who may see runs of the source; and who may
// see runs of either may see the trigger.
func TestWhoMayConnect(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		owner, app, net := s.Client(org.Owner.Token), workspace(s, org, "app"), workspace(s, org, "net")
		made, err := owner.RunTriggers.Create(ctx, app.ID, tfe.RunTriggerCreateOptions{Sourceable: workspace(s, org, "base")})
		if err != nil {
			s.T.Fatal(err)
		}
		member := func(name string, levels map[*tfe.Workspace]tfe.AccessType) string {
			u := s.Member(org, name)
			team, err := owner.Teams.Create(ctx, org.Name, tfe.TeamCreateOptions{Name: &name})
			if err != nil {
				s.T.Fatal(err)
			}
			if err := owner.TeamMembers.Add(ctx, team.ID, tfe.TeamMemberAddOptions{Usernames: []string{u.Name}}); err != nil {
				s.T.Fatal(err)
			}
			for w, level := range levels {
				if _, err := owner.TeamAccess.Add(ctx, tfe.TeamAccessAddOptions{Access: &level, Team: team, Workspace: w}); err != nil {
					s.T.Fatal(err)
				}
			}
			return u.Token
		}
		base := made.Sourceable
		for _, c := range []struct {
			name                 string
			token                string
			create, show, delete int
		}{
			{"admin of both", member("both", map[*tfe.Workspace]tfe.AccessType{app: tfe.AccessAdmin, net: tfe.AccessRead}), 201, 200, 204},
			{"admin of the workspace alone", member("target", map[*tfe.Workspace]tfe.AccessType{app: tfe.AccessAdmin}), 404, 200, 204},
			{"writer of the workspace", member("writer", map[*tfe.Workspace]tfe.AccessType{app: tfe.AccessWrite, net: tfe.AccessAdmin}), 404, 200, 404},
			{"reader of the source", member("source", map[*tfe.Workspace]tfe.AccessType{base: tfe.AccessRead}), 404, 200, 404},
			{"stranger", member("stranger", nil), 404, 404, 404},
			{"nobody", "", 401, 401, 401},
		} {
			r := s.Do("POST", "/api/v2/workspaces/"+app.ID+"/run-triggers", c.token, connection("workspaces", net.ID))
			if r.Status != c.create {
				s.T.Errorf("%s creates: %d %s, want %d", c.name, r.Status, r.Body, c.create)
			}
			if r := s.Do("GET", "/api/v2/run-triggers/"+made.ID+"?include=workspace,sourceable", c.token, nil); r.Status != c.show {
				s.T.Errorf("%s shows: %d %s, want %d", c.name, r.Status, r.Body, c.show)
			} else if c.name == "reader of the source" && strings.Count(string(r.Body), `"structured-run-output-enabled"`) != 1 {
				s.T.Errorf("%s sees not just the source: %s", c.name, r.Body)
			}
			if c.create == 201 {
				id := strings.Split(strings.Split(string(r.Body), `"id":"`)[1], `"`)[0]
				if r := s.Do("DELETE", "/api/v2/run-triggers/"+id, c.token, nil); r.Status != c.delete {
					s.T.Errorf("%s deletes: %d %s, want %d", c.name, r.Status, r.Body, c.delete)
				}
			} else if c.delete != 204 {
				if r := s.Do("DELETE", "/api/v2/run-triggers/"+made.ID, c.token, nil); r.Status != c.delete {
					s.T.Errorf("%s deletes: %d %s, want %d", c.name, r.Status, r.Body, c.delete)
				}
			}
		}
	})
}

// TestAppliedRunFiresOnce: each connected workspace that the server runs gets one run,
// however often the end of the applied one is told.
func TestAppliedRunFiresOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, net := s.Client(org.Owner.Token), workspace(s, org, "net")
		made := map[string]*tfe.Workspace{}
		for _, name := range []string{"app", "batch", "laptop", "empty"} {
			w := workspace(s, org, name)
			made[name] = w
			if _, err := c.RunTriggers.Create(ctx, w.ID, tfe.RunTriggerCreateOptions{Sourceable: net}); err != nil {
				s.T.Fatal(err)
			}
			if name != "empty" {
				v, err := c.ConfigurationVersions.Create(ctx, w.ID, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
				if err != nil {
					s.T.Fatal(err)
				}
				if err := c.ConfigurationVersions.Upload(ctx, v.UploadURL, s.T.TempDir()); err != nil {
					s.T.Fatal(err)
				}
			}
			settings := map[string]tfe.WorkspaceUpdateOptions{"laptop": {ExecutionMode: new("local")}, "app": {AutoApplyRunTrigger: new(true)}, "batch": {AutoApply: new(true)}}
			if _, err := c.Workspaces.UpdateByID(ctx, w.ID, settings[name]); err != nil {
				s.T.Fatal(err)
			}
		}
		for i, ended := range []runs.Run{
			{ID: "run-1", Status: runs.Applied}, {ID: "run-1", Status: runs.Applied}, {ID: "run-2", Status: runs.Applied},
			{ID: "run-3", Status: runs.Errored}, {ID: "run-4", Status: runs.PlannedAndFinished},
		} {
			ended.WorkspaceID = net.ID
			if err := s.DB.Tx(ctx, func(ctx context.Context) error {
				for _, tell := range s.App.Runs.OnEnd {
					if err := tell(ctx, ended); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				s.T.Fatal(i, err)
			}
			s.Settle()
		}
		for name, want := range map[string][]string{
			"app":    {"run-2 auto", "run-1 auto"},
			"batch":  {"run-2", "run-1"},
			"laptop": nil, // runs where its people are
			"empty":  nil, // has no configuration
		} {
			list, err := c.Runs.List(ctx, made[name].ID, nil)
			if err != nil {
				s.T.Fatal(err)
			}
			var got []string
			for _, r := range list.Items {
				var by, auto string
				if _, err := fmt.Sscanf(r.Message, "Triggered by run %s of workspace net", &by); err != nil || r.TriggerReason != "run_trigger" {
					s.T.Errorf("%s has a run %q because of %s", name, r.Message, r.TriggerReason)
				}
				if r.AutoApply {
					auto = " auto"
				}
				got = append(got, by+auto)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				s.T.Errorf("%s: %s", name, diff)
			}
		}
	})
}
