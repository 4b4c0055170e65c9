package classify

import (
	"encoding/json"
	"fmt"
)

// kinds tells sets from lists, by resource type and pattern.
type kinds struct{ sets, lists map[string]map[string]bool }

func (k kinds) form(typ string) form { return form{typ: typ, sets: k.sets[typ], lists: k.lists[typ]} }

func (k kinds) add(typ, pattern string, set bool) {
	to := k.lists
	if set {
		to = k.sets
	}
	if to[typ] == nil {
		to[typ] = map[string]bool{}
	}
	to[typ][pattern] = true
}

// readKinds collects the sets and lists of resource types out of the options.
func readKinds(o Options) (kinds, error) {
	k := kinds{map[string]map[string]bool{}, map[string]map[string]bool{}}
	for typ, patterns := range o.SetAttributes {
		for _, pattern := range patterns {
			k.add(typ, pattern, true)
		}
	}
	if o.Schemas == nil {
		return k, nil
	}
	s, err := newStream(o.Schemas, o.MaxBytes)
	if err != nil {
		return k, err
	}
	if err := k.readSchemas(s); err != nil {
		return k, fmt.Errorf("the schemas cannot be read: %w", err)
	}
	return k, nil
}

func (k kinds) readSchemas(s *stream) error {
	return s.object(func(key string) error {
		if key != "provider_schemas" {
			return s.skip()
		}
		return s.object(func(string) error { // a provider
			return s.object(func(key string) error {
				if key != "resource_schemas" {
					return s.skip()
				}
				return s.object(func(typ string) error {
					var schema struct {
						Block block `json:"block"`
					}
					if err := s.value(&schema); err != nil {
						return err
					}
					k.addBlock(typ, "", schema.Block, 0)
					return nil
				})
			})
		})
	})
}

// block and attribute are the parts of a schema that tell sets from lists
// (https://developer.hashicorp.com/terraform/cli/commands/providers/schema).
type block struct {
	Attributes map[string]attribute `json:"attributes"`
	BlockTypes map[string]struct {
		NestingMode string `json:"nesting_mode"`
		Block       block  `json:"block"`
	} `json:"block_types"`
}

type attribute struct {
	Type       json.RawMessage `json:"type"`
	NestedType *struct {
		Attributes  map[string]attribute `json:"attributes"`
		NestingMode string               `json:"nesting_mode"`
	} `json:"nested_type"`
}

func (k kinds) addBlock(typ, prefix string, b block, depth int) {
	if depth > maxPath {
		return
	}
	for name, a := range b.Attributes {
		k.addAttribute(typ, prefix+name, a, depth)
	}
	for name, inner := range b.BlockTypes {
		if inner.NestingMode == "set" || inner.NestingMode == "list" {
			k.add(typ, prefix+name, inner.NestingMode == "set")
		}
		k.addBlock(typ, prefix+name+".", inner.Block, depth+1)
	}
}

func (k kinds) addAttribute(typ, pattern string, a attribute, depth int) {
	if depth > maxPath {
		return
	}
	if a.NestedType != nil {
		if mode := a.NestedType.NestingMode; mode == "set" || mode == "list" {
			k.add(typ, pattern, mode == "set")
		}
		for name, inner := range a.NestedType.Attributes {
			k.addAttribute(typ, pattern+"."+name, inner, depth+1)
		}
		return
	}
	var t any
	if json.Unmarshal(a.Type, &t) == nil {
		k.addType(typ, pattern, t, depth)
	}
}

// addType walks a type such as ["set", ["object", {"a": "string"}]].
func (k kinds) addType(typ, pattern string, t any, depth int) {
	parts, ok := t.([]any)
	if !ok || len(parts) < 2 || depth > maxPath {
		return
	}
	switch parts[0] {
	case "set", "list":
		k.add(typ, pattern, parts[0] == "set")
		k.addType(typ, pattern, parts[1], depth+1)
	case "object":
		members, _ := parts[1].(map[string]any)
		for name, inner := range members {
			k.addType(typ, pattern+"."+name, inner, depth+1)
		}
	}
}
