package e2e

import (
	"net"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestSiteIsSet(t *testing.T) {
	s := apptest.Start(t)
	boss, ada := s.User("boss"), s.User("ada")
	if _, err := s.DB.Exec(t.Context(), `UPDATE users SET site_admin = ? WHERE id = ?`, true, boss.ID); err != nil {
		t.Fatal(err)
	}
	box := apptest.NewMailbox(t, true)
	s.App.Mail.RootCAs = box.RootCAs
	host, port, err := net.SplitHostPort(box.Settings.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.Do("GET", "/.well-known/jwks", "", nil) // makes the first key
	b := Open(t, s.URL)
	b.Allow("422")
	b.LogIn(s, boss)
	b.Go("/app/admin/settings")
	b.See("Rules", "There is no mail server", "signs")
	b.Shot("admin-settings")

	b.Click("Only site administrators create organizations")
	b.Click("Limit how many requests each token makes")
	b.Fill("Requests a second", "500")
	b.Fill("A plan may take", "soon")
	b.Click("Save rules")
	b.See("Timeout must be a duration")
	b.Fill("A plan may take", "45m")
	b.Click("Save rules")
	b.See("The rules are saved")
	if r := s.Do("GET", "/api/v2/account/details", ada.Token, nil); r.Header.Get("X-RateLimit-Limit") != "500" || !strings.Contains(string(r.Body), `"can-create-organizations":false`) {
		t.Errorf("GET = %v %s, want the limit and no right to create organizations", r.Header, r.Body)
	}

	b.Click("Send all mail by this mail server")
	b.Fill("Host", host)
	b.Fill("Port", port)
	b.Fill("Sender", "plumbline@example.com")
	b.Choose("Login", "PLAIN")
	b.Fill("User name", "plumbline")
	b.Fill("Password", "not-this-one")
	b.Fill("Send a test mail to", "boss@example.com")
	b.Click("Save mail server")
	b.See("The test mail was not sent, and nothing is changed")
	b.Shot("admin-settings-mail")
	b.Fill("Password", "p4ss")
	b.Click("Save mail server")
	b.See("A test mail is on its way to boss@example.com.", "All mail goes by the server below.", "Empty: as it is.")
	if got := box.Take(); len(got) != 1 || got[0].To[0] != "boss@example.com" {
		t.Errorf("mail = %+v, want the test", got)
	}

	b.Fill("Address for help", "help@example.com")
	b.Fill("Below the login", `<p>Locked out? <a href="https://wiki.example.com/login">Read this</a>.</p>`)
	b.Fill("At the end of every page", `<script>alert(1)</script><em>For internal use only</em>`)
	b.Fill("On pages that say that something is wrong", "Ask in <strong>#infra</strong>.")
	b.Fill("For people without an organization", "<p>Your team's lead <strong>invites you</strong>.</p>")
	b.Click("Save words")
	b.See("The words are saved, without what pages may not have.", "For internal use only")
	b.Shot("admin-settings-words")

	b.Click("Rotate…")
	b.See("A new key signs the identity of all runs from now on.")
	b.Shot("admin-settings-rotate")
	b.Click("Rotate")
	b.See("A new key signs from now on.", "published")
	b.Click("Trim…")
	b.See("runs under way lose their access to clouds")
	b.Shot("admin-settings-trim")
	b.Click("Remove the others")
	b.See("Only the newest key is left.")
	b.Until("one key", `document.querySelectorAll('table[aria-label=Keys] tbody tr').length === 1`)

	b.LogIn(s, ada)
	b.Go("/app/organizations")
	b.See("You belong to no organization yet", "Your team's lead invites you.", "For internal use only")
	b.Unseen("New organization")
	b.Shot("no-organization")
	b.Allow("403")
	b.Go("/app/admin/settings")
	b.See("There is nothing here", "Ask in #infra.", "help@example.com")
	b.Shot("nothing-here-with-help")
	b.Go("/app/setup/nonsense")
	b.See("Ask in #infra.", "For internal use only", "help@example.com")
	b.Shot("login-error-with-help")
	b.Go("/app/organizations")
	b.Click("ada: your account")
	b.Click("Log out")
	b.See("Locked out? Read this.", "For internal use only", "help@example.com")
	b.Shot("login-with-help")
}
