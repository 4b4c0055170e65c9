package adopt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// addItem adds a member to an object that is written out.
func (e *editor) addItem(file string, x *hclsyntax.ObjectConsExpr, key string, value any) {
	src, nl := e.content(file), newline(e.content(file))
	in := indent(src, x.SrcRange.Start.Byte)
	if len(x.Items) == 0 {
		for i := range e.edits { // another member of the same object
			if e.edits[i].file == file && e.edits[i].from == x.SrcRange.Start.Byte {
				e.edits[i].text = strings.TrimSuffix(e.edits[i].text, "}") + "  " + word(key) + " = " + render(value, in+"  ", false) + nl + in + "}"
				return
			}
		}
		e.put(file, x.SrcRange.Start, x.SrcRange.End, strings.ReplaceAll(render(map[string]any{key: value}, in, true), "\n", nl))
		return
	}
	last := x.Items[len(x.Items)-1]
	end := last.ValueExpr.Range().End
	equals := src[last.KeyExpr.Range().End.Byte:last.ValueExpr.Range().Start.Byte]
	if end.Line == x.SrcRange.End.Line { // the brace is on the same line
		sign := " = "
		if bytes.ContainsRune(equals, ':') {
			sign = ": "
		}
		text := ", " + word(key) + sign + render(value, in, false)
		rest := src[end.Byte : x.SrcRange.End.Byte-1]
		if i := bytes.IndexByte(rest, ','); i >= 0 {
			end.Byte += i + 1
			text = text[1:]
		}
		e.put(file, end, end, text)
		return
	}
	in = indent(src, last.KeyExpr.Range().Start.Byte)
	name, sign := word(key), " = "
	if bytes.ContainsRune(equals, ':') {
		sign = ": "
	} else if i := bytes.IndexByte(equals, '='); i > 0 {
		from := last.KeyExpr.Range().Start
		name = align(name, from, hcl.Pos{Line: from.Line, Column: from.Column + last.KeyExpr.Range().End.Byte - from.Byte + i})
	}
	_, to := lineOf(src, end.Byte)
	text := in + name + sign + render(value, in, false)
	if bytes.HasPrefix(bytes.TrimLeft(src[end.Byte:to], " \t"), []byte(",")) {
		text += ","
	}
	text = strings.ReplaceAll(text, "\n", nl)
	if end.Column == 1 { // behind a heredoc that owns its line break
		e.edits = append(e.edits, edit{file, end.Byte, end.Byte, text + nl, end.Line})
		return
	}
	e.edits = append(e.edits, edit{file, to, to, nl + text, end.Line})
}

// removeItem removes a member: with its line, or with the comma beside it.
func (e *editor) removeItem(file string, x *hclsyntax.ObjectConsExpr, i int) {
	src := e.content(file)
	it := x.Items[i]
	from, to := it.KeyExpr.Range().Start, it.ValueExpr.Range().End
	lineFrom, _ := lineOf(src, from.Byte)
	_, lineTo := lineOf(src, max(to.Byte-1, from.Byte))
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(src[min(to.Byte, lineTo):lineTo])), ","))
	alone := strings.TrimSpace(string(src[lineFrom:from.Byte])) == "" && (rest == "" || strings.HasPrefix(rest, "#") || strings.HasPrefix(rest, "//"))
	switch {
	case alone:
		if j := bytes.IndexByte(src[lineTo:], '\n'); j >= 0 {
			lineTo += j + 1
		}
		e.edits = append(e.edits, edit{file, lineFrom, lineTo, "", from.Line})
	case i+1 < len(x.Items) && x.Items[i+1].KeyExpr.Range().Start.Line == to.Line:
		e.put(file, from, x.Items[i+1].KeyExpr.Range().Start, "")
	case i > 0 && x.Items[i-1].ValueExpr.Range().End.Line == from.Line:
		e.put(file, x.Items[i-1].ValueExpr.Range().End, to, "")
	default:
		e.put(file, from, to, "")
	}
}

// appendElements adds elements to the end of a list.
func (e *editor) appendElements(file string, x *hclsyntax.TupleConsExpr, values []any) {
	src, nl := e.content(file), newline(e.content(file))
	if len(x.Exprs) == 0 {
		e.put(file, x.SrcRange.Start, x.SrcRange.End, strings.ReplaceAll(render(values, indent(src, x.SrcRange.Start.Byte), false), "\n", nl))
		return
	}
	end := x.Exprs[len(x.Exprs)-1].Range().End
	between := ", "
	in := indent(src, x.Exprs[len(x.Exprs)-1].Range().Start.Byte)
	if end.Line != x.SrcRange.End.Line {
		between = "," + nl + in
	}
	var text strings.Builder
	for _, v := range values {
		text.WriteString(between + render(v, in, false))
	}
	e.put(file, end, end, text.String())
}

const maxInline = 100 // characters of a collection on one line

// render writes a value as code. Lines after the first are indented by in.
func render(v any, in string, lines bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		return string(v)
	case float64, int:
		return fmt.Sprint(v)
	case string:
		return quote(v)
	case []any:
		return renderList(v, in, lines)
	case map[string]any:
		return renderObject(v, in, lines)
	}
	return "null"
}

func renderList(list []any, in string, lines bool) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = render(e, in+"  ", false)
	}
	inline := "[" + strings.Join(parts, ", ") + "]"
	if len(list) == 0 || (!lines && len(inline) <= maxInline && !strings.Contains(inline, "\n")) {
		return inline
	}
	var out strings.Builder
	out.WriteString("[\n")
	for _, p := range parts {
		out.WriteString(in + "  " + p + ",\n")
	}
	return out.String() + in + "]"
}

func renderObject(object map[string]any, in string, lines bool) string {
	if len(object) == 0 {
		return "{}"
	}
	keys := slices.Sorted(maps.Keys(object))
	if !lines && len(keys) == 1 {
		if inline := "{ " + word(keys[0]) + " = " + render(object[keys[0]], in, false) + " }"; len(inline) <= maxInline && !strings.Contains(inline, "\n") {
			return inline
		}
	}
	width := 0
	for _, k := range keys {
		width = max(width, utf8.RuneCountInString(word(k)))
	}
	var out strings.Builder
	out.WriteString("{\n")
	for _, k := range keys {
		name := word(k)
		out.WriteString(in + "  " + name + strings.Repeat(" ", width-utf8.RuneCountInString(name)) + " = " + render(object[k], in+"  ", false) + "\n")
	}
	return out.String() + in + "}"
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// word writes the name of a member, in quotes where the language needs them.
func word(name string) string {
	switch name {
	case "for", "if", "in", "null", "true", "false", "else", "endif", "endfor":
		return quote(name)
	}
	if identifier.MatchString(name) {
		return name
	}
	return quote(name)
}

// quote writes a text in quotes; templates in it are none (HCL, "Quoted template expressions").
func quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			out.WriteString(string(r) + string(r))
		case r < ' ' || r == 0x7f || r == utf8.RuneError || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
