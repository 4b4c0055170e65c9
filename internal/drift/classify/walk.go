package classify

import (
	"maps"
	"slices"
)

// sides are the values of one attribute, or of a whole object, at the four points that a plan
// tells: the state, reality as the drift saw it, reality as the change starts from, and what
// is wanted.
type sides struct {
	recorded, real, before, wanted any
	unknown                        any
	masks                          []any // of each side that has one
}

// leaf is an attribute that differs somewhere.
type leaf struct {
	path                          path
	recorded, real, wanted        any
	drifted, changed              bool
	unknown, masked, format, back bool // back: what is wanted is what was recorded
}

// walker finds the leaves of one object.
type walker struct {
	form      form
	hasDrift  bool
	hasChange bool
	leaves    []leaf
}

// step returns the sides of a member or, if the index is the same on all sides, of an element.
func (s sides) step(key any) sides {
	return sides{member(s.recorded, key), member(s.real, key), member(s.before, key), member(s.wanted, key), unknownAt(s.unknown, key), each(s.masks, key)}
}

func member(v, key any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := key.(string); ok {
			return v[name]
		}
	case []any:
		if i, ok := key.(int); ok && i < len(v) {
			return v[i]
		}
	}
	return nil
}

func unknownAt(v, key any) any {
	if v == true {
		return true
	}
	return member(v, key)
}

// values are the sides that the plan has.
func (w *walker) values(s sides) []any {
	var out []any
	if w.hasDrift {
		out = append(out, s.recorded, s.real)
	}
	if w.hasChange {
		out = append(out, s.before, s.wanted)
	}
	return out
}

// walk descends to where the sides differ. All sides are taken apart in the same way, so that
// an attribute of the drift and of the change has one path.
func (w *walker) walk(p path, s sides) {
	if w.settled(p, s) {
		return
	}
	if slices.Contains(s.masks, any(true)) || (w.hasChange && s.unknown == true) || len(p) >= maxPath {
		w.leaf(p, s)
		return
	}
	if names, ok := w.members(s); ok {
		for _, name := range names {
			w.walk(p.with(name), s.step(name))
		}
		return
	}
	if !w.elements(p, s) {
		w.leaf(p, s)
	}
}

// settled says whether nothing differs here or below, not even in form.
func (w *walker) settled(p path, s sides) bool {
	if w.hasChange && covers(s.unknown) {
		return false
	}
	values := w.values(s)
	for i := 0; i+1 < len(values); i += 2 {
		if !identical(values[i], values[i+1]) {
			return false
		}
	}
	return true
}

// members returns the names of all sides if all are maps or nothing.
func (w *walker) members(s sides) ([]string, bool) {
	names, found := map[string]bool{}, false
	for _, v := range w.values(s) {
		m, ok := v.(map[string]any)
		if !ok && v != nil {
			return nil, false
		}
		found = found || ok
		for name := range m {
			names[name] = true
		}
	}
	if u, ok := s.unknown.(map[string]any); ok && w.hasChange {
		for name := range u {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), found
}

// elements descends into a list of blocks, as far as it can tell which element became which:
// those that differ at the same position, or the only one that is not on all sides. It reports
// false where the list is one leaf: a set, a list of plain values, a list that grew.
func (w *walker) elements(p path, s sides) bool {
	values := w.values(s)
	lists := make([][]any, len(values))
	for i, v := range values {
		list, ok := v.([]any)
		if !ok || !blocks(list) || len(list) != len(values[0].([]any)) {
			return false
		}
		lists[i] = list
	}
	if len(lists) == 0 || len(lists[0]) == 0 || w.form.sets[p.pattern()] {
		return false
	}
	keys := make([][]string, len(lists))
	for i, list := range lists {
		for _, e := range list {
			keys[i] = append(keys[i], string(w.form.canonical(p, e)))
		}
	}
	if differing := positions(keys); !permuted(keys, differing) || len(differing) == 1 || w.form.lists[p.pattern()] {
		for i := range lists[0] { // also where only the form or an unknown value differs
			w.walk(p.with(i), s.step(i))
		}
		return true
	}
	return w.single(p, s, keys)
}

// blocks says whether all elements are objects.
func blocks(list []any) bool {
	return !slices.ContainsFunc(list, func(e any) bool { _, ok := e.(map[string]any); return !ok })
}

// positions returns where the lists do not agree.
func positions(keys [][]string) []int {
	var out []int
	for i := range keys[0] {
		if slices.ContainsFunc(keys, func(k []string) bool { return k[i] != keys[0][i] }) {
			out = append(out, i)
		}
	}
	return out
}

// permuted says whether an element of one side is elsewhere on another, which is what happens
// to a set when one of its elements changes.
func permuted(keys [][]string, differing []int) bool {
	for _, i := range differing {
		for _, k := range keys {
			for _, other := range keys {
				if k[i] != other[i] && slices.Contains(other, k[i]) {
					return true
				}
			}
		}
	}
	return false
}

// single descends into the one element that is not on all sides.
func (w *walker) single(p path, s sides, keys [][]string) bool {
	rest := make([]int, len(keys))
	for side, list := range keys {
		left := leftOver(list, keys)
		if len(left) != 1 {
			return false
		}
		rest[side] = left[0]
	}
	values := w.values(s)
	picked := make([]any, 0, 4)
	for i, v := range values {
		picked = append(picked, v.([]any)[rest[i]])
	}
	inner := sides{masks: each(s.masks, 0)}
	if w.hasDrift {
		inner.recorded, inner.real, picked = picked[0], picked[1], picked[2:]
	}
	at := rest[len(rest)-1]
	if w.hasDrift {
		at = rest[1] // of reality
	}
	if w.hasChange {
		inner.before, inner.wanted = picked[0], picked[1]
		inner.unknown = unknownAt(s.unknown, rest[len(rest)-1])
	}
	w.walk(p.with(at), inner)
	return true
}

// leftOver returns the positions of what is not in all lists, as often as it is more than in
// the list that has it least.
func leftOver(list []string, all [][]string) []int {
	common := map[string]int{}
	for i, l := range all {
		count := map[string]int{}
		for _, k := range l {
			count[k]++
		}
		if i == 0 {
			common = count
			continue
		}
		for k := range common {
			common[k] = min(common[k], count[k])
		}
	}
	var out []int
	for i, k := range list {
		if common[k] > 0 {
			common[k]--
			continue
		}
		out = append(out, i)
	}
	return out
}

// leaf notes the attribute if it differs.
func (w *walker) leaf(p path, s sides) {
	l := leaf{path: p, recorded: s.recorded, real: s.real, wanted: s.wanted, unknown: w.hasChange && covers(s.unknown)}
	for _, m := range s.masks {
		l.masked = l.masked || covers(m)
	}
	l.drifted = w.hasDrift && !w.form.same(p, s.recorded, s.real)
	l.changed = w.hasChange && (l.unknown || !w.form.same(p, s.before, s.wanted))
	l.back = l.changed && !l.unknown && w.form.same(p, s.recorded, s.wanted)
	l.format = !l.drifted && !l.changed && documents(s.recorded, s.real, s.before, s.wanted)
	if !w.hasDrift {
		l.recorded, l.real = s.before, s.before
	}
	if !w.hasChange {
		l.wanted = l.real
	}
	if l.unknown {
		l.wanted = nil
	}
	if l.drifted || l.changed || l.format {
		w.leaves = append(w.leaves, l)
	}
}

// documents says whether a side is a JSON document, so that other sides differ in form only.
func documents(values ...any) bool {
	return slices.ContainsFunc(values, func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		_, is := embedded(s)
		return is
	})
}
