package login_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// sessions are the browser sessions that a list shows, by their id.
func sessions(s *apptest.Server, path, token string) map[string]map[string]any {
	s.T.Helper()
	r := s.Do("GET", path, token, nil)
	if r.Status != 200 {
		s.T.Fatalf("GET %s = %d %s", path, r.Status, r.Body)
	}
	out := map[string]map[string]any{}
	for _, v := range r.JSON()["data"].([]any) {
		one := v.(map[string]any)
		out[one["id"].(string)] = one["attributes"].(map[string]any)
	}
	return out
}

const account = "/api/v2/account/sessions"

func TestSessionsAreSeenAndEnded(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ada := person(s, "ada")
		b := newBrowser(s)
		b.header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
		b.post("/app/login", "login=ada", "password="+password)
		other, third := loggedIn(s, "ada"), loggedIn(s, "ada")
		token := b.post("/app/settings/tokens", "description=api").value("secret")
		list := sessions(s, account, token)
		if len(list) != 3 {
			s.T.Fatalf("GET sessions = %v, want three and no token", list)
		}
		firefox := ""
		for id, a := range list {
			if a["ip-address"] != "127.0.0.1" || a["current"] != false || a["last-seen-at"] == nil || strings.Contains(fmt.Sprint(a), "atlasv1") {
				s.T.Errorf("session = %v", a)
			}
			if strings.Contains(a["user-agent"].(string), "Firefox") {
				firefox = id
			}
		}
		own := b.get(account)
		if own.Status != 200 || strings.Count(own.text(), `"current":true`) != 1 {
			s.T.Fatalf("GET sessions by a browser = %d %s, want one as its own", own.Status, own.Body)
		}
		stranger := s.User("sam").Token
		if r := s.Do("DELETE", account+"/"+firefox, stranger, nil); r.Status != 404 {
			s.T.Errorf("DELETE of somebody else's session = %d, want 404", r.Status)
		}
		if r := s.Do("DELETE", account+"/"+firefox, token, nil); r.Status != 204 {
			s.T.Errorf("DELETE = %d %s", r.Status, r.Body)
		}
		if r := b.get("/app/settings/security"); r.Status != 303 {
			s.T.Errorf("GET by a browser whose session is over = %d, want the login", r.Status)
		}
		if r := other.send("DELETE", account, nil); r.Status != 204 {
			s.T.Errorf("DELETE of all others = %d %s", r.Status, r.Body)
		}
		if r := other.get("/app/settings/security"); r.Status != 200 {
			s.T.Errorf("GET by the browser that stays = %d", r.Status)
		}
		if r := third.get("/app/settings/security"); r.Status != 303 {
			s.T.Errorf("GET by another browser = %d, want the login", r.Status)
		}
		admin := "/api/v2/admin/users/" + ada.ID + "/sessions"
		if list := sessions(s, admin, s.AdminToken()); len(list) != 1 {
			s.T.Errorf("sessions for the administrator = %v", list)
		}
		if r := s.Do("GET", admin, token, nil); r.Status != 404 {
			s.T.Errorf("GET by who is no administrator = %d, want 404", r.Status)
		}
		if r := s.Do("DELETE", admin, s.AdminToken(), nil); r.Status != 204 || len(sessions(s, account, token)) != 0 {
			s.T.Errorf("DELETE by the administrator = %d, want no session left", r.Status)
		}
	})
}

// TestSessionsLastAsLongAsOrganizationsAllow: idle ones and old ones end.
func TestSessionsLastAsLongAsOrganizationsAllow(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ada := person(s, "ada")
		o := s.Org("acme")
		if _, err := s.App.Members.Enrol(s.T.Context(), o.ID, ada.ID, ada.Email); err != nil {
			s.T.Fatal(err)
		}
		b := loggedIn(s, "ada")
		limit := func(idle, all string) {
			r := s.Do("PATCH", "/api/v2/organizations/acme", o.Owner.Token, `{"data":{"type":"organizations","attributes":{"session-timeout":`+idle+`,"session-remember":`+all+`}}}`)
			if r.Status != 200 {
				s.T.Fatalf("PATCH = %d %s", r.Status, r.Body)
			}
		}
		for _, c := range []struct {
			idle, all  string
			seen, born time.Duration
			want       int
		}{
			{"null", "null", 24 * time.Hour, 24 * time.Hour, 200},
			{"30", "null", 29 * time.Minute, 24 * time.Hour, 200},
			{"30", "null", 33 * time.Minute, 24 * time.Hour, 303},
			{"null", "60", 0, 59 * time.Minute, 200},
			{"null", "60", 0, 61 * time.Minute, 303},
			{"30", "60", 0, 0, 200},
		} {
			limit(c.idle, c.all)
			if _, err := s.DB.Exec(s.T.Context(), `UPDATE tokens SET last_used_at = ?, created_at = ? WHERE user_id = ? AND kind = 'session'`,
				db.At(time.Now().Add(-c.seen)), db.At(time.Now().Add(-c.born)), ada.ID); err != nil {
				s.T.Fatal(err)
			}
			access.Changed(s.T.Context(), s.App.Bus)
			if r := b.get("/app/settings/security"); r.Status != c.want {
				s.T.Errorf("session idle for %v, of %v, with limits %s and %s = %d, want %d", c.seen, c.born, c.idle, c.all, r.Status, c.want)
			}
		}
	})
}
