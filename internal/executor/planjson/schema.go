package planjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// schemas are those of the providers of a plan.
type schemas struct {
	version   string
	providers map[string]map[string]map[string]json.RawMessage // provider, section, type
	parsed    map[[3]string]*schema                            // of what the plan has, by provider, section, type
}

// schema says which parts of an object a provider calls sensitive. It is nil where
// nothing is.
type schema struct {
	whole  bool
	fields map[string]*schema // of an object
	each   *schema            // of the items of a list, set or map
}

// section is where "providers schema -json" has the types of a mode of resources.
var section = map[string]string{"managed": "resource_schemas", "data": "data_source_schemas"}

// readSchemas reads the output of "providers schema -json". Of each provider it keeps
// only what plans need.
func readSchemas(r io.Reader) (*schemas, error) {
	s := &schemas{version: "1.0", providers: map[string]map[string]map[string]json.RawMessage{}, parsed: map[[3]string]*schema{}}
	in := json.NewDecoder(r)
	return s, members(in, func(name string) error {
		switch name {
		case "format_version":
			return in.Decode(&s.version)
		case "provider_schemas":
			return members(in, func(provider string) error {
				s.providers[provider] = map[string]map[string]json.RawMessage{}
				return members(in, func(part string) error {
					if part != section["managed"] && part != section["data"] {
						return skip(in)
					}
					var types map[string]json.RawMessage
					err := in.Decode(&types)
					s.providers[provider][part] = types
					return err
				})
			})
		}
		return skip(in)
	})
}

// find returns what the provider calls sensitive in a type of resources, and notes that
// the plan has it.
func (s *schemas) find(provider, mode, typ string) (*schema, error) {
	key := [3]string{provider, section[mode], typ}
	if found, ok := s.parsed[key]; ok {
		return found, nil
	}
	raw, ok := s.providers[provider][section[mode]][typ]
	if !ok {
		return nil, fmt.Errorf("provider %q has no schema of it", provider)
	}
	var whole struct {
		Block *block `json:"block"`
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, err
	}
	if whole.Block == nil {
		return nil, errors.New("its schema has no block")
	}
	s.parsed[key] = whole.Block.schema()
	return s.parsed[key], nil
}

// used are the schemas that were found, in the form of "providers schema -json".
func (s *schemas) used() map[string]map[string]map[string]json.RawMessage {
	used := map[string]map[string]map[string]json.RawMessage{}
	for key := range s.parsed {
		provider, part, typ := key[0], key[1], key[2]
		if used[provider] == nil {
			used[provider] = map[string]map[string]json.RawMessage{}
		}
		if used[provider][part] == nil {
			used[provider][part] = map[string]json.RawMessage{}
		}
		used[provider][part][typ] = s.providers[provider][part][typ]
	}
	return used
}

// block and attribute are the parts of a schema that say what is sensitive.
type block struct {
	Attributes map[string]attribute `json:"attributes"`
	Blocks     map[string]struct {
		Nesting string `json:"nesting_mode"`
		Block   block  `json:"block"`
	} `json:"block_types"`
}

type attribute struct {
	Sensitive bool `json:"sensitive"`
	Nested    *struct {
		Nesting    string               `json:"nesting_mode"`
		Attributes map[string]attribute `json:"attributes"`
	} `json:"nested_type"`
}

func (b block) schema() *schema {
	fields := sensitive(b.Attributes)
	for name, nested := range b.Blocks {
		if s := nest(nested.Nesting, nested.Block.schema()); s != nil {
			fields[name] = s
		}
	}
	return ofFields(fields)
}

func sensitive(attributes map[string]attribute) map[string]*schema {
	fields := map[string]*schema{}
	for name, a := range attributes {
		if a.Sensitive {
			fields[name] = &schema{whole: true}
			continue
		}
		if a.Nested == nil {
			continue
		}
		if s := nest(a.Nested.Nesting, ofFields(sensitive(a.Nested.Attributes))); s != nil {
			fields[name] = s
		}
	}
	return fields
}

func ofFields(fields map[string]*schema) *schema {
	if len(fields) == 0 {
		return nil
	}
	return &schema{fields: fields}
}

// nest is the schema of objects in a list, set or map, or of a single one.
func nest(mode string, s *schema) *schema {
	if s == nil || mode == "single" || mode == "group" {
		return s
	}
	return &schema{each: s}
}

func (s *schema) all() bool { return s != nil && s.whole }

func (s *schema) member(name string) *schema {
	switch {
	case s == nil:
		return nil
	case s.each != nil:
		return s.each
	}
	return s.fields[name]
}

func (s *schema) item() *schema {
	switch {
	case s == nil:
		return nil
	case s.each == nil:
		return &schema{whole: true} // a list where the schema has an object: nobody knows what is in it
	}
	return s.each
}
