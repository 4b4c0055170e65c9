package tokens_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/db"
)

const details = "/api/v2/account/details"

func TestUserTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, ada := s.T.Context(), s.User("ada")
		c := s.Client(ada.Token)
		made, err := c.UserTokens.Create(ctx, ada.ID, tfe.UserTokenCreateOptions{Description: "ci"})
		if err != nil || made.Token == "" || made.Description != "ci" || made.CreatedBy.User.ID != ada.ID {
			s.T.Fatalf("Create = %+v, %v", made, err)
		}
		if want := made.CreatedAt.AddDate(2, 0, 0); made.ExpiredAt.Sub(want).Abs() > time.Minute {
			s.T.Errorf("ExpiredAt of a token without one = %v, want %v", made.ExpiredAt, want)
		}
		if r := s.Do("GET", details, made.Token, nil); r.Status != 200 {
			s.T.Errorf("GET account/details with the new token = %d, want 200", r.Status)
		}
		read, err := c.UserTokens.Read(ctx, made.ID)
		if err != nil || read.Token != "" || read.Description != "ci" {
			s.T.Errorf("Read = %+v, %v; want no secret", read, err)
		}
		list, err := c.UserTokens.List(ctx, ada.ID)
		if err != nil || len(list.Items) != 2 {
			s.T.Fatalf("List = %+v, %v; want two tokens", list, err)
		}
		if err := c.UserTokens.Delete(ctx, made.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if r := s.Do("GET", details, made.Token, nil); r.Status != 401 {
			s.T.Errorf("GET account/details with a revoked token = %d, want 401 at once", r.Status)
		}
		if err := c.UserTokens.Delete(ctx, made.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Delete twice = %v, want not found", err)
		}
	})
}

func TestUserTokenPages(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ada := s.User("ada")
		for range 25 {
			s.Token(tokens.Token{Kind: tokens.User, UserID: &ada.ID})
		}
		path := "/api/v2/users/" + ada.ID + "/authentication-tokens"
		count := func(query string) int { return len(s.Do("GET", path+query, ada.Token, nil).JSON()["data"].([]any)) }
		if n := count(""); n != 26 {
			s.T.Errorf("tokens without a page = %d, want all 26 (user-tokens.md)", n)
		}
		if n := count("?page[number]=2"); n != 6 {
			s.T.Errorf("tokens of the second page = %d, want 6", n)
		}
	})
}

func TestExpiry(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ada := s.User("ada")
		path := "/api/v2/users/" + ada.ID + "/authentication-tokens"
		create := func(attributes string) *apptest.Response {
			return s.Do("POST", path, ada.Token, `{"data":{"type":"authentication-tokens","attributes":`+attributes+`}}`)
		}
		for attributes, want := range map[string]int{
			`{"expired-at":null}`:                                 201,
			`{"expired-at":"2999-04-06T12:00:00.000Z"}`:           201,
			`{"expired-at":"9999-12-31T23:59:59-12:00"}`:          422,
			`{"expired-at":"2999-04-06T12:00:00+02:00"}`:          201,
			`{"expired-at":"2020-04-06T12:00:00.000Z"}`:           422,
			`{"expired-at":"tomorrow"}`:                           422,
			`{"expired-at":7}`:                                    422,
			`{"description":7}`:                                   422,
			`{"description":"` + strings.Repeat("x", 1001) + `"}`: 422,
		} {
			if r := create(attributes); r.Status != want {
				s.T.Errorf("Create %.60s = %d %s, want %d", attributes, r.Status, r.Detail(), want)
			}
		}
		never := create(`{"expired-at":null}`).JSON()["data"].(map[string]any)["attributes"].(map[string]any)
		if v, ok := never["expired-at"]; !ok || v != nil {
			s.T.Errorf("expired-at of a token for ever = %v, want null", v)
		}
		if r := s.Do("POST", path, ada.Token, `{"data":{"type":"ssh-keys"}}`); r.Status != http.StatusConflict {
			s.T.Errorf("Create with another type = %d, want 409", r.Status)
		}
	})
}

