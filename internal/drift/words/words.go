// Package words puts a verdict into words: one line, a description, and a short list of what
// changed. The words are those of the rules, never free prose, so the same findings always read
// the same. Values come from findings that are not masked, and everything that a cloud or a
// module could have named is escaped for Markdown.
package words

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

// Text is what people read.
type Text struct {
	Summary     string // plain text, one line of at most 200 characters: the worst first, then counts
	Description string // Markdown of at most 4,000 characters
	Brief       string // plain text, a line for each attribute, at most 60 lines
}

// Limits of texts, in characters and lines.
const (
	MaxSummary     = 200
	MaxDescription = 4000
	maxBrief       = 60
	maxListed      = 10
	maxValue       = 80
)

// Of describes a verdict.
func Of(v severity.Verdict) Text {
	shown := worth(v)
	return Text{Summary: summary(v, shown), Description: description(v, shown), Brief: brief(shown)}
}

// worth are the findings that are told: what is drift, then what is pending; what differs from
// the state only is noise.
func worth(v severity.Verdict) []severity.Judged {
	var drift, pending []severity.Judged
	for _, f := range v.Findings {
		switch {
		case f.Kind.Drifted():
			drift = append(drift, f)
		case f.Kind == classify.Pending:
			pending = append(pending, f)
		}
	}
	return append(drift, pending...)
}

// summary is "[critical] SSH (22) open to the world on aws_security_group.web; +3 more in 2 resources".
func summary(v severity.Verdict, shown []severity.Judged) string {
	checks := failing(v)
	if len(shown) == 0 && len(checks) == 0 {
		return "No drift."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] ", v.Severity)
	if len(shown) > 0 && (len(checks) == 0 || shown[0].Severity.Rank() >= checks[0].Severity.Rank()) {
		fmt.Fprintf(&b, "%s on %s", Plain(shown[0].Title), Plain(shown[0].Address))
		b.WriteString(more(shown))
		if len(checks) > 0 {
			fmt.Fprintf(&b, "; %s not passing", count(len(checks), "check"))
		}
	} else {
		fmt.Fprintf(&b, "%s: %s", map[string]string{"fail": "check fails", "error": "check cannot be evaluated"}[checks[0].Status], Plain(checks[0].Address))
		if len(checks) > 1 {
			fmt.Fprintf(&b, "; +%d more", len(checks)-1)
		}
		if drifted := slices.DeleteFunc(slices.Clone(shown), func(f severity.Judged) bool { return !f.Kind.Drifted() }); len(drifted) > 0 {
			fmt.Fprintf(&b, "; drift in %s", count(resources(drifted), "resource"))
		}
	}
	return Cut(b.String(), MaxSummary)
}

func more(shown []severity.Judged) string {
	switch rest := shown[1:]; len(rest) {
	case 0:
		return ""
	default:
		return fmt.Sprintf("; +%d more in %s", len(rest), count(resources(rest), "resource"))
	}
}

// failing are the checks that do not pass, the worst first.
func failing(v severity.Verdict) []severity.JudgedCheck {
	var out []severity.JudgedCheck
	for _, c := range v.Checks {
		if c.Status == "fail" || c.Status == "error" {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b severity.JudgedCheck) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), cmp.Compare(a.Address, b.Address))
	})
	return out
}

