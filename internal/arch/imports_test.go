package arch

import (
	"encoding/json"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	project = "plumbline.dev/plumbline/"
	ours    = project + "internal/"
)

// kernel are the packages of the kernel in import order: each may import those
// before it.
var kernel = []string{"id", "problem", "jsonapi", "config", "mail", "crypt", "safehttp", "archive", "blob", "authz", "db", "events", "jobs", "audit", "api"}

// rooms are the folders of capabilities; each may import the kernel, itself and the
// rooms in its list.
var rooms = map[string][]string{
	"identity":   {},
	"workspace":  {"identity"},
	"executor":   {},
	"delivery":   {"identity", "workspace"},
	"registry":   {"identity", "workspace", "delivery"},
	"governance": {"identity", "workspace", "delivery"},
	"drift":      {"identity", "workspace", "delivery", "governance"},
}

// kernelOf are the packages of the kernel that a room may import, if not all: an executor
// may be on another machine, where there is no database.
var kernelOf = map[string][]string{"executor": {"id", "problem", "archive", "crypt", "config"}}

// contracts are the packages of rooms that every room may import: messages and no work.
var contracts = []string{"executor/proto", "drift/classify", "drift/severity"}

// only names the packages that alone may import a dependency, beside tests.
var only = map[string][]string{
	"modernc.org/sqlite":                    {"kernel/db"},
	"github.com/jackc/pgx":                  {"kernel/db", "apptest/postgres"},
	"github.com/pressly/goose":              {"kernel/db"},
	"github.com/riverqueue/river":           {"kernel/jobs"},
	"github.com/minio/minio-go":             {"kernel/blob", "drift/connections"}, // there: signatures and identities of AWS
	"golang.org/x/oauth2":                   {"drift/connections"},
	"github.com/robfig/cron":                {"drift/schedules"},
	"github.com/tink-crypto/tink-go":        {"kernel/crypt"},
	"github.com/prometheus/client_golang":   {"app"},
	"github.com/alecthomas/kong":            {"cmd/plumbline"},
	"github.com/hashicorp/go-tfe":           {"apptest"},
	"github.com/chromedp":                   {"e2e"},
	"github.com/getkin/kin-openapi":         {"apptest"},
	"github.com/wneessen/go-mail":           {"kernel/mail"},
	"github.com/yuin/goldmark":              {"kernel/mail"},
	"github.com/microcosm-cc/bluemonday":    {"governance/site"},
	"github.com/emersion/go-smtp":           {"apptest"},
	"os/exec":                               {"e2e", "delivery/vcs", "executor/engine", "executor/sandbox", "cmd/loadgen", "apptest/cli", "apptest/process", "apptest", "apptest/postgres", "apptest/postgres/cmd/pgtest", "apptest/cmd/testlog"},
	"cel.dev/cel-go":                        {"drift/severity"},
	"log":                                   {},
	"plumbline.dev/plumbline/internal/app":  {"apptest", "cmd/plumbline"},
	"plumbline.dev/plumbline/internal/arch": {},
	"testing":                               {"e2e", "apptest", "apptest/cli", "apptest/process", "apptest/postgres"},
	"net/http/httptest":                     {"apptest", "apptest/cli"},
	"github.com/stretchr/testify":           {},
}

type goPackage struct {
	ImportPath, Doc string
	Imports         []string
}

// packages returns every package of the project.
func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Doc", "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 20 {
		t.Fatalf("go list found %d packages only", len(list))
	}
	return list
}

// place is how the tables above name a package.
func place(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, ours), project) }

func TestPackagesSayWhatTheyAre(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestRoomsNameTheirPackages: the package comment of a room is the list of what is in it.
func TestRoomsNameTheirPackages(t *testing.T) {
	comments := map[string]string{}
	for _, room := range append(slices.Collect(maps.Keys(rooms)), "kernel") {
		comments[room] = read(t, "../"+room+"/doc.go") // Doc is the first sentence only
	}
	for _, p := range packages(t) {
		room, name, _ := strings.Cut(place(p.ImportPath), "/")
		if comments[room] != "" && name != "" && !strings.Contains(name, "/") && !regexp.MustCompile(`(?m)^//\t`+name+` `).MatchString(comments[room]) {
			t.Errorf("the package comment of %s does not name %s", room, name)
		}
	}
}

func TestImportsPointDownwards(t *testing.T) {
	for _, p := range packages(t) {
		from := place(p.ImportPath)
		for _, dep := range p.Imports {
			if to, ok := strings.CutPrefix(dep, ours); ok {
				mayImport(t, from, to)
			}
		}
	}
}

// mayImport checks one import of the project by another.
func mayImport(t *testing.T, from, to string) {
	t.Helper()
	fromRoom, fromName, _ := strings.Cut(from, "/")
	toRoom, toName, _ := strings.Cut(to, "/")
	switch {
	case fromRoom == "kernel" && toRoom != "kernel":
		t.Errorf("kernel package %s imports %s: the kernel knows no capability", from, to)
	case fromRoom == "kernel":
		if a, b := slices.Index(kernel, fromName), slices.Index(kernel, toName); a < 0 || b < 0 || b >= a {
			t.Errorf("kernel package %s imports %s, which does not come before it", from, to)
		}
	case toRoom == "kernel" && kernelOf[fromRoom] != nil && !slices.Contains(kernelOf[fromRoom], toName):
		t.Errorf("%s imports %s: of the kernel room %s may import %v", from, to, fromRoom, kernelOf[fromRoom])
	case slices.Contains(contracts, to): // data, for both sides
	case rooms[fromRoom] != nil && toRoom != "kernel" && toRoom != fromRoom && !slices.Contains(rooms[fromRoom], toRoom):
		t.Errorf("%s imports %s: room %s may import %v", from, to, fromRoom, append([]string{"kernel"}, rooms[fromRoom]...))
	}
}

func TestDependenciesStayInTheirPlace(t *testing.T) {
	for _, p := range packages(t) {
		from := place(p.ImportPath)
		for _, dep := range p.Imports {
			for restricted, allowed := range only {
				if (dep == restricted || (strings.Contains(restricted, ".") && strings.HasPrefix(dep, restricted+"/"))) && !slices.Contains(allowed, from) {
					t.Errorf("%s imports %s, which only %v may", from, dep, allowed)
				}
			}
		}
	}
}
