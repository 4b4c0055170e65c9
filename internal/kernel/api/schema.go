package api

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// schema is a Schema Object of OpenAPI 3.0.3.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Nullable    bool               `json:"nullable,omitempty"`
	WriteOnly   bool               `json:"writeOnly,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	// Additional describes the members of a map.
	Additional *schema `json:"additionalProperties,omitempty"`
}

func refTo(component string) *schema { return &schema{Ref: "#/components/schemas/" + component} }

func object(properties map[string]*schema, required ...string) *schema {
	return &schema{Type: "object", Properties: properties, Required: required}
}

func listOf(items *schema) *schema { return &schema{Type: "array", Items: items} }

func text() *schema { return &schema{Type: "string"} }

// reflected writes the schemas of Go types as encoding/json sees them.
type reflected struct {
	open []reflect.Type // structs under way: one that contains itself ends as any value
}

// schemaOf returns the schema of the JSON that t is encoded to or decoded from.
func schemaOf(t reflect.Type) *schema { return (&reflected{}).of(t) }

func (r *reflected) of(t reflect.Type) *schema {
	if s, ok := r.special(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(r.of(t.Elem()))
	case reflect.String:
		return text()
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer"}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice, reflect.Array:
		return listOf(r.of(t.Elem()))
	case reflect.Map:
		return &schema{Type: "object", Additional: r.of(t.Elem())}
	case reflect.Struct:
		return r.ofStruct(t)
	default:
		return anything()
	}
}

// special are the types whose JSON is not what their Go form suggests.
func (r *reflected) special(t reflect.Type) (*schema, bool) {
	switch t {
	case reflect.TypeFor[db.Time](), reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}, true
	case reflect.TypeFor[crypt.Secret]():
		return &schema{Type: "string", WriteOnly: true}, true
	case reflect.TypeFor[[]byte]():
		return &schema{Type: "string", Format: "byte"}, true
	case reflect.TypeFor[json.RawMessage]():
		return anything(), true
	}
	switch {
	case generic(t, reflect.TypeFor[jsonapi.Opt[int]]()):
		v, _ := t.FieldByName("V")
		return nullable(r.of(v.Type)), true
	case generic(t, reflect.TypeFor[db.JSON[int]]()):
		v, _ := t.FieldByName("V")
		return r.of(v.Type), true
	case t.Kind() == reflect.Pointer:
		return nil, false
	case codes[json.Marshaler](t), codes[json.Unmarshaler](t):
		return anything(), true
	case codes[encoding.TextMarshaler](t):
		return text(), true
	}
	return nil, false
}

// generic reports whether t is an instance of the same generic type as example.
func generic(t, example reflect.Type) bool {
	name, _, ok := strings.Cut(t.Name(), "[")
	want, _, _ := strings.Cut(example.Name(), "[")
	return ok && name == want && t.PkgPath() == example.PkgPath()
}

func codes[I any](t reflect.Type) bool { return reflect.PointerTo(t).Implements(reflect.TypeFor[I]()) }

func nullable(s *schema) *schema {
	s.Nullable = true
	return s
}

// anything is a value of any type, null included.
func anything() *schema { return &schema{Nullable: true} }

func (r *reflected) ofStruct(t reflect.Type) *schema {
	if slices.Contains(r.open, t) {
		return anything()
	}
	r.open = append(r.open, t)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	s := object(map[string]*schema{})
	r.fields(t, s)
	slices.Sort(s.Required)
	return s
}

// fields adds the members that encoding/json gives a struct. A member that is
// always written, and is not left to the client, is required.
func (r *reflected) fields(t reflect.Type, s *schema) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if embedded := f.Type; f.Anonymous && name == "" {
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				required := s.Required
				r.fields(embedded, s)
				if embedded != f.Type { // behind a nil pointer are no members
					s.Required = required
				}
				continue
			}
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		s.Properties[name] = r.of(f.Type)
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			s.Required = append(s.Required, name)
		}
	}
}

// asRequest makes every member of s optional: a client that leaves one out gets the
// default, or an error that says what is missing.
func (s *schema) asRequest() *schema {
	if s == nil {
		return nil
	}
	s.Required = nil
	for _, p := range s.Properties {
		p.asRequest()
	}
	s.Items.asRequest()
	s.Additional.asRequest()
	return s
}
