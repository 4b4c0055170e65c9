package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestPagesOutsideTheApp: those that the server writes itself, because there is no session yet
// or the command line asks.
func TestPagesOutsideTheApp(t *testing.T) {
	s := apptest.Start(t)
	s.Org("acme")
	link, err := s.App.Login.AccountLink(t.Context(), "linus@example.com")
	if err != nil {
		t.Fatal(err)
	}
	b := Open(t, s.URL)
	b.Allow("400")
	b.Allow("403")
	b.Allow("404")
	b.Allow("422")
	b.Go("/app/setup/not-a-code")
	b.See("This set-up link is not valid")
	b.Shot("page-error")
	b.Go(link)
	b.See("Choose how you log in as linus@example.com")
	b.Shot("page-sign-up")
	b.Fill("User name", "linus")
	b.Fill("Password", "correct horse battery")
	b.Fill("Password again", "something else!")
	b.Click("Save and log in")
	b.See("The two passwords are not the same.")
	b.Shot("page-sign-up-wrong")
	b.Fill("Password", "correct horse battery")
	b.Fill("Password again", "correct horse battery")
	b.Click("Save and log in")
	b.See("You belong to no organization yet")

	sum := sha256.Sum256([]byte("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-and-more"))
	b.Go("/app/oauth2/auth?" + url.Values{"client_id": {"terraform-cli"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"redirect_uri": {"http://localhost:10007/login"}, "response_type": {"code"}, "state": {"s"}}.Encode())
	b.See("asks for a token of your account linus", "port 10007")
	b.Shot("page-consent")
	b.Go("/app/oauth2/auth?client_id=other")
	b.See("is not known")
	b.Shot("page-consent-wrong")
	b.Go("/app/settings/tokens")
	b.See("You have none.")
	b.Shot("page-tokens")
	b.Go("/app/settings/security")
	b.See("Second factor")
	b.Shot("page-security")

	b.Go("/app/profile/security")
	b.Click("Set it up")
	b.See("Your password")
	b.Shot("two-factor-password")
	b.Fill("Your password", "correct horse battery")
	b.Press("\r")
	b.See("Set up your device")
	var key string
	b.Eval(`document.querySelector('dialog [data-secret]').innerText`, &key)
	code, err := totp.GenerateCode(key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.Fill("Code", code)
	b.Press("\r")
	b.Click("I have kept them")
	guest := Open(t, s.URL)
	guest.Go("/app/login")
	guest.Fill("User name", "linus")
	guest.Fill("Password", "correct horse battery")
	guest.Click("Log in")
	guest.See("Code of your authenticator app")
	guest.Shot("page-code")
	guest.Allow("401")
	guest.Fill("Code of your authenticator app", "000000")
	guest.Click("Log in")
	guest.See("The code is not right")
	guest.Shot("page-code-wrong")
}

// TestANewOrganizationIsHelped: what is empty says what it is for and what to do.
func TestANewOrganizationIsHelped(t *testing.T) {
	st := newStage(t)
	for path, says := range map[string]string{
		"settings/users": "acme-owner", "settings/teams": "owners", "settings/rights": "All workspaces", "settings/varsets": "No variable sets", "settings/agents": "No agent pools",
		"settings/ssh-keys": "No SSH keys", "settings/tokens": "No team has one", "settings/audit": "Nothing has happened yet", "settings/security": "Require a second factor",
		"registry/modules": "No modules yet", "registry/providers": "No providers", "registry/keys": "No keys yet", "registry/components": "No component configurations yet",
		"runs": "No run", "projects": "Default Project",
	} {
		st.Allow("authentication-token") // is 404 while there is none
		st.Go("/app/acme/" + path)
		st.See(says)
		st.loaded()
		st.Shot("new/" + screen(path))
	}
}
