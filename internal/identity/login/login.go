// Package login is how people get a session in the browser and a token for their
// command line: the pages of set-up and sign-up, of login, tokens, password and second
// factor; the OAuth endpoints of "terraform login"; service discovery; and ping.
//
// The pages are plain HTML that works without a script. The surprising rule: a
// session is a token in a cookie and is no API token, nor the reverse; every code
// that is handed out is kept as its SHA-256 only and works once.
package login

import (
	"context"
	"html/template"
	"net/http"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Feature serves login.
type Feature struct {
	DB     *db.DB
	Users  *users.Feature
	Store  *tokens.Store
	Tokens *tokens.Feature
	// Orgs makes the first organization; nil leaves it out of the set-up.
	Orgs *orgs.Feature
	// Adopt makes the invitations of a person who has just signed up memberships.
	Adopt func(ctx context.Context, u users.User) error
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)

	// Words are what site administrators add to the pages.
	Words func() Words

	// Services are the addresses of further services for discovery, such as "modules.v1".
	Services map[string]string

	router    *api.Router
	templates map[string]*template.Template
	limits    limits
	origin    *http.CrossOriginProtection
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.router, f.limits, f.origin = r, newLimits(), http.NewCrossOriginProtection()
	f.parse()
	r.Raw("GET /ping", authz.Anyone, ping)
	api.Handle(r, "PATCH /account/password", authz.AsUser, f.caller, f.patchPassword)
	f.sessionRoutes(r)
	f.twoFactorRoutes(r)

	root := r.At("")
	root.Raw("GET /.well-known/terraform.json", authz.Anyone, f.discovery)
	root.Raw("POST /oauth2/token", authz.Anyone, f.exchange)

	app := pages{f, r.At("/app")}
	app.serve("GET /style.css", f.style)
	app.serve("GET /setup/{code}", f.showSetup)
	app.serve("POST /setup/{code}", f.setup)
	app.serve("GET /setup/account/{code}", f.showAccount)
	app.serve("POST /setup/account/{code}", f.setAccount)
	app.serve("GET /login", f.showLogin)
	app.serve("POST /login", f.login)
	app.serve("POST /login/code", f.secondFactor)
	app.serve("POST /logout", f.logout)
	app.serve("GET /oauth2/auth", f.signedIn(f.showConsent))
	app.serve("POST /oauth2/auth", f.signedIn(f.consent))
	app.serve("GET /settings/tokens", f.signedIn(f.showTokens))
	app.serve("POST /settings/tokens", f.signedIn(f.createToken))
	app.serve("POST /settings/tokens/{id}/revoke", f.signedIn(f.revokeToken))
	app.serve("GET /settings/security", f.signedIn(f.showSecurity))
	app.serve("POST /settings/password", f.signedIn(f.changePassword))
	app.serve("POST /settings/two-factor", f.signedIn(f.startTwoFactor))
	app.serve("POST /settings/two-factor/confirm", f.signedIn(f.confirmTwoFactor))
	app.serve("POST /settings/two-factor/disable", f.signedIn(f.disableTwoFactor))
	app.serve("POST /settings/two-factor/recovery-codes", f.signedIn(f.renewCodesPage))
}

// ping answers nothing: clients want its headers (protocol of go-tfe).
func ping(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// discovery tells clients where the services are (Terraform's "Remote service
// discovery" protocol). The content type must be exactly this.
func (f *Feature) discovery(w http.ResponseWriter, _ *http.Request) error {
	const v2 = "/api/v2/"
	services := map[string]any{
		"tfe.v2": v2, "tfe.v2.1": v2, "tfe.v2.2": v2, "state.v2": v2,
		"login.v1": map[string]any{"client": client, "grant_types": []string{"authz_code"}, "ports": []int{firstPort, lastPort}, //nolint:gosec // addresses, no credential
			"authz": "/app/oauth2/auth", "token": "/oauth2/token"},
	}
	for name, address := range f.Services {
		services[name] = address
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", services)
}
