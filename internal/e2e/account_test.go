package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// givePassword gives a person a password, and returns it.
func givePassword(s *apptest.Server, u apptest.User) string {
	s.T.Helper()
	const word = "correct horse battery"
	hash, err := users.HashPassword(s.T.Context(), crypt.Secret(word))
	if err != nil {
		s.T.Fatal(err)
	}
	if _, err := s.DB.Exec(s.T.Context(), `UPDATE users SET password_hash = ? WHERE id = ?`, hash, u.ID); err != nil {
		s.T.Fatal(err)
	}
	return word
}

func TestAccountIsKept(t *testing.T) {
	st := newStage(t)
	word := givePassword(st.Server, st.org.Owner)
	st.session("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "203.0.113.7")
	st.session("Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "198.51.100.20")
	st.Go("/app/profile/account")
	st.See("Name and address")
	st.Fill("Email address", "owner@acme.example")
	st.Shot("account")
	st.Click("Save")
	st.See("Your account is changed.")

	st.Click("Tokens")
	st.Click("New token")
	st.Fill("Description", "pipeline")
	st.Choose("Works for", "until it is revoked")
	st.Click("Create the token")
	st.See("Copy it now")
	st.Until("a token without an end", `[...document.querySelectorAll('tbody tr')].find((r) => r.innerText.includes('pipeline'))?.cells[3].innerText === 'never'`)

	st.Click("Security")
	st.See("Safari on macOS", "203.0.113.7", "Firefox on Windows", "this one", "Off")
	st.Shot("security")
	st.Click("Log out Safari on macOS")
	st.See("The browser is logged out.")
	st.Until("the session to be gone", `!document.body.innerText.includes('Safari on macOS')`)
	st.Click("Log out everywhere else")
	st.Click("Log out")
	st.See("All other browsers are logged out.")
	st.Until("the other session to be gone", `!document.body.innerText.includes('Firefox on Windows')`)
	st.See("this one")

	st.Click("Set it up")
	st.Fill("Your password", "not this one")
	st.Allow("422")
	st.Press("\r")
	st.See("Current password is not right")
	st.Fill("Your password", word)
	st.Press("\r")
	st.See("Set up your device")
	st.Shot("two-factor-set-up")
	var key string
	st.Eval(`document.querySelector('dialog [data-secret]').innerText`, &key)
	code, err := totp.GenerateCode(key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	st.Fill("Code", code)
	st.Press("\r")
	st.See("They are not shown again.")
	st.Shot("recovery-codes")
	var recovery string
	st.Eval(`document.querySelector('dialog [data-secret] li').innerText`, &recovery)
	st.Click("I have kept them")
	st.See("or one of 10 recovery codes")
	st.Shot("two-factor-on")

	guest := Open(t, st.URL)
	guest.Go("/app/login")
	guest.Fill("User name", st.org.Owner.Name)
	guest.Fill("Password", word)
	guest.Click("Log in")
	guest.See("Code of your authenticator app")
	guest.Fill("Code of your authenticator app", strings.ToUpper(recovery))
	guest.Click("Log in")
	guest.See("No workspaces yet")

	st.Go("/app/profile/security")
	st.See("or one of 9 recovery codes")
	st.Click("Turn it off")
	st.Fill("Your password", word)
	st.Press("\r")
	st.See("The second factor is off.")
}

// session logs the owner in elsewhere.
func (st *stage) session(browser, ip string) {
	st.T.Helper()
	if _, _, err := st.App.Tokens.BeginSession(st.T.Context(), st.org.Owner.ID, ip, browser); err != nil {
		st.T.Fatal(err)
	}
}

func TestInvitationsAreAnswered(t *testing.T) {
	s := apptest.Start(t)
	bob := s.User("bob")
	for _, name := range []string{"acme", "globex"} {
		o := s.Org(name)
		body := `{"data":{"type":"organization-memberships","attributes":{"email":"bob@example.com"}}}`
		if r := s.Do("POST", "/api/v2/organizations/"+name+"/organization-memberships", o.Owner.Token, body); r.Status != 201 {
			t.Fatalf("inviting = %d %s", r.Status, r.Body)
		}
	}
	b := Open(t, s.URL)
	b.LogIn(s, bob)
	b.Go("/app/")
	b.See("Invitations", "acme has invited you", "globex has invited you", "You belong to no organization yet")
	b.Shot("invitations")
	b.Click("Decline acme")
	b.Until("the first invitation to be gone", `!document.body.innerText.includes('acme has invited you')`)
	b.Click("Accept globex")
	b.See("You are a member of globex.")
	b.Go("/app/profile/organizations")
	b.See("Your organizations", "globex")
	b.Unseen("acme", "Invitations")
	b.Shot("memberships")
	b.Click("Leave globex")
	b.Click("Leave")
	b.See("You belong to no organization")
}
