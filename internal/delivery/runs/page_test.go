package runs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the page that is made from the code")

// TestRunsPage compares docs/runs.md with the tables of this package.
//
//	go test ./internal/delivery/runs -run RunsPage -update
func TestRunsPage(t *testing.T) {
	const page = "../../../docs/runs.md"
	want := runsPage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/runs.md is not what transitions.go says (run this test with -update):\n%s", diff)
	}
}

func runsPage() string {
	var b strings.Builder
	b.WriteString("# Statuses of runs\n\n" +
		"Made from [transitions.go](../internal/delivery/runs/transitions.go) by a test; edit that file, not this page.\n\n" +
		"A run that may change something waits in the lane of its workspace until its turn has come, and holds the workspace's lock from then to\n" +
		"its end. Runs that only plan, and plans that are to be saved, wait for no lane; a saved plan does when it is confirmed. What is to be done\n" +
		"before and after the phases (tasks, costs, policies) is skipped where nothing does it.\n\n" +
		"| From | To | When |\n|---|---|---|\n")
	for _, t := range transitions {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", t.from, t.to, t.when)
	}
	b.WriteString("\n## Ends\n\n| From | To | When |\n|---|---|---|\n")
	for _, e := range endings {
		from := "any that is not final"
		if e.from != nil {
			from = names(e.from)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", from, e.to, e.when)
	}
	fmt.Fprintf(&b, "\nFinal are %s. A person can confirm a run that is %s.\n", names(final), names(confirmable))
	return b.String()
}

func names(list []Status) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "`" + string(s) + "`"
	}
	return strings.Join(out, ", ")
}

// TestEveryStatusLeadsToAnEnd follows the tables from pending.
func TestEveryStatusLeadsToAnEnd(t *testing.T) {
	reached, queue := map[Status]bool{Pending: true}, []Status{Pending}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, tr := range transitions {
			if tr.from == from && !reached[tr.to] {
				reached[tr.to] = true
				queue = append(queue, tr.to)
			}
		}
	}
	for _, tr := range transitions {
		if !reached[tr.from] {
			t.Errorf("%s is never reached", tr.from)
		}
		if tr.from.Final() {
			t.Errorf("%s is final and leads to %s", tr.from, tr.to)
		}
		if !tr.from.Final() && (!allowed(tr.from, Errored) || !allowed(tr.from, Canceled)) {
			t.Errorf("%s cannot fail or be cancelled", tr.from)
		}
	}
	for s := range reached {
		leads := s.Final()
		for _, tr := range transitions {
			leads = leads || tr.from == s
		}
		if !leads {
			t.Errorf("%s leads nowhere", s)
		}
	}
}
