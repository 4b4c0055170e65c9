package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	around    = 3    // lines of context
	maxScript = 1000 // lines that differ; beyond, what differs is shown as a whole
)

// Patch writes what changed as a unified diff, as git does, sorted by file.
func Patch(before, after map[string][]byte) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(after)) {
		hunks := hunks(lines(before[name]), lines(after[name]))
		if hunks == "" {
			continue
		}
		fmt.Fprintf(&out, "diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n%s", name, name, name, name, hunks)
	}
	return out.String()
}

// lines splits a text; each line keeps its break.
func lines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	all := strings.SplitAfter(string(b), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// change is a run of lines that differ: a[i:j] became b[k:l].
type change struct{ i, j, k, l int }

func hunks(a, b []string) string {
	all := changes(a, b)
	var out strings.Builder
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].i-all[n-1].j <= 2*around {
			n++
		}
		hunk(&out, a, b, all[:n])
		all = all[n:]
	}
	return out.String()
}

func hunk(out *strings.Builder, a, b []string, part []change) {
	first, last := part[0], part[len(part)-1]
	i, j := max(first.i-around, 0), min(last.j+around, len(a))
	k, l := first.k-(first.i-i), last.l+(j-last.j)
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(i, j), span(k, l))
	at := i
	write := func(sign string, lines []string) {
		for _, line := range lines {
			out.WriteString(sign + line)
			if !strings.HasSuffix(line, "\n") {
				out.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
	for _, c := range part {
		write(" ", a[at:c.i])
		write("-", a[c.i:c.j])
		write("+", b[c.k:c.l])
		at = c.j
	}
	write(" ", a[at:j])
}

// span writes where lines are, as GNU diff does: a span of none begins at the line before.
func span(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	if to-from == 1 {
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

// changes finds the runs of lines that differ: the shortest script of E. Myers, "An O(ND)
// Difference Algorithm and Its Variations".
func changes(a, b []string) []change {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	trace, ok := search(x, y)
	if !ok {
		return []change{{head, len(a) - tail, head, len(b) - tail}}
	}
	var out []change // from the end
	i, j := len(x), len(y)
	for d := len(trace) - 1; d > 0; d-- {
		v, k := trace[d-1], i-j
		from := k - 1
		if k == -d || (k != d && v[k-1] < v[k+1]) {
			from = k + 1
		}
		p, q := v[from], v[from]-from
		for i > p && j > q && i > 0 && j > 0 && x[i-1] == y[j-1] {
			i, j = i-1, j-1
		}
		c := change{p + head, i + head, q + head, j + head}
		if n := len(out); n > 0 && out[n-1].i == c.j && out[n-1].k == c.l {
			out[n-1].i, out[n-1].k = c.i, c.k
		} else {
			out = append(out, c)
		}
		i, j = p, q
	}
	slices.Reverse(out)
	return out
}

// search returns how far each diagonal was reached after each step.
func search(a, b []string) ([]map[int]int, bool) {
	v := map[int]int{1: 0}
	var trace []map[int]int
	for d := 0; d <= min(len(a)+len(b), maxScript); d++ {
		for k := -d; k <= d; k += 2 {
			i := v[k-1] + 1
			if k == -d || (k != d && v[k-1] < v[k+1]) {
				i = v[k+1]
			}
			for i < len(a) && i-k < len(b) && i-k >= 0 && a[i] == b[i-k] {
				i++
			}
			v[k] = i
			if i >= len(a) && i-k >= len(b) {
				return append(trace, maps.Clone(v)), true
			}
		}
		trace = append(trace, maps.Clone(v))
	}
	return nil, false
}
