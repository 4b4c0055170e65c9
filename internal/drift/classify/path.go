package classify

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// maxPath is how deep attributes are told apart; below, a value is one leaf.
const maxPath = 32

// path leads to an attribute: strings are members, ints are elements.
type path []any

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// String writes the path as code would: a.b[0]["c d"].
func (p path) String() string {
	var out strings.Builder
	for i, step := range p {
		switch step := step.(type) {
		case int:
			out.WriteString("[" + strconv.Itoa(step) + "]")
		case string:
			switch {
			case !plainName.MatchString(step):
				out.WriteString("[" + strconv.Quote(step) + "]")
			case i > 0:
				out.WriteString("." + step)
			default:
				out.WriteString(step)
			}
		}
	}
	return out.String()
}

// pattern is the path without indexes, as Options.SetAttributes names attributes.
func (p path) pattern() string {
	names := make([]string, 0, len(p))
	for _, step := range p {
		if name, ok := step.(string); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

// with returns the path one step further, which shares no memory with p.
func (p path) with(step any) path { return append(p[:len(p):len(p)], step) }

// meets says whether one of the two leads to the other. attribute is as plans write paths:
// strings and numbers.
func (p path) meets(attribute []any) bool {
	for i, step := range attribute {
		if i >= len(p) {
			return true
		}
		switch step := step.(type) {
		case string:
			if p[i] != step {
				return false
			}
		case json.Number:
			if n, err := strconv.Atoi(string(step)); err == nil && p[i] != n {
				if _, isIndex := p[i].(int); isIndex {
					return false
				}
			}
		}
	}
	return true
}
