package runs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

func TestFiltersOfLists(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		yes := new(true)
		other := f.workspace("Other")
		names := map[string]string{}
		queue := func(name string, o tfe.RunCreateOptions) string {
			o.Message = new("the " + name + " RUN 100%")
			r := f.queue(o)
			names[r.ID] = name
			return r.ID
		}
		f.planned(queue("finished", tfe.RunCreateOptions{}), proto.Finished, false)
		f.planned(queue("waits", tfe.RunCreateOptions{AllowEmptyApply: yes}), proto.Finished, false)
		queue("pending", tfe.RunCreateOptions{IsDestroy: yes})
		queue("only", tfe.RunCreateOptions{PlanOnly: yes})
		queue("saved", tfe.RunCreateOptions{SavePlan: yes})
		queue("elsewhere", tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: other}, RefreshOnly: yes})
		old := queue("old", tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: other}})
		pool := id.New("apool")
		_, err := s.DB.Exec(f.ctx, `INSERT INTO agent_pools (id, org_id, name, name_lower, organization_scoped, created_at) VALUES (?, ?, 'Pool', 'pool', ?, ?)`, pool, f.org.ID, true, db.Now())
		f.must(err)
		_, err = s.DB.Exec(f.ctx, `UPDATE runs SET created_at = ?, agent_pool_id = ?, source = 'tfe-ui' WHERE id = ?`, db.At(time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)), pool, old)
		f.must(err)
		commit := f.ingress(names)
		for _, c := range []struct{ list, query, want string }{
			{"workspace", "", "finished pending saved waits"},
			{"workspace", "filter[operation]=plan_only", "only"},
			{"workspace", "filter[operation]=plan_only,save_plan,destroy", "only pending saved"},
			{"workspace", "filter[operation]=empty_apply", "waits"},
			{"workspace", "filter[status]=planned,pending", "pending waits"},
			{"workspace", "filter[status]=nonsense", ""},
			{"workspace", "filter[status_group]=final", "finished"},
			{"workspace", "filter[status_group]=non_final", "pending saved waits"},
			{"workspace", "filter[status_group]=discardable", "waits"},
			{"workspace", "filter[source]=tfe-ui", ""},
			{"workspace", "filter[created_by]=nobody," + strings.ToUpper(f.org.Owner.Name), "finished pending saved waits"},
			{"workspace", "filter[created_by]=nobody", ""},
			{"workspace", "filter[timeframe]=2019", ""},
			{"workspace", "search[basic]=PENDING%20run", "pending"},
			{"workspace", "search[basic]=100%25", "finished pending saved waits"},
			{"workspace", "search[basic]=1_0", ""},
			{"workspace", "search[basic]=" + commit, "saved"},
			{"workspace", "search[basic]=octocat", "saved"},
			{"workspace", "search[commit]=" + commit, "saved"},
			{"workspace", "search[commit]=" + commit[:7], "saved"},
			{"workspace", "search[user]=octocat", "saved"},
			{"workspace", "search[user]=octo", ""},
			{"workspace", "search[user]=nobody&search[basic]=pending", ""},
			{"organization", "", "elsewhere finished only pending saved waits"},
			{"organization", "filter[timeframe]=year", "elsewhere finished only pending saved waits"},
			{"organization", "filter[timeframe]=2019", "old"},
			{"organization", "filter[timeframe]=2019&filter[agent_pool_names]=pool,other", "old"},
			{"organization", "filter[timeframe]=2019&filter[agent_pool_names]=other", ""},
			{"organization", "filter[timeframe]=2019&filter[source]=tfe-ui", "old"},
			{"organization", "filter[workspace_names]=other,absent", "elsewhere"},
			{"organization", "filter[workspace_names]=OTHER&filter[operation]=refresh_only", "elsewhere"},
			{"organization", "search[basic]=elsewhere", "elsewhere"},
		} {
			path := map[string]string{"workspace": "/api/v2/workspaces/" + f.ws + "/runs", "organization": "/api/v2/organizations/acme/runs"}[c.list]
			if got := f.listed(path+"?"+c.query, names); got != c.want {
				s.T.Errorf("%s %s = %q, want %q", c.list, c.query, got, c.want)
			}
		}
		for query, want := range map[string]string{
			"filter[status_group]=x": "filter[status_group] must be non_final, final or discardable", "filter[timeframe]=x": "filter[timeframe] must be a year", "filter[workspace_names]=x": "no parameter",
		} {
			if r := s.Do("GET", "/api/v2/workspaces/"+f.ws+"/runs?"+query, f.org.Owner.Token, nil); r.Status != 400 || !strings.Contains(r.Detail(), want) {
				s.T.Errorf("%s = %d %s, want 400 %s", query, r.Status, r.Detail(), want)
			}
		}
	})
}

