package adopt

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// bare is an expression without the parentheses around it.
func bare(x hclsyntax.Expression) hclsyntax.Expression {
	for {
		inner, is := x.(*hclsyntax.ParenthesesExpr)
		if !is {
			return x
		}
		x = inner.Expression
	}
}

// calls reports whether a function is called in an expression.
func calls(x hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		_, is := n.(*hclsyntax.FunctionCallExpr)
		found = found || is
		return nil
	})
	return found
}

// literal returns the value of an expression in which everything is written out.
func literal(x hclsyntax.Expression) (any, bool) {
	if len(x.Variables()) > 0 || calls(x) {
		return nil, false
	}
	v, diags := x.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.ContainsMarked() {
		return nil, false
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	ok := d.Decode(&out) == nil
	return out, ok
}

// same reports whether two values mean the same to a provider.
func same(a, b any) bool { return bytes.Equal(canonical(a), canonical(b)) }

// canonical writes a value in one form: null, "", [] and {} are one thing, numbers and
// booleans are their text, lists of plain values have no order, and documents in strings one
// form.
func canonical(v any) []byte {
	b, err := json.Marshal(reduce(v, true))
	if err != nil {
		return []byte(err.Error()) // cannot happen for what a decoder made
	}
	return b
}

// equal is same with the order of lists.
func equal(a, b any) bool {
	x, err := json.Marshal(reduce(a, false))
	y, err2 := json.Marshal(reduce(b, false))
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

func reduce(v any, sets bool) any {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return number(v)
	case string:
		return reduceText(v, sets)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if r := reduce(e, sets); r != nil {
				out[k] = r
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = reduce(e, sets)
		}
		if sets {
			slices.SortStableFunc(out, func(a, b any) int { return bytes.Compare(mustJSON(a), mustJSON(b)) })
		}
		return out
	}
	return nil
}

func mustJSON(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func reduceText(s string, sets bool) any {
	if s == "" {
		return nil
	}
	if doc, ok := document(s); ok {
		return map[string]any{"": reduce(doc, sets)}
	}
	return s
}

// number writes a number in one form.
func number(n json.Number) string {
	if f, err := strconv.ParseFloat(string(n), 64); err == nil && len(n) < 16 {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return string(n)
}

// document decodes a text that is a JSON object or list.
func document(s string) (any, bool) {
	t := strings.TrimSpace(s)
	if len(t) < 2 || (t[0] != '{' && t[0] != '[') {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(t))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, false
	}
	return v, true
}

var shortened = regexp.MustCompile(`^\([0-9a-f]{8}, too long to show\) `)

// cut reports whether a value was shortened before it was kept (drift/scans).
func cut(v any) bool {
	s, ok := v.(string)
	return ok && shortened.MatchString(s)
}
