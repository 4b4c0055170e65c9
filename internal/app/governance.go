package app

import (
	"html/template"

	"plumbline.dev/plumbline/internal/governance/notifications"
	"plumbline.dev/plumbline/internal/identity/login"
	"plumbline.dev/plumbline/internal/kernel/mail"
)

// words are what site administrators add to the pages of the login. They were cleaned.
func (a *App) words() login.Words {
	w := a.Site.Words()
	return login.Words{Support: w.Support, LoginHelp: template.HTML(w.LoginHelp), Footer: template.HTML(w.Footer), Error: template.HTML(w.Error)} //nolint:gosec // cleaned
}

// governance makes the capabilities of who hears of changes.
func (a *App) governance() {
	a.Mail = &mail.Sender{Settings: a.Config.SMTP, Chosen: a.Site.MailServer, Forbidden: a.DB.InTx}
	a.Site.Mail = a.Mail
	a.Notifications = &notifications.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Jobs: a.Jobs, Users: a.Users, Teams: a.Teams, Projects: a.Projects, Workspaces: a.Workspaces,
		Runs: a.Runs, Mail: a.Mail, HTTP: a.hooks, Address: a.address}
	a.Notifications.Routes(a.Router)
	a.Site.Routes(a.Router)
}
