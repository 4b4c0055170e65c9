package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The only client of the OAuth endpoints is the command line, which listens on a
// port of the person's own computer (RFC 8252). Engines ask for a port from the
// first up to one below the last.
const (
	client    = "terraform-cli"
	firstPort = 10000
	lastPort  = 10010
	codeHolds = time.Minute
)

// challenges and verifiers are those of RFC 7636, section 4.
var (
	challenges = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	verifiers  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
)

// ownComputer reports whether the address is one at which the command line listens.
func ownComputer(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Path != "/login" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return nil, false
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < firstPort || port > lastPort || (u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1") {
		return nil, false
	}
	return u, true
}

// authorization is a request of "terraform login" (RFC 6749, section 4.1.1).
type authorization struct {
	ClientID, RedirectURI, State, Challenge string

	to *url.URL
}

// authorizationOf reads the request. What cannot be answered at the redirect
// address is a problem; what can is the name of an error of RFC 6749.
func authorizationOf(req *http.Request) (a authorization, refused string, err error) {
	a = authorization{ClientID: req.FormValue("client_id"), RedirectURI: req.FormValue("redirect_uri"), State: req.FormValue("state"), Challenge: req.FormValue("code_challenge")}
	if a.ClientID != client {
		return a, "", problem.BadRequest("The client %q is not known. Only %q can ask for a token.", a.ClientID, client)
	}
	var ok bool
	if a.to, ok = ownComputer(a.RedirectURI); !ok {
		return a, "", problem.BadRequest("The answer would go to %q, which is not an address of a command line: http://localhost:%d to %d/login.", a.RedirectURI, firstPort, lastPort)
	}
	switch {
	case req.FormValue("response_type") != "code":
		return a, "unsupported_response_type", nil
	case req.FormValue("code_challenge_method") != "S256" || !challenges.MatchString(a.Challenge) || len(a.State) > 1000:
		return a, "invalid_request", nil
	}
	return a, "", nil
}

// answer leads back to the command line.
func (a authorization) answer(w http.ResponseWriter, req *http.Request, name, value string) error {
	v := url.Values{name: {value}}
	if a.State != "" {
		v.Set("state", a.State)
	}
	to := *a.to
	to.RawQuery = v.Encode()
	http.Redirect(w, req, to.String(), http.StatusSeeOther)
	return nil
}

func (f *Feature) showConsent(w http.ResponseWriter, req *http.Request, u users.User) error {
	a, refused, err := authorizationOf(req)
	if err != nil {
		return err
	}
	if refused != "" {
		return a.answer(w, req, "error", refused)
	}
	// The answer to the form is a redirect, which the policy must allow too.
	secure(w.Header(), "'self' http://"+a.to.Host)
	return f.render(w, http.StatusOK, "consent", struct {
		page
		authorization
		Port string
	}{page{Title: "Log in the command line", User: &u}, a, a.to.Port()})
}

func (f *Feature) consent(w http.ResponseWriter, req *http.Request, u users.User) error {
	a, refused, err := authorizationOf(req)
	if err != nil {
		return err
	}
	secure(w.Header(), "'self' http://"+a.to.Host)
	if req.PostFormValue("decision") != "allow" {
		refused = "access_denied"
	}
	if refused != "" {
		return a.answer(w, req, "error", refused)
	}
	secret, err := f.hand(req.Context(), code{Kind: authorizationCode, UserID: &u.ID, ClientID: a.ClientID, RedirectURI: a.RedirectURI, Challenge: a.Challenge}, codeHolds)
	if err != nil {
		return err
	}
	return a.answer(w, req, "code", secret.Reveal())
}

