package e2e

import (
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// nothing is a screen that is not there for somebody.
const nothing = "There is nothing here"

// permitted says for a screen what readers, planners and writers of a workspace see of it, and
// which controls each has and the ones before do not; "" is a screen that is for owners alone.
var permitted = []struct {
	path, sees              string
	reader, planner, writer string // a control that this person has, and those before have not
	owner                   string // one that only owners have
}{
	{"workspaces", "shop", "", "", "", "New workspace"},
	{"workspaces/shop", "About", "", "", "", ""},
	{"workspaces/quiet", "About", "", "", "Lock", ""},
	{"workspaces/shop/runs", "Bigger cache", "", "Start a run", "", ""},
	{"workspaces/shop/runs/$run", "aws_db_instance.orders", "", "", "Confirm and apply", ""},
	{"workspaces/shop/states", "State 1", "", "", "", ""},
	{"workspaces/shop/states/$state", "State 1", "", "", "", ""},
	{"workspaces/shop/variables", "region", "", "", "Add variable", ""},
	{"workspaces/shop/settings", "Runs are executed", "", "", "", "Delete…"},
	{"workspaces/shop/access", "", "", "", "", "Give access"},
	{"workspaces/shop/notifications", "", "", "", "", ""},
	{"workspaces/hidden", "", "", "", "", "Lock"},
	{"runs", "Bigger cache", "", "", "", ""},
	{"projects", "Projects", "", "", "", "New project"},
	{"registry/modules", "Modules", "", "", "", "Publish a module"},
	{"registry/providers", "Providers", "", "", "", "Add a provider"},
	{"registry/keys", "Keys", "", "", "", "Add a key"},
	{"registry/publish", "", "", "", "", "Create the module"},
	{"settings/users", "acme-owner", "", "", "", "Invite"},
	{"settings/teams", "reader", "", "", "", "New team"},
	{"settings/rights", "All workspaces", "", "", "", ""},
	{"settings/varsets", "", "", "", "", "New set"},
	{"settings/agents", "", "", "", "", "New pool"},
	{"settings/ssh-keys", "", "", "", "", "Add key"},
	{"settings/general", "", "", "", "", "Delete…"},
	{"settings/security", "", "", "", "", ""},
	{"settings/tokens", "", "", "", "", ""},
	{"settings/audit", "", "", "", "", ""},
	{"settings/drift", "", "", "", "", ""},
	{"drift", "What drifts now", "", "", "", ""},
	{"drift/schedules", "", "", "", "", "New schedule"},
	{"drift/repositories", "", "", "", "", "Add a repository"},
	{"drift/alerts", "", "", "", "", ""},
	{"drift/connections", "", "", "", "", "Add a connection"},
}

// TestEverybodyIsOfferedWhatTheyMayDo opens each screen as a reader, a planner, a writer and an
// owner by its address.
func TestEverybodyIsOfferedWhatTheyMayDo(t *testing.T) {
	st := newStage(t)
	shop, quiet := st.Workspace(st.org, "", "shop"), st.Workspace(st.org, "", "quiet")
	st.Workspace(st.org, "", "hidden")
	d := &demo{st, st.Executor(), map[string]string{}}
	st.uploaded(shop)
	d.played(shop, "First", proto.Counts{Add: 1}, 1)
	d.params["$run"] = st.queued(shop, "Bigger cache")
	d.plan(proto.Counts{Add: 1})
	d.made("/api/v2/workspaces/"+shop+"/vars", "vars", `{"key":"region","value":"eu-central-1","category":"env"}`)
	d.params["$state"] = d.id(`SELECT id FROM state_versions WHERE workspace_id = ?`, shop)

	people := []string{"reader", "planner", "writer", "owner"}
	for i, who := range people {
		user := st.org.Owner
		if level := map[string]string{"reader": "read", "planner": "plan", "writer": "write"}[who]; level != "" {
			user = st.With(st.org, who, nil, nil)
			d.give(who, shop, level)
			d.give(who, quiet, level)
		}
		t.Run(who, func(t *testing.T) {
			b := Open(t, st.URL)
			b.LogIn(st.Server, user)
			b.Allow("404")
			b.Allow("not found")
			b.Go("/app/acme/workspaces")
			b.See("shop")
			for _, p := range permitted {
				path, _ := d.fill("/acme/" + p.path)
				b.visit("/app" + path)
				if p.sees == "" && who != "owner" {
					b.See(nothing)
					b.offers(path, p.owner, false)
					continue
				}
				if p.sees != "" {
					b.See(p.sees)
				}
				b.loaded()
				for at, control := range []string{p.reader, p.planner, p.writer, p.owner} {
					b.offers(path, control, at <= i)
				}
			}
		})
	}
	t.Run("refusal", func(t *testing.T) { d.refused(t, shop) })
}

// offers fails unless the screen has a control, or has it not.
func (b *Browser) offers(path, control string, want bool) {
	b.t.Helper()
	if control == "" {
		return
	}
	has := `[...document.querySelectorAll('button, a, input')].filter(visible).some((e) => nameOf(e) === ` + quoted(control) + `)`
	if want {
		b.Until(fmt.Sprintf("%q on %s", control, path), finding(has))
		return
	}
	var is bool
	if b.Eval(finding(has), &is); is {
		b.t.Errorf("%s offers %q to who may not do it", path, control)
	}
}

// give gives a team access to a workspace, and returns the id of that.
func (d *demo) give(team, workspace, level string) string {
	return d.made("/api/v2/team-workspaces", "team-workspaces", fmt.Sprintf(`{"access":%q}`, level), fmt.Sprintf(
		`,"relationships":{"team":{"data":{"type":"teams","id":%q}},"workspace":{"data":{"type":"workspaces","id":%q}}}`, d.id(`SELECT id FROM teams WHERE name = ?`, team), workspace))
}

// refused takes somebody's right away while they are about to use it: what the API says is
// shown as a sentence.
func (d *demo) refused(t *testing.T, shop string) {
	b := Open(t, d.URL)
	hasty := d.With(d.org, "hasty", nil, nil)
	access := d.give("hasty", shop, "write")
	b.LogIn(d.Server, hasty)
	b.Allow("404")
	b.Go("/app/acme/workspaces/shop/runs/" + d.params["$run"])
	b.Click("Confirm and apply")
	b.See("What the plan says will be done")
	if r := d.Do("PATCH", "/api/v2/team-workspaces/"+access, d.org.Owner.Token, `{"data":{"type":"team-workspaces","attributes":{"access":"read"}}}`); r.Status != 200 {
		t.Fatalf("taking the right = %d %s", r.Status, r.Body)
	}
	b.Click("Confirm and apply")
	b.See("This does not exist, or you may not see it.")
	b.Shot("refused")
}
