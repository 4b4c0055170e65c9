package users_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestCurrentUser(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, ada := s.T.Context(), s.User("ada")
		c := s.Client(ada.Token)
		u, err := c.Users.ReadCurrent(ctx)
		if err != nil {
			s.T.Fatal(err)
		}
		if u.ID != ada.ID || u.Username != "ada" || u.Email != "ada@example.com" || u.AvatarURL == "" || u.TwoFactor == nil || u.Permissions == nil || !u.Permissions.CanChangeEmail {
			s.T.Errorf("ReadCurrent = %+v", u)
		}
		if u, err = c.Users.UpdateCurrent(ctx, tfe.UserUpdateOptions{Username: new("Ada_L"), Email: new("ada@lovelace.org")}); err != nil || u.Username != "Ada_L" || u.Email != "ada@lovelace.org" {
			s.T.Errorf("UpdateCurrent = %+v, %v", u, err)
		}
		if u, err = c.Users.ReadCurrent(ctx); err != nil || u.Username != "Ada_L" {
			s.T.Errorf("ReadCurrent after a change = %+v, %v", u, err)
		}
	})
}

func TestUpdateExplainsWhatIsWrong(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		s.User("grace")
		ada := s.User("ada")
		for attributes, want := range map[string]string{
			`{"email":"notamailaddress"}`:                       "invalid attribute: Email is invalid",
			`{"email":"A <a@b.c>"}`:                             "invalid attribute: Email is invalid",
			`{"email":""}`:                                      "invalid attribute: Email can't be blank",
			`{"email":null,"username":null}`:                    "",
			`{"username":" "}`:                                  "invalid attribute: Username can't be blank",
			`{"username":"grace@example.com"}`:                  "invalid attribute: Username can only include letters, numbers, -, and _, and at most 60 of them",
			`{"username":"GRACE"}`:                              "invalid attribute: Username has already been taken",
			`{"email":"Grace@Example.com"}`:                     "invalid attribute: Email has already been taken",
			`{"username":1}`:                                    "invalid attribute: A JSON number is not what is expected here: string.",
			`{"site-admin":true,"is-admin":true,"username":""}`: "invalid attribute: Username can't be blank",
		} {
			r := s.Do("PATCH", "/api/v2/account/update", ada.Token, `{"data":{"type":"users","attributes":`+attributes+`}}`)
			if status := map[bool]int{true: 200, false: 422}[want == ""]; r.Status != status || r.Detail() != want {
				s.T.Errorf("PATCH account/update %s = %d %q, want %d %q", attributes, r.Status, r.Detail(), status, want)
			}
		}
	})
}

// TestWhoSeesAUser: users.md, "404 User not found, or unauthorized to view the user".
func TestWhoSeesAUser(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		ada := s.Member(o, "ada")
		for _, c := range []struct {
			who, token string
			status     int
			email      bool
		}{
			{"guest", "", 401, false},
			{"stranger", s.User("stranger").Token, 404, false},
			{"colleague", s.Member(o, "grace").Token, 200, false},
			{"owner", o.Owner.Token, 200, false},
			{"organization", s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID}), 200, false},
			{"oneself", ada.Token, 200, true},
			{"site admin", s.AdminToken(), 200, true},
		} {
			r := s.Do("GET", "/api/v2/users/"+ada.ID, c.token, nil)
			if r.Status != c.status {
				s.T.Errorf("GET users/ada as %s = %d, want %d", c.who, r.Status, c.status)
			}
			for _, secret := range []string{"ada@example.com", "two-factor", "is-admin"} {
				if got := strings.Contains(string(r.Body), secret); got != c.email {
					s.T.Errorf("GET users/ada as %s shows %s: %v, want %v", c.who, secret, got, c.email)
				}
			}
		}
		if r := s.Do("GET", "/api/v2/users/user-none", s.AdminToken(), nil); r.Status != 404 {
			s.T.Errorf("GET of a user who is not there = %d, want 404", r.Status)
		}
	})
}

func TestServiceAccounts(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		token := s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID})
		u, err := s.Client(token).Users.ReadCurrent(s.T.Context())
		if err != nil || !u.IsServiceAccount || !strings.HasPrefix(u.Username, "api-org_") || u.Permissions.CanChangeEmail {
			s.T.Errorf("ReadCurrent with the token of an organization = %+v, %v; want a service account", u, err)
		}
		if r := s.Do("PATCH", "/api/v2/account/update", token, `{"data":{"type":"users","attributes":{"username":"x"}}}`); r.Status != 404 {
			s.T.Errorf("PATCH account/update with the token of an organization = %d, want 404", r.Status)
		}
	})
}

