package adopt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// edit puts text in the place of some bytes of a file.
type edit struct {
	file     string
	from, to int
	text     string
	line     int
}

func (e *editor) put(file string, from, to hcl.Pos, text string) {
	e.edits = append(e.edits, edit{file, from.Byte, to.Byte, text, from.Line})
}

// apply makes the edits of a finding, if the files are still valid then.
func (e *editor) apply() error {
	after := map[string][]byte{}
	slices.SortStableFunc(e.edits, func(a, b edit) int { return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.from, b.from)) })
	for file, edits := range group(e.edits) {
		src := e.content(file)
		var out bytes.Buffer
		at := 0
		for _, x := range edits {
			if x.from < at {
				return reason("Its parts in the code overlap.")
			}
			out.Write(src[at:x.from])
			out.WriteString(x.text)
			at = x.to
		}
		out.Write(src[at:])
		if _, diags := hclsyntax.ParseConfig(out.Bytes(), file, hcl.InitialPos); diags.HasErrors() || !utf8.Valid(out.Bytes()) {
			return reason("The code could not be edited so that it is valid.")
		}
		after[file] = out.Bytes()
	}
	for file, content := range after {
		e.now[file] = content
		delete(e.parsed, file)
	}
	return nil
}

func group(edits []edit) map[string][]edit {
	out := map[string][]edit{}
	for _, x := range edits {
		out[x.file] = append(out[x.file], x)
	}
	return out
}

// lineOf returns where the line of a position begins and ends, without its line break.
func lineOf(src []byte, at int) (from, to int) {
	from = bytes.LastIndexByte(src[:at], '\n') + 1
	to = len(src)
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		to = at + i
	}
	if to > at && src[to-1] == '\r' {
		to--
	}
	return from, to
}

