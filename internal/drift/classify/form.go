package classify

import (
	"bytes"
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// form knows which values of a resource type mean the same although they are written in
// different ways.
type form struct {
	typ   string
	sets  map[string]bool // patterns of attributes that are sets; nil if no schema is known
	lists map[string]bool // patterns that a schema says are lists
}

// same says whether two values of the attribute mean the same.
func (f form) same(p path, a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	return bytes.Equal(f.canonical(p, a), f.canonical(p, b))
}

// canonical returns bytes that are equal for values that mean the same.
func (f form) canonical(p path, v any) []byte { return encode(f.reduce(p, v)) }

// encode writes a value that was decoded from JSON; members are sorted by name.
func encode(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(err.Error()) // cannot happen for what a decoder made
	}
	return out.Bytes()
}

// reduce drops what says nothing: null, "", [] and {} are one thing, numbers and booleans are
// their text, the elements of sets are sorted, documents in strings have one form.
func (f form) reduce(p path, v any) any {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return number(string(v))
	case string:
		return f.text(p, v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if r := f.reduce(p.with(k), e); r != nil {
				out[k] = r
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		return f.list(p, v)
	}
	return nil
}

func (f form) list(p path, v []any) any {
	if len(v) == 0 {
		return nil
	}
	out := make([]any, len(v))
	for i, e := range v {
		out[i] = f.reduce(p.with(i), e)
	}
	if f.isSet(p, v) {
		sortAny(out)
	}
	return out
}

// sortAny sorts values by how they are written.
func sortAny(list []any) {
	type item struct {
		key   string
		value any
	}
	items := make([]item, len(list))
	for i, v := range list {
		items[i] = item{string(encode(v)), v}
	}
	slices.SortStableFunc(items, func(a, b item) int { return strings.Compare(a.key, b.key) })
	for i := range items {
		list[i] = items[i].value
	}
}

// setNames are names of attributes whose order means nothing in any provider. Order matters
// where nobody knows better: commands, arguments and rules are lists.
var setNames = regexp.MustCompile(`^(.*_)?(cidrs?|cidr_blocks|ids|arns|security_groups|subnets|zones|source_ranges|destination_ranges|` +
	`source_tags|target_tags|members|principals|users|roles|scopes|aliases|allowed_[a-z_]+|blocked_[a-z_]+|log_types|events|tags|topics|` +
	`actions|not_actions|resources|not_resources|verbs|api_groups|redirect_uris|callback_urls|ip_rules|ip_addresses|authorized_networks)$`)

// isSet says whether the order of the list means nothing. An engine writes the elements of a
// set in one order, so a list of objects that was permuted is no set unless a schema says so.
func (f form) isSet(p path, v []any) bool {
	pattern := p.pattern()
	if f.sets[pattern] {
		return true
	}
	if f.lists[pattern] || len(p) == 0 {
		return false
	}
	name, ok := p[len(p)-1].(string)
	if !ok || !setNames.MatchString(name) {
		return false
	}
	return !slices.ContainsFunc(v, func(e any) bool {
		switch e.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

// number writes a number in one form: 1, 1.0 and 1e0 are the same.
func number(s string) string {
	if len(s) < 64 { // longer ones take long to convert, and are no ids
		if i, ok := new(big.Int).SetString(s, 10); ok {
			return i.String()
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if n == float64(int64(n)) {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

var (
	dnsTypes = regexp.MustCompile(`dns|route53|_record|_zone|domain|certificate|cloudfront`)
	dnsNames = regexp.MustCompile(`fqdn|domain|hostname|host|dns|name_?servers?|records?|zone`)
	hostname = regexp.MustCompile(`^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_-]+)+\.?$`)
)

// text reduces a string.
func (f form) text(p path, s string) any {
	if s == "" {
		return nil
	}
	if doc, ok := embedded(s); ok {
		if doc = f.document(p, doc); doc == nil {
			return nil
		}
		return map[string]any{"": doc} // no attribute has this name: never equal to an object
	}
	if strings.HasPrefix(f.typ, "azure") {
		if strings.HasPrefix(strings.ToLower(s), "/subscriptions/") {
			return strings.ToLower(s)
		}
		if len(p) > 0 && p[len(p)-1] == "location" {
			return strings.ToLower(strings.ReplaceAll(s, " ", ""))
		}
	}
	if strings.HasSuffix(s, ".") && hostname.MatchString(s) && (dnsTypes.MatchString(f.typ) || dnsNames.MatchString(p.pattern())) {
		return strings.TrimSuffix(s, ".")
	}
	return s
}

// embedded decodes a string that is a JSON object or array.
func embedded(s string) (any, bool) {
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
