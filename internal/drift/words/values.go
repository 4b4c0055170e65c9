package words

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

const sensitive = "(sensitive)"

// change is "old -> new" of an attribute, "" for an object as a whole; show writes one value.
func change(f severity.Judged, show func(string) string) string {
	if f.Path == "" {
		return ""
	}
	if f.Masked {
		return sensitive + " -> " + sensitive
	}
	from, to := f.Recorded, f.Real
	if f.Kind == classify.Pending {
		from, to = f.Real, f.Wanted
		if f.Unknown {
			return show(value(from)) + " -> (known after apply)"
		}
	}
	return show(value(from)) + " -> " + show(value(to))
}

// value writes a value as JSON does, in one line that is not long.
func value(v any) string {
	if v == nil {
		return "null"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "?"
	}
	return Cut(strings.TrimSpace(b.String()), maxValue)
}

// Plain makes one line of printable characters. Characters that turn the direction of text or
// that nobody sees are replaced: they could make an address look like another.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029:
			return '�'
		}
		return r
	}, s)
}

// Escape makes text that Markdown shows as it is: no link, no image, no HTML, no mention.
func Escape(s string) string {
	var b strings.Builder
	for _, r := range Plain(s) {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@':
			b.WriteString("&#64;")
		case '\\', '`', '*', '_', '[', ']', '#', '|', '~', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "://", ":&#47;/")
}

// Code shows text as code. The fence is longer than every row of backquotes in it.
func Code(s string) string {
	s = Plain(s)
	longest, run := 0, 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.HasPrefix(s, " ") || s == "" {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// Cut shortens text to so many characters.
func Cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	return string(runes[:limit-1]) + "…"
}

// CutLines shortens text at the end of a line, so that no markup stays open.
func CutLines(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)[:limit-2]
	kept := string(runes)
	if i := strings.LastIndexByte(kept, '\n'); i > 0 {
		kept = kept[:i]
	}
	return kept + "\n…"
}
