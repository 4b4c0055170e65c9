// Package web serves the web UI at /app: the page for every address below it that no
// other page has, and the files that the page loads. Who has no session is led to the
// login first.
//
// The page is the same for all; only the theme that the visitor has chosen (a cookie) is
// written into it, so that it is right before any script runs. The names of assets hold
// their hash, so browsers keep them for ever.
package web

import (
	"bytes"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/web"
)

// Feature serves the UI.
type Feature struct {
	// Files are the built UI; without index.html among them a page says how to build it.
	Files fs.FS

	index []byte
}

// Routes adds the pages to r.
func (f *Feature) Routes(r *api.Router) {
	f.index, _ = fs.ReadFile(f.Files, "index.html") // absent: see missing
	root := r.At("")
	root.Raw("GET /{$}", authz.Anyone, home)
	root.Raw("GET /app", authz.Anyone, home)
	root.Raw("GET /app/{path...}", authz.Anyone, f.page)
	root.Raw("GET /app/assets/{file}", authz.Anyone, f.asset)
	root.Raw("GET /app/icon.svg", authz.Anyone, icon)
}

func home(w http.ResponseWriter, req *http.Request) error {
	http.Redirect(w, req, "/app/", http.StatusFound)
	return nil
}

func icon(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write(web.Icon) // a client that went away is no error of ours
	return nil
}

// page serves the UI, or leads to the login and back.
func (f *Feature) page(w http.ResponseWriter, req *http.Request) error {
	if s := authz.From(req.Context()); s == nil || !s.Session {
		http.Redirect(w, req, "/app/login?next="+url.QueryEscape(req.URL.RequestURI()), http.StatusFound)
		return nil
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if f.index == nil {
		_, _ = w.Write([]byte(missing))
		return nil
	}
	_, _ = w.Write(themed(f.index, req)) //nolint:gosec // the theme is one of two words
	return nil
}

const missing = `<!doctype html><html lang="en"><title>Plumbline</title><h1>The web UI is not in this binary</h1>
<p>Run <code>make build</code>, which builds it first (it needs Node.js 20.19 or later and npm), and start <code>bin/plumbline</code>. The API works without it, and so do your <a href="/app/settings/tokens">tokens</a>.</p>`

// secure sets the headers of the page: nothing from elsewhere, nothing inline.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "+
		"connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// themed is the page with the theme of the visitor.
func themed(index []byte, req *http.Request) []byte {
	theme := web.Theme(req)
	if theme == "" {
		return index
	}
	return bytes.Replace(index, []byte("<html "), []byte(`<html data-theme="`+theme+`" `), 1)
}

// asset serves a file whose name holds its hash, compressed if the client can.
func (f *Feature) asset(w http.ResponseWriter, req *http.Request) error {
	name := "assets/" + req.PathValue("file")
	if !fs.ValidPath(name) || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
		return problem.NotFound
	}
	b, err := fs.ReadFile(f.Files, name)
	if err != nil {
		return problem.NotFound // of an earlier version, as a rule
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	for _, c := range [...]struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		packed, err := fs.ReadFile(f.Files, name+c.suffix)
		if err == nil && accepts(req, c.name) {
			h.Set("Content-Encoding", c.name)
			b = packed
			break
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) //nolint:gosec // a file of ours
	return nil
}

// accepts reports whether the client takes the encoding (RFC 9110, 12.5.3).
func accepts(req *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(req.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			return strings.TrimRight(strings.ReplaceAll(weight, " ", ""), "0.") != "q="
		}
	}
	return false
}
