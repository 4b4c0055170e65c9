package jsonapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Encode appends the document to buf. It writes by hand what every resource has,
// because a page of resources consists mostly of relationships, and encoding/json
// takes three times as long for them; attributes are left to encoding/json.
func (d Document) Encode(buf *bytes.Buffer) error {
	e := encoder{Buffer: buf, json: json.NewEncoder(buf)}
	e.json.SetEscapeHTML(false)
	e.WriteString(`{"data":`)
	e.data(d.Data)
	if len(d.Included) > 0 {
		e.WriteString(`,"included":`)
		e.resources(d.Included)
	}
	if len(d.Links) > 0 {
		e.member("links", d.Links)
	}
	if d.Meta != nil {
		e.member("meta", d.Meta)
	}
	e.WriteString("}\n")
	return e.err
}

// MarshalJSON implements json.Marshaler by Encode.
func (d Document) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	err := d.Encode(&buf)
	return buf.Bytes(), err
}

// MarshalJSON implements json.Marshaler: what encoding/json meets in another value
// looks as in a document.
func (r Relationships) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	e := encoder{Buffer: &buf, json: json.NewEncoder(&buf)}
	e.relationships(r)
	return buf.Bytes(), e.err
}

type encoder struct {
	*bytes.Buffer
	json  *json.Encoder
	names []string // of relationships, reused
	err   error
}

func (e *encoder) data(v any) {
	switch v := v.(type) {
	case Resource:
		e.resource(v)
	case []Resource:
		e.resources(v)
	default:
		e.value(v)
	}
}

func (e *encoder) resources(list []Resource) {
	e.WriteByte('[')
	for i := range list {
		if i > 0 {
			e.WriteByte(',')
		}
		e.resource(list[i])
	}
	e.WriteByte(']')
}

func (e *encoder) resource(r Resource) {
	e.WriteString(`{"id":`)
	e.text(r.ID)
	e.WriteString(`,"type":`)
	e.text(r.Type)
	if r.Attributes != nil {
		e.member("attributes", r.Attributes)
	}
	if len(r.Relationships) > 0 {
		e.WriteString(`,"relationships":`)
		e.relationships(r.Relationships)
	}
	if len(r.Links) > 0 {
		e.WriteString(`,"links":`)
		e.links(r.Links)
	}
	e.WriteByte('}')
}

// relationships writes them in the order of their names.
func (e *encoder) relationships(rels Relationships) {
	e.object(rels, func(v any) {
		switch rel := v.(type) {
		case One:
			e.one(rel)
		case Many:
			e.many(rel)
		case Link:
			e.WriteString(`{"links":{"related":`)
			e.text(rel.Related)
			e.WriteString(`}}`)
		default:
			e.value(rel)
		}
	})
}

func (e *encoder) links(links map[string]any) {
	e.object(links, func(v any) {
		if address, ok := v.(string); ok {
			e.text(address)
			return
		}
		e.value(v)
	})
}

// object writes members in the order of their names, each by write.
func (e *encoder) object(members map[string]any, write func(any)) {
	e.names = slices.AppendSeq(e.names[:0], maps.Keys(members))
	slices.Sort(e.names)
	e.WriteByte('{')
	for i, name := range e.names {
		if i > 0 {
			e.WriteByte(',')
		}
		e.text(name)
		e.WriteByte(':')
		write(members[name])
	}
	e.WriteByte('}')
}

func (e *encoder) one(rel One) {
	e.WriteString(`{"data":`)
	if rel.Data == nil {
		e.WriteString("null")
	} else {
		e.ref(*rel.Data)
	}
	e.related(rel.Related)
}

func (e *encoder) many(rel Many) {
	e.WriteString(`{"data":[`)
	for i, ref := range rel.Data {
		if i > 0 {
			e.WriteByte(',')
		}
		e.ref(ref)
	}
	e.WriteByte(']')
	e.related(rel.Related)
}

func (e *encoder) ref(r Ref) {
	e.WriteString(`{"id":`)
	e.text(r.ID)
	e.WriteString(`,"type":`)
	e.text(r.Type)
	e.WriteByte('}')
}

// related ends a relationship, with its address if it has one.
func (e *encoder) related(url string) {
	if url != "" {
		e.WriteString(`,"links":{"related":`)
		e.text(url)
		e.WriteByte('}')
	}
	e.WriteByte('}')
}

func (e *encoder) member(name string, v any) {
	e.WriteString(`,"` + name + `":`)
	e.value(v)
}

// value writes v without the new line that json.Encoder ends with.
func (e *encoder) value(v any) {
	if err := e.json.Encode(v); err != nil {
		e.err = err
		return
	}
	e.Truncate(e.Len() - 1)
}

// text writes a string of JSON. Ids, types and addresses are plain; what is not is
// left to encoding/json.
func (e *encoder) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			e.value(s)
			return
		}
	}
	e.WriteByte('"')
	e.WriteString(s)
	e.WriteByte('"')
}
