package e2e

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestFirstSteps: from the link that "plumbline serve" prints to the snippet that
// connects a folder.
func TestFirstSteps(t *testing.T) {
	s := apptest.Start(t)
	link, ok, err := s.App.Login.SetupLink(t.Context())
	if err != nil || !ok {
		t.Fatal("no set-up link: ", ok, err)
	}
	b := Open(t, s.URL)
	b.Go(link)
	b.See("Set up Plumbline")
	b.Shot("screens/setup")
	b.Fill("User name", "ada")
	b.Fill("Email address", "ada@example.com")
	b.Fill("Password", "correct horse battery")
	b.Fill("Password again", "correct horse battery")
	b.Click("Create the account")
	b.At("/app/organizations")
	b.See("You belong to no organization yet")
	b.Shot("organizations-empty")

	b.Click("New organization")
	b.Fill("Name", "acme")
	b.Click("Create")
	b.At("/app/acme/start")
	b.See("Connect a workspace", `organization = "acme"`)
	b.Unseen("Trust the server's certificate") // this server has none of its own
	b.Fill("Name of the workspace", "network prod")
	b.See(`name = "network-prod"`, "tofu login "+strings.TrimPrefix(s.URL, "http://"))
	b.Shot("start")

	b.Go("/app/profile/tokens")
	b.See("No tokens")
	b.Click("New token")
	b.Fill("Description", "laptop")
	b.Click("Create the token")
	b.See("Copy it now")
	var secret string
	b.Eval(`document.querySelector('[data-secret]').textContent`, &secret)
	if r := s.Do("GET", "/api/v2/account/details", secret, nil); r.Status != 200 || !strings.Contains(string(r.Body), `"ada"`) {
		t.Errorf("the new token = %d %s, want ada", r.Status, r.Body)
	}
	b.Shot("tokens")
	b.Go("/app/profile/tokens")
	b.See("laptop")
	b.Unseen(secret)
	b.Click("Revoke laptop")
	b.Click("Revoke")
	b.See("No tokens")
	if r := s.Do("GET", "/api/v2/account/details", secret, nil); r.Status != 401 {
		t.Errorf("the revoked token = %d, want 401", r.Status)
	}
	b.Go("/app/profile/security")
	b.See("Second factor")
	b.Shot("security")
}

// TestLogin: who has no session comes to the login, and from there to where they wanted.
func TestLogin(t *testing.T) {
	s := apptest.Start(t)
	link, _, err := s.App.Login.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := Open(t, s.URL)
	b.Go(link)
	b.Fill("User name", "ada")
	b.Fill("Email address", "ada@example.com")
	b.Fill("Password", "correct horse battery")
	b.Fill("Password again", "correct horse battery")
	b.Fill("First organization", "acme")
	b.Click("Create the account")
	b.At("/app/acme/workspaces")
	b.Click("ada: your account")
	b.Click("Log out")
	b.At("/app/login")
	b.Go("/app/acme/settings/teams")
	b.At("/app/login?next=%2Fapp%2Facme%2Fsettings%2Fteams")
	b.Shot("screens/login")
	b.Allow("401")
	b.Fill("User name or email address", "ada")
	b.Fill("Password", "wrong")
	b.Click("Log in")
	b.See("The user name or the password is not right.")
	b.Fill("Password", "correct horse battery")
	b.Click("Log in")
	b.At("/app/acme/settings/teams")
	b.See("owners")
}
