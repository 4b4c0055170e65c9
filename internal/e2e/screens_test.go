package e2e

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// queries are what addresses need behind the path, to show something.
var queries = map[string]string{
	"/$org/workspaces/$workspace/states/compare": "?from=$from&to=$state",
}

// elsewhere are screens that other tests look at.
var elsewhere = []string{"/$org/registry/components/$component"}

// TestEveryScreen walks all routes of the UI, as its router has them, in an organization with
// everything in it, and looks at each: so no screen is forgotten, not even a new one. What
// stands in for the parameters of an address is in demo.params.
func TestEveryScreen(t *testing.T) {
	d := newDemo(t)
	docs := text(t, "../../docs/ui.md")
	d.walk(func(route, path string) {
		d.Unseen(nothing)
		d.calmly(path)
		d.Shot("screens/" + screen(route))
		if !strings.Contains(docs, "pictures/"+screen(route)+".webp") {
			t.Errorf("docs/ui.md does not show %s: pictures/%s.webp", route, screen(route))
		}
	})
}

// screenRoute is a route of the UI, and an address at which it is.
type screenRoute struct{ route, path string }

// routes are those that the router has; some lead to another one.
func (d *demo) routes() (all []screenRoute) {
	d.T.Helper()
	d.Go("/app/acme/workspaces")
	d.See("network-prod")
	var routes []string
	d.Eval(`Object.keys(window.__TSR_ROUTER__.routesByPath)`, &routes)
	slices.Sort(routes)
	if len(routes) < 30 {
		d.T.Fatalf("the router has the routes %q, want all of the UI", routes)
	}
	for _, route := range routes {
		path, ok := d.fill(route)
		if slices.Contains(elsewhere, route) {
			continue
		}
		if !ok {
			d.T.Errorf("nothing stands in for a parameter of %s: add it to the demo", route)
			continue
		}
		all = append(all, screenRoute{route, path})
	}
	return all
}

// walk opens each route that has a screen of its own.
func (d *demo) walk(look func(route, path string)) {
	d.T.Helper()
	for _, r := range d.routes() {
		route, path := r.route, r.path
		d.visit("/app" + path)
		d.Until("the screen "+path, `document.querySelector('main h1') && window.__TSR_ROUTER__.state.status === 'idle'`)
		if d.route() != route && d.route() != route+"/" {
			continue // it leads to another one
		}
		d.loaded()
		look(route, path)
	}
}

// TestPicturesOfDocs: the documentation shows each picture that it has, and has each that it shows.
func TestPicturesOfDocs(t *testing.T) {
	shown := map[string]bool{}
	for _, name := range picture.FindAllString(text(t, "../../docs/ui.md")+text(t, "../../README.md"), -1) {
		shown[name] = true
	}
	files, err := os.ReadDir("../../docs/pictures")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := "pictures/" + f.Name(); !shown[name] {
			t.Errorf("nothing shows docs/%s", name)
		} else {
			delete(shown, name)
		}
	}
	for name := range shown {
		t.Errorf("docs/%s is not there: make screenshots", name)
	}
}

// picture is how the documentation names one.
var picture = regexp.MustCompile(`pictures/[a-z0-9-]+\.webp`)

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fill replaces the parameters of a route.
func (d *demo) fill(route string) (path string, ok bool) {
	params := d.params
	if strings.HasPrefix(route, "/$org/registry/modules/") {
		params = with(params, map[string]string{"$name": "vpc", "$provider": "aws"})
	}
	if strings.HasPrefix(route, "/$org/registry/providers/") {
		params = with(params, map[string]string{"$name": "inventory"})
	}
	parts := strings.Split(route, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "$") {
			continue
		}
		if parts[i], ok = params[part]; !ok {
			return "", false
		}
	}
	query := queries[route]
	for param, value := range params {
		query = strings.ReplaceAll(query, param, value)
	}
	return strings.Join(parts, "/") + query, true
}

func with(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// visit goes to another screen as a link does, without loading the page again, and waits
// until the router is there.
func (b *Browser) visit(path string) {
	b.t.Helper()
	var done bool
	b.Eval(`new Promise((r) => {
		const router = window.__TSR_ROUTER__, stop = router.subscribe('onResolved', () => { stop(); r(true) })
		router.history.push(`+quoted(path)+`)
	})`, &done)
}

// route is the route that the router is at.
func (b *Browser) route() (route string) {
	b.t.Helper()
	b.Eval(`window.__TSR_ROUTER__.state.matches.at(-1)?.fullPath ?? ''`, &route)
	return route
}

// loaded waits until nothing is being read.
func (b *Browser) loaded() {
	b.t.Helper()
	b.Until("all to be read", `document.querySelectorAll('.skeleton').length === 0`)
}

// calmly fails if the screen says that something went wrong.
func (b *Browser) calmly(path string) {
	b.t.Helper()
	var said string
	if b.Eval(`[...document.querySelectorAll('[role=alert]')].map((e) => e.innerText).join()`, &said); said != "" {
		b.t.Errorf("%s says %s", path, said)
	}
}

// screen is how the picture of a route is called: "/$org/workspaces/$workspace/runs" is
// "workspaces-workspace-runs".
func screen(route string) string {
	name := strings.ReplaceAll(strings.Trim(strings.TrimPrefix(route, "/$org"), "/"), "/", "-")
	if name == "" {
		return "home"
	}
	return strings.ReplaceAll(name, "$", "")
}
