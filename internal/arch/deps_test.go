package arch

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// module is a line of a go.mod.
type module struct {
	Path, Version string
	Indirect      bool
}

func TestDependenciesAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := explanations(t, string(page))
	for _, m := range requires(t, "../../go.mod") {
		if !m.Indirect && !explained[m.Path] {
			t.Errorf("go.mod requires %s, and docs/dependencies.md does not say why: add a line", m.Path)
		}
		if !m.Indirect {
			delete(explained, m.Path)
		}
	}
	for path := range explained {
		t.Errorf("docs/dependencies.md explains %s, which go.mod does not require directly: remove the line", path)
	}
}

// TestSQLiteIsSafe: SQLite up to 3.51.2, which is in modernc.org/sqlite before v1.46.2, can
// corrupt a WAL when it is reset, and the driver works only with the libc it was made with.
func TestSQLiteIsSafe(t *testing.T) {
	sqlite := version(t, "../../go.mod", "modernc.org/sqlite")
	if older(sqlite, "v1.46.2") {
		t.Errorf("modernc.org/sqlite = %s, want v1.46.2 or later", sqlite)
	}
	file := command(t, "go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")
	got, want := version(t, "../../go.mod", "modernc.org/libc"), version(t, file, "modernc.org/libc")
	if got != want {
		t.Errorf("modernc.org/libc = %s, want %s as modernc.org/sqlite requires", got, want)
	}
}

func TestOlderComparesNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"v1.46.1", "v1.46.2", true}, {"v1.46.2", "v1.46.2", false}, {"v1.9.9", "v1.46.2", true}, {"v2.0.0", "v1.46.2", false}, {"v1.100.0", "v1.46.2", false}} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("older(%s, %s) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// explanations returns the modules in the first column of the first table of the page.
func explanations(t *testing.T, page string) map[string]bool {
	t.Helper()
	page, _, _ = strings.Cut(page, "\n## ")
	explained := map[string]bool{}
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		names := quoted.FindAllStringSubmatch(cells[0], -1)
		if len(names) == 0 || !strings.HasPrefix(line, "|") {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("docs/dependencies.md: %q has %d cells, want 4", line, len(cells))
		}
		for _, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("docs/dependencies.md: %q has an empty cell", line)
			}
		}
		for _, name := range names {
			explained[name[1]] = true
		}
	}
	return explained
}

// requires returns what the go.mod at path requires.
func requires(t *testing.T, path string) []module {
	t.Helper()
	var file struct{ Require []module }
	if err := json.Unmarshal([]byte(command(t, "go", "mod", "edit", "-json", path)), &file); err != nil {
		t.Fatal(err)
	}
	return file.Require
}

// version returns the version of the module name that the go.mod at path requires.
func version(t *testing.T, path, name string) string {
	t.Helper()
	for _, m := range requires(t, path) {
		if m.Path == name {
			return m.Version
		}
	}
	t.Fatalf("%s does not require %s", path, name)
	return ""
}

// older says whether version a, as in v1.2.3, comes before b.
func older(a, b string) bool {
	as, bs := strings.Split(a[1:], "."), strings.Split(b[1:], ".")
	for i := range as {
		x, _ := strconv.Atoi(as[i]) // releases have numbers only
		y, _ := strconv.Atoi(bs[i])
		if c := cmp.Compare(x, y); c != 0 {
			return c < 0
		}
	}
	return false
}

// command returns what a command prints, without space around it.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
