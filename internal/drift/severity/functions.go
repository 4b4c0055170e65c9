package severity

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	lru "github.com/hashicorp/golang-lru/v2"
)

// functions are what conditions may call beside what CEL has.
//
//	world(x)              a range of addresses or a name that is everybody is somewhere in x
//	opens(before, after)  everybody is in after and was not in before
//	closes(before, after) everybody was in before and is not in after
//	ports(x)              the ports in x that are sensitive, as texts; ["all"] for all ports
//	exposes(before, after, block)  the sensitive ports that are newly open to everybody
//	wildcard(policy)      the policy allows to administer
//	public_principal(policy)  the policy allows everybody without condition
//	foreign(before, after)  after names an account that before does not
//	gained(before, after), lost(before, after)  elements or members that are new, or gone
//	reduced(before, after)  a smaller number, fewer elements, off
//	removed(before, after)  was there or on, is empty or off
//	is_false(x), is_true(x)  off and on in the words of providers
//	mentions(x, regex)    a text in x matches, at any depth
//	older(a, b)           version a comes before b; false if one is no version
//	index(list, x)        the position of x in list, -1 if it is not in it
//	weaker_tls(before, after)  the version in after is lower
func functions() []cel.EnvOption {
	return []cel.EnvOption{
		predicate1("world", world),
		predicate2("opens", func(b, a any) bool { return world(elementsOf(gained(b, a))) }),
		predicate2("closes", func(b, a any) bool { return world(b) && !world(a) }),
		predicate1("wildcard", wildcard),
		predicate1("public_principal", publicPrincipal),
		predicate2("foreign", foreign),
		predicate2("reduced", reduced),
		predicate2("removed", removed),
		predicate1("is_false", isFalse),
		predicate1("is_true", isTrue),
		predicate2("mentions", func(x, re any) bool { return mentions(x, fmt.Sprint(re)) }),
		predicate2("weaker_tls", weakerTLS),
		predicate2("older", older),
		cel.Function("index", cel.Overload("index_list_dyn", []*cel.Type{cel.ListType(cel.DynType), cel.DynType}, cel.IntType,
			cel.BinaryBinding(func(x, y ref.Val) ref.Val { return types.Int(index(native(x), native(y))) }))),
		list("ports", 1, func(x []any) []any { return asList(ports(x[0])) }),
		list("exposes", 3, func(x []any) []any { return asList(exposes(x[0], x[1], x[2])) }),
		list("gained", 2, func(x []any) []any { return gained(x[0], x[1]) }),
		list("lost", 2, func(x []any) []any { return gained(x[1], x[0]) }),
	}
}

func predicate1(name string, f func(any) bool) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, cel.BoolType,
		cel.UnaryBinding(func(x ref.Val) ref.Val { return types.Bool(f(native(x))) })))
}

func predicate2(name string, f func(a, b any) bool) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_dyn_dyn", []*cel.Type{cel.DynType, cel.DynType}, cel.BoolType,
		cel.BinaryBinding(func(x, y ref.Val) ref.Val { return types.Bool(f(native(x), native(y))) })))
}

func list(name string, arguments int, f func([]any) []any) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_list", slices.Repeat([]*cel.Type{cel.DynType}, arguments), cel.ListType(cel.DynType),
		cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			in := make([]any, len(args))
			for i, a := range args {
				in[i] = native(a)
			}
			return types.DefaultTypeAdapter.NativeToValue(f(in))
		})))
}

// native turns a value of CEL into what JSON decoders make.
func native(v ref.Val) any {
	switch v := v.(type) {
	case traits.Mapper:
		if m, ok := v.Value().(map[string]any); ok {
			return m
		}
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			out[fmt.Sprint(key.Value())] = native(v.Get(key))
		}
		return out
	case traits.Lister:
		if l, ok := v.Value().([]any); ok {
			return l
		}
		out := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			out = append(out, native(it.Next()))
		}
		return out
	case types.Null:
		return nil
	}
	return v.Value()
}