func resources(list []severity.Judged) int {
	seen := map[string]bool{}
	for _, f := range list {
		seen[f.Address] = true
	}
	return len(seen)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// description has fixed sections: what changed, why it matters, what the next apply does, what
// one can do.
func description(v severity.Verdict, shown []severity.Judged) string {
	checks := failing(v)
	if len(shown) == 0 && len(checks) == 0 {
		return "Code, state and reality agree."
	}
	sections := []string{changed(v, shown), checked(checks), matters(shown), next(shown), options(shown)}
	sections = slices.DeleteFunc(sections, func(s string) bool { return s == "" })
	return CutLines(strings.Join(sections, "\n\n"), MaxDescription)
}

func changed(v severity.Verdict, shown []severity.Judged) string {
	if len(shown) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**What changed** (%s, %s of %d drifted)", v.Severity, count(v.Drifted, "resource"), v.Resources)
	for _, reason := range v.Reasons {
		b.WriteString(", " + Escape(reason))
	}
	b.WriteString("\n")
	for _, f := range shown[:min(len(shown), maxListed)] {
		fmt.Fprintf(&b, "\n- **%s** %s: %s", f.Severity, Code(f.Address), Escape(Plain(f.Title)))
		if values := change(f, Code); values != "" {
			b.WriteString(" (" + values + ")")
		}
		fmt.Fprintf(&b, " _%s_", f.Kind)
	}
	if rest := len(shown) - maxListed; rest > 0 {
		fmt.Fprintf(&b, "\n- and %d more", rest)
	}
	return b.String()
}

func checked(checks []severity.JudgedCheck) string {
	if len(checks) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("**Checks that do not pass**\n")
	for _, c := range checks[:min(len(checks), maxListed)] {
		fmt.Fprintf(&b, "\n- %s %s", Code(c.Address), c.Status)
		if len(c.Problems) > 0 {
			b.WriteString(": " + Escape(Cut(Plain(c.Problems[0]), 2*maxValue)))
		}
	}
	return b.String()
}

// matters lists the reasons of the rules that decided, each once.
func matters(shown []severity.Judged) string {
	var lines []string
	for _, f := range shown[:min(len(shown), maxListed)] {
		if line := "- " + Escape(Plain(f.Why)); f.Why != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "**Why it matters**\n\n" + strings.Join(lines, "\n")
}

// next says what the next apply would do to the resources that drifted.
func next(shown []severity.Judged) string {
	does := map[string][]string{}
	for _, f := range shown {
		act := action(f.Actions)
		if act != "" && !slices.Contains(does[act], f.Address) {
			does[act] = append(does[act], f.Address)
		}
	}
	var lines []string
	for _, act := range []string{"destroy", "replace", "create", "forget", "change in place"} {
		if list := does[act]; len(list) > 0 {
			lines = append(lines, fmt.Sprintf("- %s %s", act, addresses(list)))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "**What the next apply would do**\n\n" + strings.Join(lines, "\n")
}

func addresses(list []string) string {
	var names []string
	for _, a := range list[:min(len(list), 5)] {
		names = append(names, Code(a))
	}
	if rest := len(list) - 5; rest > 0 {
		names = append(names, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(names, ", ")
}

func action(actions []string) string {
	has := func(a string) bool { return slices.Contains(actions, a) }
	switch {
	case has("delete") && has("create"):
		return "replace"
	case has("delete"):
		return "destroy"
	case has("create"):
		return "create"
	case has("forget"):
		return "forget"
	case has("update"):
		return "change in place"
	}
	return ""
}

func options(shown []severity.Judged) string {
	if !slices.ContainsFunc(shown, func(f severity.Judged) bool { return f.Kind.Drifted() }) {
		return ""
	}
	var lines []string
	for _, f := range shown[:min(len(shown), maxListed)] {
		if line := "- " + Escape(Plain(f.Fix)); f.Fix != "" && !slices.Contains(lines, line) && len(lines) < 5 {
			lines = append(lines, line)
		}
	}
	lines = append(lines, "- Revert: apply the code as it is.", "- Adopt: write what is real into the code.",
		"- Ignore: add an ignore rule for the attribute, or lifecycle.ignore_changes.")
	return "**What you can do**\n\n" + strings.Join(lines, "\n")
}

// brief has a line for each finding: "~ address  path: old -> new".
func brief(shown []severity.Judged) string {
	var lines []string
	for _, f := range shown {
		if len(lines) == maxBrief-1 && len(shown) > maxBrief {
			lines = append(lines, fmt.Sprintf("... and %d more", len(shown)-len(lines)))
			break
		}
		line := sign(f) + " " + Plain(f.Address)
		if f.Path != "" {
			line += "  " + Plain(f.Path)
		}
		if values := change(f, Plain); values != "" {
			line += ": " + values
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func sign(f severity.Judged) string {
	switch {
	case f.Kind == classify.Deleted:
		return "-"
	case f.Kind == classify.Pending && action(f.Actions) == "create":
		return "+"
	case f.Kind == classify.Pending && action(f.Actions) == "destroy":
		return "-"
	case action(f.Actions) == "replace":
		return "±"
	}
	return "~"
}