// ingress makes the configuration of the run "saved" one of a commit, and returns it.
func (f *fixture) ingress(names map[string]string) string {
	f.T.Helper()
	const commit = "1e1c1018d1bbc0b8517d072718e0d87c1a0eda95"
	v := f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false), Provisional: new(true)})
	_, err := f.DB.Exec(f.ctx, `INSERT INTO ingress_attributes (id, configuration_version_id, branch, clone_url, commit_message, commit_sha, commit_url, compare_url, identifier,
		is_pull_request, on_default_branch, sender_username, sender_avatar_url, sender_html_url) VALUES (?, ?, 'main', '', '', ?, '', '', '', ?, ?, 'octocat', '', '')`,
		id.New("ia"), v, commit, false, true)
	f.must(err)
	for runID, name := range names {
		if name == "saved" {
			_, err := f.DB.Exec(f.ctx, `UPDATE runs SET configuration_version_id = ? WHERE id = ?`, v, runID)
			f.must(err)
		}
	}
	return commit
}

// listed returns the names of the runs of a list, sorted.
func (f *fixture) listed(path string, names map[string]string) string {
	f.T.Helper()
	r := f.Do("GET", path, f.org.Owner.Token, nil)
	if r.Status != 200 {
		f.T.Fatalf("GET %s = %d %s", path, r.Status, r.Body)
	}
	var got []string
	for _, v := range r.JSON()["data"].([]any) {
		got = append(got, names[v.(map[string]any)["id"].(string)])
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

func TestListOfAnOrganizationIsNotCounted(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		var ids []string
		for range 3 {
			ids = append(ids, f.queue(tfe.RunCreateOptions{PlanOnly: new(true)}).ID)
		}
		r := s.Do("GET", "/api/v2/organizations/acme/runs?page[size]=2", f.org.Owner.Token, nil)
		want := map[string]any{"current-page": 1.0, "page-size": 2.0, "prev-page": nil, "next-page": 2.0}
		if diff := cmp.Diff(want, r.JSON()["meta"].(map[string]any)["pagination"]); diff != "" {
			s.T.Errorf("pagination:\n%s", diff)
		}
		var got []string
		for page := range 2 {
			list, err := f.c.Runs.ListForOrganization(f.ctx, "acme", &tfe.RunListForOrganizationOptions{ListOptions: tfe.ListOptions{PageNumber: page + 1, PageSize: 2}})
			f.must(err)
			for _, r := range list.Items {
				got = append(got, r.ID)
			}
			if page == 1 && list.NextPage != 0 {
				s.T.Errorf("the last page has a next one: %d", list.NextPage)
			}
		}
		slices.Reverse(got)
		if diff := cmp.Diff(ids, got); diff != "" {
			s.T.Errorf("pages, the newest first:\n%s", diff)
		}
	})
}

func TestListsTakeTheSameStatementsForManyRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		paths := []string{
			"/api/v2/workspaces/" + f.ws + "/runs?filter[operation]=plan_only&include=plan,apply,created_by,configuration_version.ingress_attributes,run_events,workspace,comments",
			"/api/v2/organizations/acme/runs?include=workspace,created_by,task_stages,tf_policy_evaluations,cost_estimate,configuration_version",
			"/api/v2/organizations/acme/runs/queue",
		}
		queue := func() {
			r := f.queue(tfe.RunCreateOptions{PlanOnly: new(true), Variables: []*tfe.RunVariable{{Key: "k", Value: "1"}}})
			_, err := f.c.Comments.Create(f.ctx, r.ID, tfe.CommentCreateOptions{Body: "x"})
			f.must(err)
		}
		count := func() (n []int) {
			for _, path := range paths {
				n = append(n, len(s.Statements(func() {
					if r := s.Do("GET", path, f.org.Owner.Token, nil); r.Status != 200 {
						s.T.Errorf("GET %s = %d %s", path, r.Status, r.Body)
					}
				})))
			}
			return n
		}
		queue()
		count() // what is cached from now on
		one := count()
		for range 12 {
			queue()
		}
		if diff := cmp.Diff(one, count()); diff != "" {
			s.T.Errorf("statements for one run and for many:\n%s", diff)
		}
	})
}

