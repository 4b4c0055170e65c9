// Package masking takes sensitive values out of logs while they stream.
//
// A value is masked as it is, in base64 (also inside the base64 of something longer), with
// the escapes of JSON and with those of URLs; of a value with several lines each line counts
// too. Values of fewer than four bytes stay: masking them would make a log unreadable and tells more than
// it hides. The surprising rule: a Writer holds back the end of what it was given while
// that may be the beginning of a value, so it must be flushed when the log ends.
package masking

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"strings"
)

const (
	// Mask is what stands in a log for a value, or for several that overlap.
	Mask = "***"
	// MinLen is the length in bytes from which on a value is masked.
	MinLen = 4

	minLine = 8 // bytes of a line of a longer value
	minCore = 6 // characters of base64 that a value alone decides
)

// Masker knows the values of a run. It does not change and may be shared. The zero
// Masker masks nothing.
type Masker struct{ automaton }

// New returns a masker of values.
func New(values ...string) *Masker {
	m := &Masker{}
	for _, v := range values {
		if len(v) < MinLen {
			continue
		}
		for _, form := range forms(v) {
			m.add(form)
		}
	}
	m.link()
	return m
}

// String returns s with all values masked.
func (m *Masker) String(s string) string {
	var b strings.Builder
	w := m.Writer(&b)
	_, _ = w.Write([]byte(s)) // a Builder does not fail
	_ = w.Flush()
	return b.String()
}

// Writer returns a writer to w that masks. Flush it when the log ends.
func (m *Masker) Writer(w io.Writer) *Writer { return &Writer{masker: m, to: w} }

// forms are the texts in which a log may show value.
func forms(value string) []string {
	list := append([]string{value}, encoded(value)...)
	if !strings.ContainsAny(value, "\r\n") {
		return list
	}
	for line := range strings.SplitSeq(value, "\n") {
		if line = strings.TrimSpace(line); len(line) >= minLine {
			list = append(append(list, line), encoded(line)...)
		}
	}
	return list
}

// encoded are the forms of value in base64, JSON and URLs.
func encoded(value string) []string {
	list := []string{escaped(value, true), escaped(value, false), url.QueryEscape(value), url.PathEscape(value)}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		list = append(list, e.EncodeToString([]byte(value)))
		for offset := range 3 {
			if core := core(e, value, offset); len(core) >= minCore {
				list = append(list, core)
			}
		}
	}
	return list
}

// core is what value becomes in the base64 of a text in which it begins at offset bytes
// modulo 3, without the characters that its neighbours have a part in.
func core(e *base64.Encoding, value string, offset int) string {
	text := e.EncodeToString(append(make([]byte, offset), value...))
	from := (offset*8 + 5) / 6
	to := (offset + len(value)) * 8 / 6
	return text[from:to]
}

// escaped is value as the inside of a JSON string, with or without Go's and Terraform's
// escapes of <, > and &.
func escaped(value string, html bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if e.Encode(value) != nil {
		return value
	}
	return strings.TrimSuffix(b.String()[1:], "\"\n")
}
