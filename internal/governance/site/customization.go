package site

import (
	"context"
	stdmail "net/mail"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Words are what site administrators add to pages. All but Support are HTML.
type Words struct {
	Support   string `json:"support,omitempty"`    // an email address
	LoginHelp string `json:"login_help,omitempty"` // below the login
	Footer    string `json:"footer,omitempty"`     // at the end of every page
	Error     string `json:"error,omitempty"`      // on pages that say that something went wrong
	NewUser   string `json:"new_user,omitempty"`   // for who is in no organization
}

// Scope implements authz.Scoped: the site.
func (Words) Scope() authz.Scope { return authz.Scope{} }

// shown are words for everybody who is signed in.
type shown struct{ Words }

const (
	wordsID   = "customization"
	wordsPath = "/admin/customization-settings"
	maxWords  = 10_000 // bytes of one text
)

func (f *Feature) wordRoutes(r *api.Router) {
	api.Type(r, "customization-settings", authz.SiteAdmin, nil, viewWords)
	api.Show(r, wordsPath, authz.SiteAdmin, api.Site, f.showWords)
	api.UpdateOf(r, wordsPath, authz.SiteAdmin, api.Site, f.updateWords)
	api.Type(r, "customizations", authz.SignedIn, nil, viewShown)
	api.Show(r, "/customization", authz.SignedIn, api.Site, f.shown,
		api.About("What site administrators add to the pages of the UI. The HTML is safe: what may do harm was taken out."))
}

type wordAttributes struct {
	Support   string `json:"support-email-address"`
	LoginHelp string `json:"login-help"`
	Footer    string `json:"footer"`
	Error     string `json:"error"`
	NewUser   string `json:"new-user"`
}

func viewWords(_ context.Context, w Words) jsonapi.Resource {
	return jsonapi.Resource{Type: "customization-settings", ID: wordsID, Attributes: wordAttributes(w)}
}

type shownAttributes struct {
	Support string `json:"support-email-address"`
	Footer  string `json:"footer"`
	Error   string `json:"error"`
	NewUser string `json:"new-user"`
}

func viewShown(_ context.Context, s shown) jsonapi.Resource {
	return jsonapi.Resource{Type: "customizations", ID: "site", Attributes: shownAttributes{s.Support, s.Footer, s.Error, s.NewUser}}
}

func (f *Feature) showWords(ctx context.Context, _ authz.Site) (Words, error) {
	r, err := one[Words](ctx, f, wordsID, "")
	return r.Chosen.V, err
}

func (f *Feature) shown(context.Context, authz.Site) (shown, error) { return shown{f.Words()}, nil }

type wordRequest struct {
	Support   jsonapi.Opt[string] `json:"support-email-address"`
	LoginHelp jsonapi.Opt[string] `json:"login-help"`
	Footer    jsonapi.Opt[string] `json:"footer"`
	Error     jsonapi.Opt[string] `json:"error"`
	NewUser   jsonapi.Opt[string] `json:"new-user"`
}

func (f *Feature) updateWords(ctx context.Context, _ authz.Site, in jsonapi.In[wordRequest]) (Words, error) {
	r, err := one[Words](ctx, f, wordsID, f.DB.ForUpdate())
	if err != nil {
		return Words{}, err
	}
	a, w := in.Data.Attributes, r.Chosen.V
	a.Support.Into(&w.Support)
	a.LoginHelp.Into(&w.LoginHelp)
	a.Footer.Into(&w.Footer)
	a.Error.Into(&w.Error)
	a.NewUser.Into(&w.NewUser)
	if err := w.check(); err != nil {
		return w, err
	}
	w = w.each(harmless)
	r.Chosen = db.AsJSON(w)
	return w, keep(ctx, f, r, func() { f.words.Store(new(w.each(clean))) })
}

func (w Words) check() error {
	var bad []*problem.Problem
	if w.Support != "" {
		if a, err := stdmail.ParseAddress(w.Support); err != nil || a.Address != w.Support || len(w.Support) > 320 {
			bad = append(bad, problem.Invalid("support-email-address", "Support email address must be an email address, such as help@example.com"))
		}
	}
	for _, t := range []struct{ name, html string }{{"login-help", w.LoginHelp}, {"footer", w.Footer}, {"error", w.Error}, {"new-user", w.NewUser}} {
		if len(t.html) > maxWords || !utf8.ValidString(t.html) {
			bad = append(bad, problem.Invalid(t.name, "%s must be text of at most %d bytes", t.name, maxWords))
		}
	}
	return problem.All(bad...)
}

// each is w with what fn makes of each HTML.
func (w Words) each(fn func(string) string) Words {
	return Words{w.Support, fn(w.LoginHelp), fn(w.Footer), fn(w.Error), fn(w.NewUser)}
}

// Words returns the words as they are shown now on this node: their HTML does no harm. It does not
// ask the database.
func (f *Feature) Words() Words {
	if w := f.words.Load(); w != nil {
		return *w
	}
	return Words{}
}