func asList(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// texts calls yes for every text in x until it says true.
func texts(x any, yes func(string) bool) bool {
	switch x := x.(type) {
	case string:
		return yes(x)
	case []any:
		return slices.ContainsFunc(x, func(e any) bool { return texts(e, yes) })
	case map[string]any:
		for _, e := range x {
			if texts(e, yes) {
				return true
			}
		}
	}
	return false
}

var everybody = []string{"0.0.0.0/0", "::/0", "*", "internet", "any", "allusers", "allauthenticatedusers", "0.0.0.0", "everyone"}

// world says whether everybody is in x. Short forms such as tcp:22:0.0.0.0/0 count too.
func world(x any) bool {
	return texts(x, func(s string) bool {
		s = strings.ToLower(strings.TrimSpace(s))
		return slices.Contains(everybody, s) || strings.HasSuffix(s, "0.0.0.0/0") || strings.HasSuffix(s, "::/0")
	})
}

// gained returns the elements of after that before does not have; of a map, its members; of
// anything else after itself if it differs.
func gained(before, after any) []any {
	a, isList := after.([]any)
	if !isList {
		if m, ok := after.(map[string]any); ok {
			return gainedMembers(before, m)
		}
		if empty(after) || key(before) == key(after) {
			return nil
		}
		return []any{after}
	}
	had := map[string]int{}
	b, _ := before.([]any)
	for _, e := range b {
		had[key(e)]++
	}
	var out []any
	for _, e := range a {
		if k := key(e); had[k] > 0 {
			had[k]--
			continue
		}
		out = append(out, e)
	}
	return out
}

func gainedMembers(before any, after map[string]any) []any {
	b, _ := before.(map[string]any)
	var out []any
	for k, v := range after {
		if key(b[k]) != key(v) {
			out = append(out, map[string]any{k: v})
		}
	}
	return out
}

func elementsOf(list []any) any { return list }

// key is a text that is equal for equal values; fmt sorts the keys of maps.
func key(v any) string { return fmt.Sprintf("%v", v) }

// empty says whether there is nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

var offWords = []string{"false", "off", "disabled", "disable", "none", "suspended", "no", "inactive", "0", "disabled_mode"}

func isFalse(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case int64:
		return v == 0
	case float64:
		return v == 0
	case string:
		return v == "" || slices.Contains(offWords, strings.ToLower(v))
	}
	return empty(v)
}

func isTrue(v any) bool { return !isFalse(v) }

// removed says whether something that was there or on is not any more.
func removed(before, after any) bool {
	if isFalse(before) {
		return false
	}
	if isFalse(after) {
		return true
	}
	if list, ok := before.([]any); ok && len(list) > 0 { // a block whose switch is off
		if l, ok := after.([]any); ok && len(l) == len(list) {
			b, bIs := list[0].(map[string]any)
			a, aIs := l[0].(map[string]any)
			return bIs && aIs && isTrue(b["enabled"]) && a["enabled"] != nil && isFalse(a["enabled"])
		}
	}
	return false
}

// reduced says whether after is less than before.
func reduced(before, after any) bool {
	if removed(before, after) {
		return true
	}
	if b, ok := numeric(before); ok {
		a, ok := numeric(after)
		return ok && a < b
	}
	if b, ok := before.([]any); ok {
		a, _ := after.([]any)
		return len(gained(after, before)) > 0 && len(a) <= len(b)
	}
	return false
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

// expressions are compiled patterns by their text.
var expressions = sync.OnceValues(func() (*lru.Cache[string, *regexp.Regexp], error) {
	return lru.New[string, *regexp.Regexp](1024)
})

// mentions says whether a text in x matches; a pattern that is wrong matches nothing.
func mentions(x any, pattern string) bool {
	cache, err := expressions()
	if err != nil {
		return false
	}
	re, ok := cache.Get(pattern)
	if !ok {
		if re, err = regexp.Compile(`(?i)` + pattern); err != nil {
			return false
		}
		cache.Add(pattern, re)
	}
	return texts(x, re.MatchString)
}

var tlsVersion = regexp.MustCompile(`1[._-]?([0-3])(?:\D|$)|TLSV(1)(?:_|$)|(SSLV)`)

// weakerTLS compares the lowest versions that the values name, such as TLS1_2 or
// ELBSecurityPolicy-TLS-1-2-2017-01.
func weakerTLS(before, after any) bool {
	b, okB := tlsFloor(before)
	a, okA := tlsFloor(after)
	return okA && okB && a < b
}

func tlsFloor(v any) (int, bool) {
	floor, found := 9, false
	texts(v, func(s string) bool {
		s = strings.ToUpper(s)
		for _, m := range tlsVersion.FindAllStringSubmatch(s, -1) {
			n := -1 // SSL; TLSv1 alone is 1.0
			if m[1] != "" {
				n, _ = strconv.Atoi(m[1])
			} else if m[2] != "" {
				n = 0
			}
			floor, found = min(floor, n), true
		}
		return false
	})
	return floor, found
}

func index(list, x any) int {
	l, _ := list.([]any)
	return slices.IndexFunc(l, func(e any) bool { return key(e) == key(x) })
}

var versionText = regexp.MustCompile(`^v?\d+(\.\d+)*`)

// older compares versions number by number.
func older(a, b any) bool {
	x, y := versionText.FindString(key(a)), versionText.FindString(key(b))
	if x == "" || y == "" {
		return false
	}
	xs, ys := strings.Split(strings.TrimPrefix(x, "v"), "."), strings.Split(strings.TrimPrefix(y, "v"), ".")
	for i := range max(len(xs), len(ys)) {
		if p, q := part(xs, i), part(ys, i); p != q {
			return p < q
		}
	}
	return false
}

func part(list []string, i int) int {
	if i >= len(list) {
		return 0
	}
	n, err := strconv.Atoi(list[i])
	if err != nil {
		return 0
	}
	return n
}
