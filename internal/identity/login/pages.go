package login

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/web"
)

//go:embed pages
var files embed.FS

// Words are what site administrators add to pages. The HTML is trusted.
type Words struct {
	Support                  string // an email address, "" is none
	LoginHelp, Footer, Error template.HTML
}

// parse reads the pages, each with the frame of base.html; they call site for what
// administrators add.
func (f *Feature) parse() {
	f.templates = map[string]*template.Template{}
	for _, name := range []string{"setup", "account", "login", "code", "consent", "tokens", "security", "error"} {
		base := template.New("base.html").Funcs(template.FuncMap{"site": f.Words})
		f.templates[name] = template.Must(base.ParseFS(files, "pages/base.html", "pages/"+name+".html"))
	}
}

// page is what every page shows.
type page struct {
	Title string
	User  *users.User // who is signed in
	Error string      // what went wrong with the form
	Note  string      // what went well
	Wide  bool        // a page of settings, which has tables, not a form that stands alone
}

// handler answers a request for a page.
type handler func(w http.ResponseWriter, req *http.Request) error

// pages registers handlers.
type pages struct {
	*Feature
	router *api.Router
}

const maxForm = 64 << 10

// serve registers a page. Forms from other sites are refused, also where there is no
// session to protect: a stranger must not log people in. Problems become a page.
func (p pages) serve(pattern string, h handler) {
	p.router.Raw(pattern, authz.Anyone, func(w http.ResponseWriter, req *http.Request) error {
		secure(w.Header(), "'self'")
		err := p.origin.Check(req)
		if err != nil {
			err = problem.Denied("The form came from another site. Open the page again and send it from there.")
		} else {
			req.Body = http.MaxBytesReader(w, req.Body, maxForm)
			err = h(w, req)
		}
		refused, ok := problem.From(err)
		if !ok {
			return err
		}
		for k, v := range refused.Header {
			w.Header().Set(k, v)
		}
		return p.render(w, refused.Status, "error", struct {
			page
			Detail string
		}{page{Title: titleOf(refused.Status)}, refused.Detail})
	})
}

// titleOf says what went wrong, in words of people.
func titleOf(status int) string {
	switch status {
	case http.StatusForbidden:
		return "This does not work"
	case http.StatusNotFound:
		return "There is nothing here"
	case http.StatusTooManyRequests:
		return "Too many attempts"
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "This request is not right"
	default:
		return http.StatusText(status)
	}
}

// secure sets the headers of pages. Forms may go to, and be redirected to, what
// forms says.
func secure(h http.Header, forms string) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action "+forms+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
}

func (f *Feature) render(w http.ResponseWriter, status int, name string, data any) error {
	var buf bytes.Buffer
	if err := f.templates[name].ExecuteTemplate(&buf, "base.html", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away is no error of ours
	return nil
}

func (f *Feature) style(w http.ResponseWriter, req *http.Request) error {
	b, err := files.ReadFile("pages/style.css")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(append(slices.Clone(web.Tokens), b...))
	if theme := web.Theme(req); theme != "" { // these pages have no script that could set it
		_, _ = fmt.Fprintf(w, ":root { color-scheme: %s; }\n", theme)
	}
	return nil
}

// signedIn hands the user of the session on, and sends those who have none to the
// login.
func (f *Feature) signedIn(h func(w http.ResponseWriter, req *http.Request, u users.User) error) handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		s := authz.From(req.Context())
		if s == nil || !s.Session {
			next := home
			if req.Method == http.MethodGet {
				next = req.URL.RequestURI()
			}
			http.Redirect(w, req, "/app/login?next="+url.QueryEscape(next), http.StatusSeeOther)
			return nil
		}
		u, err := f.Users.Find(req.Context(), s.ID)
		if err != nil {
			return err
		}
		return h(w, req, u)
	}
}

// home is where a login leads that began nowhere.
const home = "/app/"

// local returns the address if it is a page of ours, else home: a login must not
// lead to another site.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/app/") || strings.ContainsAny(next, "\\\r\n") || strings.HasPrefix(next, "//") {
		return home
	}
	return next
}

// explain returns what a person may see of an error of a form; other errors are
// returned.
func explain(err error) (string, error) {
	p, ok := problem.From(err)
	if !ok || p.Status == http.StatusTooManyRequests {
		return "", err
	}
	details := []string{p.Detail}
	for _, more := range p.More {
		details = append(details, more.Detail)
	}
	return strings.TrimSuffix(strings.Join(details, ". "), ".") + ".", nil
}