// TestExpiredTokenIsRefusedAtOnce: also while its subject is remembered.
func TestExpiredTokenIsRefusedAtOnce(t *testing.T) {
	s := apptest.Start(t)
	ada := s.User("ada")
	end := db.At(time.Now().Add(300 * time.Millisecond))
	token := s.Token(tokens.Token{Kind: tokens.User, UserID: &ada.ID, ExpiresAt: &end})
	if r := s.Do("GET", details, token, nil); r.Status != 200 {
		t.Fatalf("GET before the end = %d, want 200", r.Status)
	}
	<-time.After(time.Until(end.Time))
	if r := s.Do("GET", details, token, nil); r.Status != 401 || !strings.Contains(r.Detail(), "expired") {
		t.Errorf("GET after the end = %d %q, want 401", r.Status, r.Detail())
	}
}

func TestTokensOfOthers(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o := s.Org("acme")
		ada := s.Member(o, "ada")
		mine, err := s.Client(ada.Token).UserTokens.Create(ctx, ada.ID, tfe.UserTokenCreateOptions{})
		if err != nil {
			s.T.Fatal(err)
		}
		list := "/api/v2/users/" + ada.ID + "/authentication-tokens"
		for _, c := range []struct {
			who, token         string
			list, create, byID int
		}{
			{"guest", "", 401, 401, 401},
			{"stranger", s.User("stranger").Token, 404, 404, 404},
			{"colleague", s.Member(o, "grace").Token, 200, 404, 404},
			{"owner", o.Owner.Token, 200, 404, 404},
			{"organization", s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID}), 404, 404, 404},
			{"site admin", s.AdminToken(), 200, 404, 404},
		} {
			r := s.Do("GET", list, c.token, nil)
			if r.Status != c.list || (r.Status == 200 && len(r.JSON()["data"].([]any)) != 0) {
				s.T.Errorf("list as %s = %d %s, want %d and no token", c.who, r.Status, r.Body, c.list)
			}
			if r := s.Do("POST", list, c.token, `{"data":{"type":"authentication-tokens"}}`); r.Status != c.create {
				s.T.Errorf("create as %s = %d, want %d", c.who, r.Status, c.create)
			}
			for _, method := range []string{"GET", "DELETE"} {
				if r := s.Do(method, "/api/v2/authentication-tokens/"+mine.ID, c.token, nil); r.Status != c.byID {
					s.T.Errorf("%s as %s = %d, want %d", method, c.who, r.Status, c.byID)
				}
			}
		}
		if r := s.Do("GET", details, mine.Token, nil); r.Status != 200 {
			s.T.Errorf("the token after all that = %d, want 200", r.Status)
		}
	})
}

// TestSessionsAndRunTokensAreNotListed: they are no API tokens.
func TestSessionsAndRunTokensAreNotListed(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, ada := s.T.Context(), s.User("ada")
		session, secret, err := s.App.Tokens.MintSession(ctx, ada.ID)
		if err != nil {
			s.T.Fatal(err)
		}
		if list, err := s.Client(ada.Token).UserTokens.List(ctx, ada.ID); err != nil || len(list.Items) != 1 {
			s.T.Errorf("List = %+v, %v; want one token", list, err)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if r := s.Do(method, "/api/v2/authentication-tokens/"+session.ID, ada.Token, nil); r.Status != 404 {
				s.T.Errorf("%s of a session = %d, want 404", method, r.Status)
			}
		}
		if r := s.Do("GET", details, secret.Reveal(), nil); r.Status != 401 {
			s.T.Errorf("a session as bearer token = %d, want 401", r.Status)
		}
		if err := s.App.Tokens.EndSessions(ctx, ada.ID, ""); err != nil {
			s.T.Fatal(err)
		}
		if _, err := s.App.Tokens.Lookup(ctx, secret.Reveal()); !tokens.Missing(err) {
			s.T.Errorf("Lookup of an ended session = %v, want missing", err)
		}
	})
}

func TestOrganizationTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o := s.Org("acme")
		c := s.Client(o.Owner.Token)
		first, err := c.OrganizationTokens.Create(ctx, "acme")
		if err != nil || first.Token == "" {
			s.T.Fatalf("Create = %+v, %v", first, err)
		}
		second, err := c.OrganizationTokens.Create(ctx, "acme")
		if err != nil || second.ID == first.ID {
			s.T.Fatalf("Create again = %+v, %v", second, err)
		}
		for token, want := range map[string]int{first.Token: 401, second.Token: 200} {
			if r := s.Do("GET", details, token, nil); r.Status != want {
				s.T.Errorf("GET with a token of the organization = %d, want %d", r.Status, want)
			}
		}
		kind := tfe.AuditTrailToken
		audit, err := c.OrganizationTokens.CreateWithOptions(ctx, "acme", tfe.OrganizationTokenCreateOptions{TokenType: &kind})
		if err != nil {
			s.T.Fatal(err)
		}
		if read, err := c.OrganizationTokens.Read(ctx, "acme"); err != nil || read.ID != second.ID || read.Token != "" {
			s.T.Errorf("Read = %+v, %v, want %s without a secret", read, err, second.ID)
		}
		if read, err := c.OrganizationTokens.ReadWithOptions(ctx, "acme", tfe.OrganizationTokenReadOptions{TokenType: &kind}); err != nil || read.ID != audit.ID {
			s.T.Errorf("Read of the audit token = %+v, %v, want %s", read, err, audit.ID)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme/authentication-token?token=nonsense", o.Owner.Token, nil); r.Status != 400 {
			s.T.Errorf("GET of an unknown type = %d, want 400", r.Status)
		}
		own := s.Client(second.Token)
		again, err := own.OrganizationTokens.Create(ctx, "acme")
		if err != nil || again.CreatedBy.Organization == nil || again.CreatedBy.Organization.Name != "acme" {
			s.T.Errorf("Create by the organization itself = %+v, %v", again, err)
		}
		if err := c.OrganizationTokens.Delete(ctx, "acme"); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if err := c.OrganizationTokens.Delete(ctx, "acme"); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Delete twice = %v, want not found", err)
		}
		for who, token := range map[string]string{"member": s.Member(o, "m").Token, "stranger": s.User("x").Token, "audit token": audit.Token} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				if r := s.Do(method, "/api/v2/organizations/acme/authentication-token", token, `{"data":{"type":"authentication-tokens"}}`); r.Status != 404 {
					s.T.Errorf("%s as %s = %d, want 404", method, who, r.Status)
				}
			}
		}
	})
}

func TestPolicies(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o := s.Org("acme")
		c := s.Client(o.Owner.Token)
		if list, err := c.OrganizationTokenTTLPolicies.List(ctx, "acme", nil); err != nil || len(list.Items) != 0 {
			s.T.Errorf("List of a fresh organization = %+v, %v, want none", list, err)
		}
		const day = int64(24 * time.Hour / time.Millisecond)
		list, err := c.OrganizationTokenTTLPolicies.Update(ctx, "acme", tfe.OrganizationTokenTTLPolicyUpdateOptions{Policies: []tfe.OrganizationTokenTTLPolicyUpdateItem{
			{TokenType: tfe.TokenTypeUser, MaxTTLMs: day}, {TokenType: tfe.TokenTypeTeam, MaxTTLMs: 2 * day}}})
		if err != nil || len(list) != 4 {
			s.T.Fatalf("Update = %+v, %v, want four policies", list, err)
		}
		path := "/api/v2/users/" + o.Owner.ID + "/authentication-tokens"
		if r := s.Do("POST", path, o.Owner.Token, `{"data":{"type":"authentication-tokens","attributes":{"expired-at":null}}}`); r.Status != 201 {
			s.T.Errorf("Create of a user token while policies are off = %d, want 201", r.Status)
		}
		if _, err := c.Organizations.Update(ctx, "acme", tfe.OrganizationUpdateOptions{MaxTTLEnabled: new(true)}); err != nil {
			s.T.Fatal(err)
		}
		for attributes, want := range map[string]int{"{}": 201, `{"expired-at":null}`: 422, `{"expired-at":"2999-01-01T00:00:00Z"}`: 422,
			`{"expired-at":"` + time.Now().Add(23*time.Hour).Format(time.RFC3339) + `"}`: 201} {
			if r := s.Do("POST", path, o.Owner.Token, `{"data":{"type":"authentication-tokens","attributes":`+attributes+`}}`); r.Status != want {
				s.T.Errorf("Create of a user token with %s = %d %s, want %d", attributes, r.Status, r.Detail(), want)
			}
		}
		made, err := c.TeamTokens.Create(ctx, team(s, o, "dev", true))
		if err != nil || time.Until(made.ExpiredAt) > 48*time.Hour {
			s.T.Errorf("Create of a team token = %+v, %v, want an end within two days", made, err)
		}
		for body, want := range map[string]int{`{}`: 422, `{"token-ttl-policies":[{"token-type":"metrics","max-ttl-ms":9999999}]}`: 422,
			`{"token-ttl-policies":[{"token-type":"user","max-ttl-ms":5}]}`: 422, `{"token-ttl-policies":7}`: 422} {
			if r := s.Do("PATCH", "/api/v2/organizations/acme/token-ttl-policies", o.Owner.Token, `{"data":{"type":"organization-token-ttl-policies","attributes":`+body+`}}`); r.Status != want {
				s.T.Errorf("PATCH %s = %d %s, want %d", body, r.Status, r.Detail(), want)
			}
		}
		for who, c := range map[string]struct {
			token string
			want  int
		}{"member": {s.Member(o, "m").Token, 403}, "stranger": {s.User("x").Token, 404}} {
			if r := s.Do("GET", "/api/v2/organizations/acme/token-ttl-policies", c.token, nil); r.Status != c.want {
				s.T.Errorf("GET as %s = %d, want %d", who, r.Status, c.want)
			}
		}
	})
}

