package classify

import "slices"

// A mask mirrors a value: true covers all that is below it. Masks of lists are merged over the
// elements, as the engines lose which element of a set a mask belongs to
// (hashicorp/terraform#29618).

// below returns the mask of a member of a map, or of any element of a list.
func below(mask, step any) any {
	switch m := mask.(type) {
	case bool:
		return m
	case map[string]any:
		if name, ok := step.(string); ok {
			return m[name]
		}
	case []any:
		var all any
		for _, e := range m {
			all = union(all, e, 0)
		}
		return all
	}
	return nil
}

// union covers what either mask covers. The elements of lists are merged to one.
func union(a, b any, depth int) any {
	if a == true || b == true || depth > maxDepth {
		return true
	}
	switch x := a.(type) {
	case map[string]any:
		y, _ := b.(map[string]any)
		out := make(map[string]any, len(x)+len(y))
		for k := range x {
			out[k] = union(x[k], y[k], depth+1)
		}
		for k := range y {
			if _, done := x[k]; !done {
				out[k] = y[k]
			}
		}
		if covers(b) && y == nil {
			return true // a list against a map: cover all
		}
		return out
	case []any:
		all := below(x, 0)
		if y, ok := b.([]any); ok {
			all = union(all, below(y, 0), depth+1)
		} else if covers(b) {
			return true
		}
		return []any{all}
	}
	return b
}

// covers says whether a mask covers anything at all.
func covers(mask any) bool {
	switch m := mask.(type) {
	case bool:
		return m
	case map[string]any:
		for _, v := range m {
			if covers(v) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(m, covers)
	}
	return false
}

// unmasked returns the value without what the masks cover.
func unmasked(v any, masks ...any) any {
	for _, m := range masks {
		if m == true {
			return nil
		}
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if kept := unmasked(e, each(masks, k)...); kept != nil {
				out[k] = kept
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		inner := each(masks, 0)
		for _, e := range v {
			out = append(out, unmasked(e, inner...))
		}
		return out
	}
	return v
}

func each(masks []any, step any) []any {
	out := make([]any, 0, len(masks))
	for _, m := range masks {
		if b := below(m, step); b != nil && b != false {
			out = append(out, b)
		}
	}
	return out
}