// exchange gives a token for a code (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
func (f *Feature) exchange(w http.ResponseWriter, req *http.Request) error {
	w.Header().Set("Pragma", "no-cache")
	if err := f.limits.allow(f.router.ClientIP(req), ""); err != nil {
		return err
	}
	req.Body = http.MaxBytesReader(w, req.Body, maxForm)
	if req.ParseForm() != nil {
		return refuse(w, http.StatusBadRequest, "invalid_request", "The body is not a form.")
	}
	form := req.PostForm
	id := form.Get("client_id")
	if name, _, ok := req.BasicAuth(); ok && id == "" {
		id = name // RFC 6749, section 2.3.1
	}
	switch {
	case form.Get("grant_type") == "":
		return refuse(w, http.StatusBadRequest, "invalid_request", "grant_type is missing.")
	case form.Get("grant_type") != "authorization_code":
		return refuse(w, http.StatusBadRequest, "unsupported_grant_type", "Only authorization_code is supported.")
	case id != client:
		return refuse(w, http.StatusUnauthorized, "invalid_client", "The client is not known.")
	case form.Get("code") == "" || form.Get("redirect_uri") == "" || !verifiers.MatchString(form.Get("code_verifier")):
		return refuse(w, http.StatusBadRequest, "invalid_request", "code, redirect_uri and code_verifier are required, the last with 43 to 128 characters.")
	}
	secret, expires, err := f.redeem(req.Context(), form)
	if tokens.Missing(err) {
		return refuse(w, http.StatusBadRequest, "invalid_grant", "The code is not valid: it was used, it is older than a minute, or it belongs to another request.")
	}
	if p, ok := problem.From(err); ok {
		return refuse(w, http.StatusBadRequest, "invalid_grant", p.Detail)
	}
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in,omitempty"` // seconds
	}{secret.Reveal(), "Bearer", expires})
}

// redeem uses a code. A code that is tried again revokes what it gave before: one
// of the two who had it stole it (RFC 6749, section 4.1.2).
func (f *Feature) redeem(ctx context.Context, form url.Values) (crypt.Secret, int64, error) {
	c, err := f.code(ctx, authorizationCode, form.Get("code"))
	if err != nil {
		return "", 0, err
	}
	// The use counts whatever follows, so it has no part in the transaction below.
	first, err := f.use(ctx, c)
	if err != nil {
		return "", 0, err
	}
	if !first {
		return "", 0, f.stolen(ctx, c)
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	proof := base64.RawURLEncoding.EncodeToString(sum[:])
	if c.RedirectURI != form.Get("redirect_uri") || c.ClientID != client || subtle.ConstantTimeCompare([]byte(proof), []byte(c.Challenge)) != 1 {
		return "", 0, problem.NotFound
	}
	u, err := f.Users.Find(ctx, *c.UserID)
	if err != nil || u.Suspended {
		return "", 0, orElse(err, problem.NotFound)
	}
	return f.mintFor(ctx, c, u)
}

func (f *Feature) mintFor(ctx context.Context, c code, u users.User) (secret crypt.Secret, expires int64, err error) {
	err = f.DB.Tx(as(ctx, u, ""), func(ctx context.Context) error {
		t, s, err := f.Tokens.MintUser(ctx, u.ID, "terraform login", nil)
		if err != nil {
			return err
		}
		secret = s
		if t.ExpiresAt != nil {
			expires = int64(time.Until(t.ExpiresAt.Time).Seconds())
		}
		if _, err := f.DB.Exec(ctx, `UPDATE login_codes SET token_id = ? WHERE hash = ?`, t.ID, c.Hash); err != nil {
			return err
		}
		return audit.Write(ctx, f.DB, audit.Event{Action: "create", ResourceType: "authentication-tokens", ResourceID: t.ID})
	})
	return secret, expires, err
}

// stolen revokes the token that a code was exchanged for, and returns
// problem.NotFound.
func (f *Feature) stolen(ctx context.Context, c code) error {
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		f.Changed(ctx)
		_, err := f.DB.Exec(ctx, `DELETE FROM tokens WHERE id = (SELECT token_id FROM login_codes WHERE hash = ?)`, c.Hash)
		return err
	})
	return orElse(err, problem.NotFound)
}

// refuse is an error of the token endpoint (RFC 6749, section 5.2).
func refuse(w http.ResponseWriter, status int, name, description string) error {
	return api.WriteJSON(w, status, "application/json", map[string]string{"error": name, "error_description": description})
}