func TestIncludesOfARun(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{})
		_, err := f.c.Comments.Create(f.ctx, r.ID, tfe.CommentCreateOptions{Body: "x"})
		f.must(err)
		for include, want := range map[string]string{
			"workspace": "workspaces", "created_by": "users", "configuration_version": "configuration-versions", "configuration_version.ingress_attributes": "configuration-versions",
			"comments": "comments", "run_events.actor": "run-events users", "task_stages": "", "tf_policy_evaluations": "", "cost_estimate": "", "policy_checks": "",
			"workspace,created-by": "users workspaces",
		} {
			res := s.Do("GET", "/api/v2/runs/"+r.ID+"?include="+include, f.org.Owner.Token, nil)
			types := map[string]bool{}
			included, _ := res.JSON()["included"].([]any)
			for _, v := range included {
				types[v.(map[string]any)["type"].(string)] = true
			}
			var got []string
			for name := range types {
				got = append(got, name)
			}
			slices.Sort(got)
			if res.Status != 200 || strings.Join(got, " ") != want {
				s.T.Errorf("include=%s = %d %v, want %q", include, res.Status, got, want)
			}
		}
		if res := s.Do("GET", "/api/v2/runs/"+r.ID+"?include=nonsense", f.org.Owner.Token, nil); res.Status != 400 || !strings.Contains(res.Detail(), "include parameter") {
			s.T.Errorf("include=nonsense = %d %s", res.Status, res.Body)
		}
	})
}

func TestWorkspacesByTheirCurrentRun(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		b, a, idle := f.workspace("b"), f.workspace("a"), f.workspace("idle")
		f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: b}})
		second := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: a}})
		f.planned(second.ID, proto.Finished, true)
		list := func(o tfe.WorkspaceListOptions) (ids []string) {
			l, err := f.c.Workspaces.List(f.ctx, "acme", &o)
			f.must(err)
			for _, w := range l.Items {
				ids = append(ids, w.ID)
			}
			return ids
		}
		for _, c := range []struct {
			o    tfe.WorkspaceListOptions
			want []string
		}{
			{tfe.WorkspaceListOptions{CurrentRunStatus: "planned"}, []string{a}},
			{tfe.WorkspaceListOptions{CurrentRunStatus: "plan_queued,planned"}, []string{a, b}},
			{tfe.WorkspaceListOptions{CurrentRunStatus: "applied"}, nil},
			{tfe.WorkspaceListOptions{Sort: "current-run.created-at"}, []string{b, a, idle, f.ws}},
			{tfe.WorkspaceListOptions{Sort: "-current-run.created-at"}, []string{a, b, idle, f.ws}},
		} {
			if diff := cmp.Diff(c.want, list(c.o)); diff != "" {
				s.T.Errorf("%+v:\n%s", c.o, diff)
			}
		}
	})
}

func TestConfigurationOfARunByItsAddress(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{})
		res := s.Do("GET", "/api/v2/runs/"+r.ID+"/configuration-version", f.org.Owner.Token, nil)
		if got := res.JSON()["data"].(map[string]any)["id"]; res.Status != 200 || got != r.ConfigurationVersion.ID {
			s.T.Errorf("configuration-version = %d %v", res.Status, got)
		}
		res = s.Do("GET", "/api/v2/runs/"+r.ID+"/configuration-version/download", f.org.Owner.Token, nil)
		if res.Status != 302 {
			s.T.Fatalf("download = %d %s", res.Status, res.Body)
		}
		if file := s.Do("GET", res.Header.Get("Location"), "", nil); file.Status != 200 || string(file.Body) != string(archiveOf(s.T)) {
			s.T.Errorf("the file = %d, %d bytes", file.Status, len(file.Body))
		}
		if res := s.Do("POST", "/api/v2/configuration-versions/"+r.ConfigurationVersion.ID+"/actions/archive", f.org.Owner.Token, nil); res.Status != 409 {
			s.T.Errorf("archive of a configuration in use = %d, want 409", res.Status)
		}
	})
}
