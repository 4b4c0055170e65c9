// Package web is the web UI as files: what "make web" has built, and the design tokens
// that the pages without scripts share with it. Package internal/web serves it.
//
// Without a build the package still compiles, and Built is false.
package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed all:dist
var dist embed.FS

// Tokens are the colours and sizes of the design, as CSS custom properties.
//
//go:embed src/ui/tokens.css
var Tokens []byte

// Icon is the sign of Plumbline, in SVG.
//
//go:embed src/ui/plumbline.svg
var Icon []byte

// Files returns the built UI: index.html, the folder assets, and for each file that is
// worth it a compressed one beside it (.br, .gz). It is empty if Built is false.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist/app")
	if err != nil {
		panic(err) // the path is valid
	}
	return files
}

// Built reports whether the UI was built before the binary.
func Built() bool {
	_, err := fs.Stat(Files(), "index.html")
	return err == nil
}

// Theme is what the visitor has chosen instead of what the system has: "light", "dark"
// or "". The choice is a cookie, so that pages are right before any script runs.
func Theme(req *http.Request) string {
	c, err := req.Cookie("plumbline-theme")
	if err != nil || (c.Value != "light" && c.Value != "dark") {
		return ""
	}
	return c.Value
}