// indent is the white space that a line begins with.
func indent(src []byte, at int) string {
	from, to := lineOf(src, at)
	line := src[from:to]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// newline is the line break of a file.
func newline(src []byte) string {
	if i := bytes.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// replace writes a value in the place of an expression, in its manner.
func (e *editor) replace(file string, x hclsyntax.Expression, was, value any) {
	src, r := e.content(file), x.Range()
	old := src[r.Start.Byte:r.End.Byte]
	in := indent(src, r.Start.Byte)
	if s, ok := value.(string); ok {
		if _, number := was.(json.Number); number && plainNumber.MatchString(s) {
			e.put(file, r.Start, r.End, s)
			return
		}
		if again, ok := heredoc(old, s); ok {
			e.put(file, r.Start, r.End, again)
			return
		}
	}
	text := render(value, in, bytes.ContainsRune(old, '\n') && !bytes.HasPrefix(old, []byte("<<")))
	if bytes.HasPrefix(old, []byte("<<")) && bytes.HasSuffix(old, []byte("\n")) {
		text += "\n" // which belongs to the heredoc
	}
	e.put(file, r.Start, r.End, strings.ReplaceAll(text, "\n", newline(src)))
}

var (
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})$`)
	opening     = regexp.MustCompile(`^<<([A-Za-z_][A-Za-z0-9_-]*)\r?\n`)
)

// heredoc writes a text of lines as the one that was there: only without indentation, which
// would change the text.
func heredoc(old []byte, s string) (string, bool) {
	m := opening.FindSubmatch(old)
	if m == nil || !strings.HasSuffix(s, "\n") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == utf8.RuneError }) ||
		strings.Contains(s, "\n"+string(m[1])) || strings.HasPrefix(s, string(m[1])) || bytes.Contains(old, []byte("\r\n")) {
		return "", false
	}
	end := string(m[1])
	if bytes.HasSuffix(old, []byte("\n")) {
		end += "\n"
	}
	return "<<" + string(m[1]) + "\n" + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s) + end, true
}

// addAttribute adds an attribute to a body.
func (e *editor) addAttribute(file string, body *hclsyntax.Body, name string, value any) {
	src := e.content(file)
	inner := e.innerIndent(src, body)
	after := e.lastAttribute(body)
	pad := name
	if after != nil {
		pad = align(name, after.NameRange.Start, after.EqualsRange.Start)
	}
	e.addLines(file, body, after, inner+pad+" = "+render(value, inner, false))
}

// align pads a name so that its equals sign stands below that of the line before.
func align(name string, start, equals hcl.Pos) string {
	if start.Line == equals.Line && equals.Column-start.Column-1 > len(name) {
		name += strings.Repeat(" ", equals.Column-start.Column-1-len(name))
	}
	return name
}

// lastAttribute is the last attribute before the first block of a body.
func (e *editor) lastAttribute(body *hclsyntax.Body) *hclsyntax.Attribute {
	first := -1
	for _, b := range body.Blocks {
		if at := b.TypeRange.Start.Byte; first < 0 || at < first {
			first = at
		}
	}
	var last *hclsyntax.Attribute
	for _, a := range body.Attributes {
		if (first < 0 || a.SrcRange.Start.Byte < first) && (last == nil || a.SrcRange.Start.Byte > last.SrcRange.Start.Byte) {
			last = a
		}
	}
	return last
}

func (e *editor) innerIndent(src []byte, body *hclsyntax.Body) string {
	if a := e.lastAttribute(body); a != nil && a.SrcRange.Start.Line != body.SrcRange.Start.Line {
		return indent(src, a.SrcRange.Start.Byte)
	}
	return indent(src, body.SrcRange.Start.Byte) + "  "
}

// addLines adds lines to a body, behind an attribute or at its beginning.
func (e *editor) addLines(file string, body *hclsyntax.Body, after *hclsyntax.Attribute, lines string) {
	src, nl := e.content(file), newline(e.content(file))
	lines = strings.ReplaceAll(lines, "\n", nl)
	open, end := braces(src, body)
	if !bytes.ContainsRune(src[open:end], '\n') { // all on one line
		inside := strings.TrimSpace(string(src[open+1 : end]))
		if inside != "" {
			inside = nl + e.innerIndent(src, body) + inside
		}
		for i := range e.edits { // another line of the same body
			if e.edits[i].file == file && e.edits[i].from == open+1 {
				e.edits[i].text = strings.TrimSuffix(e.edits[i].text, indent(src, open)) + lines + nl + indent(src, open)
				return
			}
		}
		e.edits = append(e.edits, edit{file, open + 1, end, inside + nl + lines + nl + indent(src, open), body.SrcRange.Start.Line})
		return
	}
	at := body.SrcRange.Start
	if after != nil {
		at = after.SrcRange.End
	}
	_, to := lineOf(src, at.Byte)
	if after != nil && at.Column == 1 { // behind a heredoc that owns its line break
		to, lines = at.Byte, strings.TrimPrefix(lines, nl)+nl
		e.edits = append(e.edits, edit{file, to, to, lines, at.Line})
		return
	}
	e.edits = append(e.edits, edit{file, to, to, nl + lines, at.Line})
}

// braces are where a body of a block begins and ends. The range of one on a single line is
// that of what is in it.
func braces(src []byte, body *hclsyntax.Body) (open, end int) {
	open, end = body.SrcRange.Start.Byte, body.SrcRange.End.Byte-1
	if src[open] != '{' {
		open = bytes.LastIndexByte(src[:open], '{')
		end += 1 + bytes.IndexByte(src[end+1:], '}')
	}
	return open, end
}

// removeAttribute removes an attribute, with its line.
func (e *editor) removeAttribute(file string, a *hclsyntax.Attribute, v sides) error {
	if err := agrees(a.Expr, v.wanted); err != nil {
		return err
	}
	e.removeLines(file, a.SrcRange)
	return nil
}

// removeLines removes a range, with the whole lines that it is on if nothing but a comment is
// there besides.
func (e *editor) removeLines(file string, r hcl.Range) {
	src := e.content(file)
	from, _ := lineOf(src, r.Start.Byte)
	end := r.End.Byte
	if end > r.Start.Byte && src[end-1] == '\n' {
		end-- // of a heredoc
	}
	_, to := lineOf(src, end)
	rest := strings.TrimSpace(string(src[end:to]))
	if strings.TrimSpace(string(src[from:r.Start.Byte])) != "" || (rest != "" && !strings.HasPrefix(rest, "#") && !strings.HasPrefix(rest, "//")) {
		e.put(file, r.Start, r.End, "")
		return
	}
	if i := bytes.IndexByte(src[to:], '\n'); i >= 0 {
		to += i + 1
	}
	e.edits = append(e.edits, edit{file, from, to, "", r.Start.Line})
}

// removeBlock removes a block with its lines, and one of two empty lines around it.
func (e *editor) removeBlock(file string, b *hclsyntax.Block) {
	n := len(e.edits)
	e.removeLines(file, b.Range())
	e.removeLines(file, hcl.Range{Start: b.TypeRange.Start, End: b.CloseBraceRange.End})
	e.edits = append(e.edits[:n], e.edits[n+1:]...)
	x, src := &e.edits[n], e.content(file)
	before := x.from == 0 || bytes.HasSuffix(src[:x.from], []byte("\n\n")) || bytes.HasSuffix(src[:x.from], []byte("\n\r\n"))
	if rest := src[x.to:]; before && len(rest) > 0 {
		if bytes.HasPrefix(rest, []byte("\n")) {
			x.to++
		} else if bytes.HasPrefix(rest, []byte("\r\n")) {
			x.to += 2
		}
	}
}

// addBlock adds a block behind another one, or at the end of the body.
func (e *editor) addBlock(file string, body *hclsyntax.Body, after *hclsyntax.Block, name string, object map[string]any) {
	src, nl := e.content(file), newline(e.content(file))
	inner := e.innerIndent(src, body)
	var same *hclsyntax.Block
	for _, b := range body.Blocks {
		if b.Type == name {
			same = b
			inner = indent(src, b.TypeRange.Start.Byte)
		}
	}
	if after == nil {
		after = same
	}
	if after == nil && len(body.Blocks) > 0 {
		after = body.Blocks[len(body.Blocks)-1]
	}
	text := block(name, object, inner)
	if after == nil {
		e.addLines(file, body, e.lastAttribute(body), text)
		return
	}
	_, to := lineOf(src, after.CloseBraceRange.End.Byte)
	e.edits = append(e.edits, edit{file, to, to, nl + strings.ReplaceAll(text, "\n", nl), after.CloseBraceRange.Start.Line})
}

// block writes a block with what says something.
func block(name string, object map[string]any, in string) string {
	width := 0
	var attributes, blocks []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		v := object[key]
		if list, ok := v.([]any); same(v, nil) || (ok && len(list) == 0) {
			continue
		}
		if list, ok := v.([]any); ok && objects(list) {
			blocks = append(blocks, key)
			continue
		}
		attributes = append(attributes, key)
		width = max(width, len(key))
	}
	var out strings.Builder
	out.WriteString(in + name + " {\n")
	for _, key := range attributes {
		out.WriteString(in + "  " + key + strings.Repeat(" ", width-len(key)) + " = " + render(object[key], in+"  ", false) + "\n")
	}
	for _, key := range blocks {
		for _, one := range object[key].([]any) {
			out.WriteString(block(key, one.(map[string]any), in+"  ") + "\n")
		}
	}
	out.WriteString(in + "}")
	return out.String()
}
