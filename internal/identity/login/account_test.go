package login_test

import (
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestInvitedPersonSignsUp(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		m, err := s.Client(o.Owner.Token).OrganizationMemberships.Create(ctx, "acme", tfe.OrganizationMembershipCreateOptions{Email: new("nina@example.com")})
		if err != nil {
			s.T.Fatal(err)
		}
		path, err := s.App.Login.AccountLink(ctx, "Nina@example.com")
		if err != nil {
			s.T.Fatal(err)
		}
		b := newBrowser(s)
		if r := b.get(path); r.Status != 200 || !strings.Contains(r.text(), "nina@example.com") {
			s.T.Errorf("GET of the link = %d", r.Status)
		}
		if r := b.post(path, "username=acme-owner", "password="+password, "password_confirmation="+password); r.Status != 422 || r.says() != "Username has already been taken." {
			s.T.Errorf("sign-up with a name that is taken = %d %q", r.Status, r.says())
		}
		if r := b.post(path, "username=nina", "password="+password, "password_confirmation="+password); r.Status != 303 {
			s.T.Fatalf("sign-up = %d %q", r.Status, r.says())
		}
		if r := b.get("/api/v2/account/details"); r.Status != 200 || !strings.Contains(r.text(), m.User.ID) || !strings.Contains(r.text(), `"is-admin":false`) {
			s.T.Errorf("account after the sign-up = %d %s, want user %s", r.Status, r.text(), m.User.ID)
		}
		if r := b.get("/api/v2/organizations/acme"); r.Status != 200 {
			s.T.Errorf("GET of the organization = %d, want a membership", r.Status)
		}
		if r := newBrowser(s).post(path, "username=eve", "password="+password, "password_confirmation="+password); r.Status != 403 {
			s.T.Errorf("the link again = %d, want 403", r.Status)
		}
		if _, err := s.App.Login.AccountLink(ctx, "nobody"); err == nil {
			s.T.Error("AccountLink of no address: want an error")
		}
	})
}

func TestForgottenPassword(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		u := person(s, "ada")
		old := loggedIn(s, "ada")
		earlier, err := s.App.Login.AccountLink(s.T.Context(), u.Email)
		if err != nil {
			s.T.Fatal(err)
		}
		path, err := s.App.Login.AccountLink(s.T.Context(), u.Email)
		if err != nil {
			s.T.Fatal(err)
		}
		const fresh = "another horse battery"
		b := newBrowser(s)
		if r := b.post(path, "username=other", "password="+fresh, "password_confirmation="+fresh); r.Status != 303 || cookieOf(b) == "" {
			s.T.Fatalf("new password = %d %q", r.Status, r.says())
		}
		if r := b.get("/api/v2/account/details"); !strings.Contains(r.text(), `"username":"ada"`) {
			s.T.Errorf("account = %s, want the name kept", r.text())
		}
		if r := old.get("/app/settings/security"); r.Status != 303 {
			s.T.Errorf("GET with an old session = %d, want it over", r.Status)
		}
		if r := newBrowser(s).get(earlier); r.Status != 403 {
			s.T.Errorf("GET of a link from before the new password = %d, want 403", r.Status)
		}
		if r := newBrowser(s).post("/app/login", "login=ada", "password="+password); r.Status != 401 {
			s.T.Errorf("login with the old password = %d, want 401", r.Status)
		}
	})
}
