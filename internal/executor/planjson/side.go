package planjson

import "slices"

// object is whether a value is an object, a map, or nothing.
func object(v any) bool {
	_, ok := v.(map[string]any)
	return ok || v == nil
}

// list is whether a value is a list, a set, a tuple, or nothing.
func list(v any) bool {
	_, ok := v.([]any)
	return ok || v == nil
}

// marked is whether anything is sensitive by a mark.
func marked(mark any) bool {
	switch mark := mark.(type) {
	case bool:
		return mark
	case map[string]any:
		for _, m := range mark {
			if marked(m) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(mark, marked)
	case nil:
	default:
		return true // no mark that we know
	}
	return false
}

// fits is whether a mark has the shape of its value, so that it says what is sensitive.
func (s side) fits() bool {
	if s.value == nil || !marked(s.mark) {
		return true
	}
	switch mark := s.mark.(type) {
	case bool:
		return true
	case map[string]any:
		_, ok := s.value.(map[string]any)
		return ok
	case []any:
		v, ok := s.value.([]any)
		return ok && len(v) == len(mark)
	}
	return false
}

func (s side) members() map[string]any {
	v, _ := s.value.(map[string]any)
	return v
}

func (s side) member(name string) side {
	marks, _ := s.mark.(map[string]any)
	return side{s.members()[name], marks[name]}
}

func (s side) items() []any {
	v, _ := s.value.([]any)
	return v
}

func (s side) item(i int) side {
	var of side
	if v := s.items(); i < len(v) {
		of.value = v[i]
	}
	if marks, ok := s.mark.([]any); ok && i < len(marks) {
		of.mark = marks[i]
	}
	return of
}