func TestAdministration(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, admin := s.T.Context(), s.Admin()
		o := s.Org("acme")
		ada := s.Member(o, "ada")
		list, err := admin.Admin.Users.List(ctx, &tfe.AdminUserListOptions{Query: "ADA@"})
		if err != nil || list.TotalCount != 1 || list.Items[0].ID != ada.ID || list.Items[0].Email != "ada@example.com" ||
			len(list.Items[0].Organizations) != 1 || list.Items[0].Organizations[0].Name != "acme" {
			s.T.Errorf("List(q=ADA@) = %+v, %v", list, err)
		}
		if list, err = admin.Admin.Users.List(ctx, &tfe.AdminUserListOptions{Administrators: "true"}); err != nil || list.TotalCount != 1 || list.Items[0].Username != "site-admin" {
			s.T.Errorf("List(filter[admin]) = %+v, %v", list, err)
		}
		if u, err := admin.Admin.Users.Suspend(ctx, ada.ID); err != nil || !u.IsSuspended {
			s.T.Errorf("Suspend = %+v, %v", u, err)
		}
		if r := s.Do("GET", "/api/v2/account/details", ada.Token, nil); r.Status != 401 {
			s.T.Errorf("GET account/details of a suspended user = %d, want 401", r.Status)
		}
		if list, err = admin.Admin.Users.List(ctx, &tfe.AdminUserListOptions{SuspendedUsers: "true"}); err != nil || list.TotalCount != 1 {
			s.T.Errorf("List(filter[suspended]) = %+v, %v", list, err)
		}
		if _, err := admin.Admin.Users.Suspend(ctx, ada.ID); err == nil || !strings.Contains(err.Error(), "already suspended") {
			s.T.Errorf("Suspend twice = %v, want already suspended", err)
		}
		if u, err := admin.Admin.Users.Unsuspend(ctx, ada.ID); err != nil || u.IsSuspended {
			s.T.Errorf("Unsuspend = %+v, %v", u, err)
		}
		if u, err := admin.Admin.Users.GrantAdmin(ctx, ada.ID); err != nil || !u.IsAdmin {
			s.T.Errorf("GrantAdmin = %+v, %v", u, err)
		}
		if r := s.Do("GET", "/api/v2/admin/users", ada.Token, nil); r.Status != 200 {
			s.T.Errorf("GET admin/users by a new administrator = %d, want 200", r.Status)
		}
		if u, err := admin.Admin.Users.RevokeAdmin(ctx, ada.ID); err != nil || u.IsAdmin {
			s.T.Errorf("RevokeAdmin = %+v, %v", u, err)
		}
		if r := s.Do("GET", "/api/v2/admin/users", ada.Token, nil); r.Status != 404 {
			s.T.Errorf("GET admin/users by a former administrator = %d, want 404", r.Status)
		}
		if err := admin.Admin.Users.Delete(ctx, ada.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if r := s.Do("GET", "/api/v2/account/details", ada.Token, nil); r.Status != 401 {
			s.T.Errorf("GET account/details of a deleted user = %d, want 401", r.Status)
		}
		if err := admin.Admin.Users.Delete(ctx, ada.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Delete twice = %v, want not found", err)
		}
	})
}

func TestAdministrationIsForSiteAdministrators(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		ada := s.User("ada")
		for _, c := range []struct{ method, path string }{
			{"GET", "/api/v2/admin/users"}, {"DELETE", "/api/v2/admin/users/" + ada.ID},
			{"POST", "/api/v2/admin/users/" + ada.ID + "/actions/suspend"}, {"POST", "/api/v2/admin/users/" + ada.ID + "/actions/unsuspend"},
			{"POST", "/api/v2/admin/users/" + ada.ID + "/actions/grant_admin"}, {"POST", "/api/v2/admin/users/" + ada.ID + "/actions/revoke_admin"},
			{"POST", "/api/v2/admin/users/" + ada.ID + "/actions/disable_two_factor"},
		} {
			for token, want := range map[string]int{"": http.StatusUnauthorized, ada.Token: 404, o.Owner.Token: 404} {
				if r := s.Do(c.method, c.path, token, nil); r.Status != want {
					s.T.Errorf("%s %s = %d, want %d", c.method, c.path, r.Status, want)
				}
			}
		}
	})
}

func TestAdministratorsKeepThemselves(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		me, err := s.Admin().Users.ReadCurrent(s.T.Context())
		if err != nil {
			s.T.Fatal(err)
		}
		for _, c := range []struct {
			method, path string
			want         int
		}{{"DELETE", "", 422}, {"POST", "/actions/suspend", 400}, {"POST", "/actions/revoke_admin", 400}} {
			if r := s.Do(c.method, "/api/v2/admin/users/"+me.ID+c.path, s.AdminToken(), nil); r.Status != c.want {
				s.T.Errorf("%s of oneself%s = %d, want %d", c.method, c.path, r.Status, c.want)
			}
		}
	})
}

func TestListStatementsAreConstant(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		count := func() int {
			return len(s.Statements(func() { s.Do("GET", "/api/v2/admin/users?page[size]=100", s.AdminToken(), nil) }))
		}
		s.Do("GET", "/api/v2/admin/users", s.AdminToken(), nil) // the subject is remembered
		s.Member(o, "first")
		s.Do("GET", "/api/v2/admin/users", s.AdminToken(), nil)
		few := count()
		for i := range 20 {
			s.Member(o, fmt.Sprint("member-", i))
		}
		s.Do("GET", "/api/v2/admin/users", s.AdminToken(), nil)
		if many := count(); many != few || many > 4 {
			s.T.Errorf("statements of a list of 22 users = %d, of 2 = %d; want equal, and at most 4", many, few)
		}
	})
}
