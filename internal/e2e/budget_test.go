package e2e

import (
	"fmt"
	"io/fs"
	"regexp"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/web"
)

// maxInitial is what the first page may load in scripts, compressed by gzip, in bytes.
const maxInitial = 250_000

var loaded = regexp.MustCompile(`(?:src|href)="/app/(assets/[^"]+\.js)"`)

func TestTheFirstPageIsSmall(t *testing.T) {
	if !web.Built() {
		absent(t, "the UI is not built: run make web")
	}
	index, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	scripts, total := loaded.FindAllSubmatch(index, -1), 0
	if len(scripts) == 0 {
		t.Fatalf("the page loads no script:\n%s", index)
	}
	for _, m := range scripts {
		b, err := fs.ReadFile(web.Files(), string(m[1])+".gz")
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
	}
	if total > maxInitial {
		t.Errorf("the first page loads %d bytes of scripts, want at most %d", total, maxInitial)
	}
	t.Logf("%d bytes in %d scripts", total, len(scripts))
}

// TestTwoThousandWorkspaces: the list is there, and answers, without making anybody wait.
// The limits are those of a machine that does nothing else, times ten.
func TestTwoThousandWorkspaces(t *testing.T) {
	st := newStage(t)
	project := st.Project(st.org, "platform")
	first := st.Workspace(st.org, project, "service-0000")
	_, err := st.DB.Exec(t.Context(), fmt.Sprintf(`INSERT INTO workspaces (%[1]s, id, name, name_lower)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
		SELECT %[1]s, 'ws-' || printf('%%016d', n.i), 'service-' || printf('%%04d', n.i), 'service-' || printf('%%04d', n.i) FROM workspaces, n WHERE workspaces.id = ?`, columns(t, st)), first)
	if err != nil {
		t.Fatal(err)
	}
	st.Go("/app/acme/workspaces")
	st.See("2,000 workspaces", "service-0000")
	var paint, rows float64
	st.Eval(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1`, &paint)
	if paint < 0 || paint > 10_000 {
		t.Errorf("first contentful paint after %.0f ms, want under 10 s even on a busy machine", paint)
	}
	if st.Eval(`document.querySelectorAll('[role=listitem]').length`, &rows); rows < 5 || rows > 100 {
		t.Errorf("%.0f of 2,000 rows are in the document, want those in view only", rows)
	}
	var took float64
	st.Eval(`new Promise((r) => { const t = performance.now(); scrollTo(0, document.documentElement.scrollHeight); requestAnimationFrame(() => requestAnimationFrame(() => r(performance.now() - t))) })`, &took)
	if took > 1000 {
		t.Errorf("scrolling to the end took %.0f ms", took)
	}
	st.See("service-1999")
	t.Logf("first contentful paint %.0f ms, scroll to the end %.0f ms, %.0f rows", paint, took, rows)
}

// columns are those of workspaces but for what must differ.
func columns(t *testing.T, st *stage) string {
	t.Helper()
	names, err := db.One[string](t.Context(), st.DB, `SELECT group_concat(name, ', ') FROM pragma_table_info('workspaces') WHERE name NOT IN ('id', 'name', 'name_lower')`)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