func TestLastUse(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, ada := s.T.Context(), s.User("ada")
		made, err := s.Client(ada.Token).UserTokens.Create(ctx, ada.ID, tfe.UserTokenCreateOptions{})
		if err != nil {
			s.T.Fatal(err)
		}
		s.Do("GET", details, made.Token, nil)
		if err := s.App.Usage.Flush(ctx); err != nil {
			s.T.Fatal(err)
		}
		read, err := s.Client(ada.Token).UserTokens.Read(ctx, made.ID)
		if err != nil || time.Since(read.LastUsedAt) > time.Minute || !read.ExpiredAt.Equal(made.ExpiredAt) {
			s.T.Errorf("Read after a use = %+v, %v, want a recent last use and the old end", read, err)
		}
		s.Do("GET", details, made.Token, nil)
		if n := len(s.Statements(func() {
			if err := s.App.Usage.Flush(ctx); err != nil {
				s.T.Error(err)
			}
		})); n != 0 {
			s.T.Errorf("statements of a use within a minute = %d, want 0", n)
		}
	})
}

func TestRunToken(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		token, secret, err := s.App.Tokens.MintRun(ctx, "ws-none", "job-none", 0)
		if err != nil || token.ExpiresAt == nil {
			s.T.Fatalf("MintRun = %+v, %v", token, err)
		}
		if r := s.Do("GET", details, secret.Reveal(), nil); r.Status != 401 {
			s.T.Errorf("the token of a workspace that is not there = %d, want 401", r.Status)
		}
	})
}

// TestSecretsAreNotStored greps the database for tokens.
func TestSecretsAreNotStored(t *testing.T) {
	s := apptest.Start(t)
	ada := s.User("ada")
	s.Do("GET", details, ada.Token, nil)
	_, secret, _ := strings.Cut(ada.Token, ".atlasv1.")
	files, err := filepath.Glob(filepath.Join(s.Dir, "plumbline.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("database files = %v, %v", files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), secret) {
			t.Errorf("%s contains the secret of a token", name)
		}
		if strings.HasSuffix(name, ".db-wal") && !strings.Contains(string(b), "ada@example.com") {
			t.Errorf("%s does not contain the user: the test looks at the wrong file", name)
		}
	}
}

// TestOrganizationRefusesUserTokens: "user-tokens-enabled" of an organization.
func TestOrganizationRefusesUserTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o, other := s.Org("acme"), s.Org("other")
		member := s.Member(o, "member")
		owners, err := s.Client(o.Owner.Token).Teams.List(ctx, "acme", &tfe.TeamListOptions{Names: []string{"owners"}})
		if err != nil {
			s.T.Fatal(err)
		}
		team, err := s.Client(o.Owner.Token).TeamTokens.Create(ctx, owners.Items[0].ID)
		if err != nil {
			s.T.Fatal(err)
		}
		read := func(token string) int { return s.Do("GET", "/api/v2/organizations/acme", token, nil).Status }
		for _, enabled := range []bool{false, true} {
			if _, err := s.Client(team.Token).Organizations.Update(ctx, "acme", tfe.OrganizationUpdateOptions{UserTokensEnabled: &enabled}); err != nil {
				s.T.Fatal(err)
			}
			for who, c := range map[string]struct {
				token     string
				off, back int
			}{
				"owner": {o.Owner.Token, 401, 200}, "member": {member.Token, 401, 200}, "site admin": {s.AdminToken(), 200, 200},
				"team": {team.Token, 200, 200}, "stranger": {other.Owner.Token, 404, 404},
			} {
				if got, want := read(c.token), map[bool]int{false: c.off, true: c.back}[enabled]; got != want {
					s.T.Errorf("GET with user tokens enabled %v as %s = %d, want %d", enabled, who, got, want)
				}
			}
		}
	})
}
