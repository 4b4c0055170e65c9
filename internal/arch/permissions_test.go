package arch

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/authz"
)

var update = flag.Bool("update", false, "write the pages that are made from the code")

// column is somebody and what the matrix gives them.
type column struct {
	name string
	set  authz.Set
}

// TestPermissionsPage compares docs/permissions.md with the tables of package authz.
//
//	go test ./internal/arch -run PermissionsPage -update
func TestPermissionsPage(t *testing.T) {
	const page = "../../docs/permissions.md"
	want := permissionsPage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, read(t, page)); diff != "" {
		t.Errorf("docs/permissions.md is not what package authz says (run this test with -update):\n%s", diff)
	}
}

func permissionsPage() string {
	var b strings.Builder
	b.WriteString("# Permissions\n\n" +
		"Made from [authz/levels.go](../internal/kernel/authz/levels.go) by a test; edit that file, not this page. What somebody may do is the\n" +
		"union of what their teams have in the organization, the project and the workspace. Site administrators may do everything.\n")
	matrix(&b, "Access of a team to a workspace", "", levelsOf(authz.WorkspaceLevels, "read", "plan", "write", "admin"))
	matrix(&b, "Access of a team to a project", "It holds for the project and for every workspace in it.", levelsOf(authz.ProjectLevels, "read", "write", "maintain", "admin"))
	matrix(&b, "Tokens and members", "A member is here somebody who is in no team. A token of a team may do what the team may, one of a person what the person may.",
		[]column{{"member", authz.Member}, {"organization token", authz.OrgToken()}, {"run token, in its workspace", authz.RunToken}, {"owner", authz.Owner()}})
	fmt.Fprintf(&b, "\n## Organization access of a team\n\n| Flag | Gives |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(authz.OrgFlags)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.ReplaceAll(authz.OrgFlags[name].String(), " ", ", "))
	}
	b.WriteString("\n## From a part to the whole\n\nWho has a permission in one project or workspace only may do this in its whole organization.\n\n| In one place | In the organization |\n|---|---|\n")
	for _, p := range authz.Permissions() {
		if gives := authz.Elsewhere(authz.Of(p)); gives != 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", p, strings.ReplaceAll(gives.String(), " ", ", "))
		}
	}
	return b.String()
}

// levelsOf are the columns of a table of access levels, in the given order.
func levelsOf(table map[string]authz.Set, order ...string) []column {
	var out []column
	for _, name := range order {
		out = append(out, column{name, table[name]})
	}
	return out
}

// matrix writes a table with a line for each permission that any column has.
func matrix(b *strings.Builder, title, note string, columns []column) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if note != "" {
		fmt.Fprintf(b, "%s\n\n", note)
	}
	b.WriteString("| Permission |")
	var all authz.Set
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", c.name)
		all |= c.set
	}
	b.WriteString("\n|---|" + strings.Repeat(":-:|", len(columns)) + "\n")
	for _, p := range authz.Permissions() {
		if !all.Has(p) {
			continue
		}
		fmt.Fprintf(b, "| %s |", p)
		for _, c := range columns {
			b.WriteString(map[bool]string{true: " ✓ |", false: " |"}[c.set.Has(p)])
		}
		b.WriteString("\n")
	}
}
