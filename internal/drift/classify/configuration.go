package classify

import (
	"maps"
	"strings"
)

// readConfiguration keeps which attributes the code sets, not their values: an attribute that
// the code sets to something that is not known yet differs from one that the provider computes.
func (d *document) readConfiguration(s *stream) error {
	d.expr = map[string]any{}
	return s.object(func(key string) error {
		switch key {
		case "provider_config":
			return s.object(func(string) error { return d.readProvider(s) })
		case "root_module":
			return d.readModule(s, "")
		}
		return s.skip()
	})
}

func (d *document) readProvider(s *stream) error {
	var p struct {
		FullName   string `json:"full_name"`
		Constraint string `json:"version_constraint"`
		Module     string `json:"module_address"`
	}
	if err := s.value(&p); err != nil {
		return err
	}
	if p.FullName != "" && p.Module == "" && p.Constraint != "" {
		d.providers[p.FullName] = p.Constraint
	}
	return nil
}

func (d *document) readModule(s *stream, prefix string) error {
	return s.object(func(key string) error {
		switch key {
		case "resources":
			return s.array(func() error {
				var r struct {
					Address     string         `json:"address"`
					Mode        string         `json:"mode"`
					Expressions map[string]any `json:"expressions"`
				}
				if err := s.value(&r); err != nil {
					return err
				}
				if r.Mode == "managed" {
					d.expr[prefix+r.Address] = shape(r.Expressions, 0)
				}
				return nil
			})
		case "module_calls":
			return s.object(func(name string) error {
				return s.object(func(key string) error {
					if key != "module" {
						return s.skip()
					}
					return d.readModule(s, prefix+"module."+name+".")
				})
			})
		}
		return s.skip()
	})
}

// shape keeps where expressions are: true for an expression, maps for blocks. Elements of a
// list of blocks are merged.
func shape(e any, depth int) any {
	if depth > maxPath {
		return true
	}
	switch e := e.(type) {
	case map[string]any:
		if _, constant := e["constant_value"]; constant || isList(e["references"]) || (len(e) == 0 && depth > 0) {
			return true
		}
		out := make(map[string]any, len(e))
		for k, v := range e {
			out[k] = shape(v, depth+1)
		}
		return out
	case []any:
		merged := map[string]any{}
		for _, v := range e {
			m, ok := shape(v, depth+1).(map[string]any)
			if !ok {
				return true
			}
			maps.Copy(merged, m)
		}
		return merged
	}
	return true
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

// configured says whether the code sets the attribute; known is false if the plan does not
// tell.
func (d *document) configured(c *change, p path) (set, known bool) {
	if d.expr == nil {
		return false, false
	}
	at, ok := d.expr[withoutIndexes(c.Address)]
	if !ok {
		return false, true
	}
	for _, step := range p {
		name, isName := step.(string)
		if !isName {
			continue // the elements of a list were merged
		}
		block, isBlock := at.(map[string]any)
		if !isBlock {
			return true, true
		}
		if at, ok = block[name]; !ok {
			return false, true
		}
	}
	return true, true
}

// withoutIndexes turns the address of an instance into that of its configuration: what is in
// brackets goes, quoted brackets included.
func withoutIndexes(address string) string {
	if !strings.Contains(address, "[") {
		return address
	}
	var out strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(address); i++ {
		c := address[i]
		switch {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}
