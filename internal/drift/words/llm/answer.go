package llm

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/drift/words"
)

// answer is what the model says, as the schema demands it.
type answer struct {
	Severity    severity.Level `json:"severity"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
}

// parse checks an answer against the schema: not every server does.
func parse(content string) (answer, error) {
	d := json.NewDecoder(strings.NewReader(content))
	d.DisallowUnknownFields()
	var a answer
	if err := d.Decode(&a); err != nil || d.More() {
		return answer{}, fmt.Errorf("%w: its content is not the JSON of the schema", ErrAnswer)
	}
	switch {
	case a.Severity.Rank() < 0:
		return answer{}, fmt.Errorf("%w: its severity is none", ErrAnswer)
	case strings.TrimSpace(a.Summary) == "" || utf8.RuneCountInString(a.Summary) > words.MaxSummary:
		return answer{}, fmt.Errorf("%w: its summary is empty or too long", ErrAnswer)
	case strings.TrimSpace(a.Description) == "" || utf8.RuneCountInString(a.Description) > words.MaxDescription:
		return answer{}, fmt.Errorf("%w: its description is empty or too long", ErrAnswer)
	}
	return a, nil
}

// limit moves the severity towards what the model says, by one step at most and never down from
// critical. What is harmless by the rules stays so.
func limit(v severity.Verdict, said severity.Level) severity.Level {
	switch {
	case v.Severity == severity.Critical || v.Severity == severity.Info:
		return v.Severity
	case said.Rank() > v.Severity.Rank():
		return v.Severity.Raise(1)
	case said.Rank() < v.Severity.Rank():
		return v.Severity.Raise(-1)
	}
	return v.Severity
}

// merge puts the model's words before the deterministic ones.
func (a answer) merge(level severity.Level, text words.Text, names map[string]string) words.Text {
	summary := strings.Join(strings.Fields(restore(bare(a.Summary), names, func(s string) string { return s }, func(s string) string { return s })), " ")
	out := text
	out.Summary = words.Cut(fmt.Sprintf("[%s] %s", level, summary), words.MaxSummary)
	var lines []string
	for line := range strings.Lines(bare(a.Description)) {
		lines = append(lines, restore(strings.TrimSpace(line), names, words.Escape, words.Code))
	}
	said := strings.TrimSpace(strings.Join(lines, "\n"))
	out.Description = words.CutLines("**In short** (written by a model)\n\n"+said+"\n\n"+text.Description, words.MaxDescription)
	return out
}

var (
	links   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	tags    = regexp.MustCompile(`<[^>]*>?`)
	urls    = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:/*[^\s]*[/.][^\s]*|\bwww\.[^\s]+`)
	aliases = regexp.MustCompile(`\b[a-z0-9_]+\.r\d+\b`)
)

// bare drops links, images and HTML.
func bare(s string) string {
	s = links.ReplaceAllString(s, "$1")
	s = tags.ReplaceAllString(s, "")
	return urls.ReplaceAllString(s, "(link removed)")
}

// restore puts the real addresses in place of the aliases; other is applied to all other text.
func restore(s string, names map[string]string, other, address func(string) string) string {
	var out strings.Builder
	last := 0
	for _, at := range aliases.FindAllStringIndex(s, -1) {
		name, known := names[s[at[0]:at[1]]]
		if !known {
			continue
		}
		out.WriteString(other(s[last:at[0]]))
		out.WriteString(address(words.Plain(name)))
		last = at[1]
	}
	out.WriteString(other(words.Plain(s[last:])))
	return out.String()
}
