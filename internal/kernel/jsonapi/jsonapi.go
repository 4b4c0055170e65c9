// Package jsonapi is the wire format: the documents of jsonapi.org v1.0 in the
// dialect that HCP Terraform speaks. It knows no resource and no route.
//
// Attributes of a response are a struct with json tags: what the struct leaves
// out cannot leak. Attributes of a request are a struct of Opt fields, because
// an update tells "absent" from "null".
package jsonapi

import (
	"bytes"
	"encoding/json"
)

// MediaType is the content type of every document.
const MediaType = "application/vnd.api+json"

// Ref identifies a resource.
type Ref struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Resource is one resource as the client sees it.
type Resource struct {
	ID            string         `json:"id"`
	Type          string         `json:"type"`
	Attributes    any            `json:"attributes,omitempty"`
	Relationships Relationships  `json:"relationships,omitempty"`
	Links         map[string]any `json:"links,omitempty"`
}

// Ref returns what identifies r.
func (r Resource) Ref() Ref { return Ref{r.Type, r.ID} }

// Relationships maps a relationship's name to a One, a Many or a Link.
type Relationships map[string]any

// One is a to-one relationship; nil Data means "none".
type One struct {
	Data    *Ref
	Related string // address at which it can be read, "" if there is none
}

// Many is a to-many relationship.
type Many struct {
	Data    []Ref
	Related string
}

// Link is a relationship that only says where it can be read.
type Link struct{ Related string }

// ToOne points at a resource, or at none if id is empty.
func ToOne(typ, id string) One {
	if id == "" {
		return One{}
	}
	return One{Data: &Ref{typ, id}}
}

// ToOneAt is ToOne with the address at which the resource can be read.
func ToOneAt(typ, id, related string) One {
	one := ToOne(typ, id)
	one.Related = related
	return one
}

// ToMany points at resources of one type; the list may be empty but never null.
func ToMany(typ string, ids []string) Many {
	refs := make([]Ref, len(ids))
	for i, id := range ids {
		refs[i] = Ref{typ, id}
	}
	return Many{Data: refs}
}

// Related is a relationship whose members are read elsewhere.
func Related(url string) Link { return Link{url} }

// Self is the link of a resource to itself.
func Self(url string) map[string]any { return map[string]any{"self": url} }

// List is l as attributes have lists: [] for nil, never null.
func List[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Document is a response.
type Document struct {
	Data     any            `json:"data"`
	Included []Resource     `json:"included,omitempty"`
	Links    map[string]any `json:"links,omitempty"`
	Meta     any            `json:"meta,omitempty"`
}

// In is the document of a request that carries one resource with attributes A.
type In[A any] struct {
	Data Data[A] `json:"data"`
}

// Data is the resource in a request.
type Data[A any] struct {
	Type          string             `json:"type"`
	ID            string             `json:"id"`
	Attributes    A                  `json:"attributes"`
	Relationships map[string]Members `json:"relationships"`
}

// One returns the resource that the to-one relationship name points at. named
// tells whether the client sent the relationship at all; with named and a zero
// Ref it sent null.
func (d Data[A]) One(name string) (ref Ref, named bool) {
	m, ok := d.Relationships[name]
	if !ok || !m.Sent {
		return Ref{}, false
	}
	if len(m.List) == 0 {
		return Ref{}, true
	}
	return m.List[0].Ref(), true
}

// Many returns the members of the to-many relationship name, and whether the
// client sent it.
func (d Data[A]) Many(name string) (members []Member, named bool) {
	m, ok := d.Relationships[name]
	return m.List, ok && m.Sent
}

// Members are the resources that a relationship of a request names: one, none or
// several.
type Members struct {
	List []Member
	Sent bool // "data" was there
}

// Member is a resource in a relationship of a request. Some relationships, such
// as tag-bindings, carry new resources with their attributes.
type Member struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	Attributes json.RawMessage `json:"attributes"`
}

// Ref returns what identifies m.
func (m Member) Ref() Ref { return Ref{m.Type, m.ID} }

// UnmarshalJSON reads {"data": null}, {"data": {…}} or {"data": […]}.
func (m *Members) UnmarshalJSON(b []byte) error {
	var doc struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	m.Sent = doc.Data != nil
	data := bytes.TrimSpace(doc.Data)
	switch {
	case len(data) == 0 || string(data) == "null":
		return nil
	case data[0] == '[':
		return json.Unmarshal(data, &m.List)
	default:
		m.List = make([]Member, 1)
		return json.Unmarshal(data, &m.List[0])
	}
}

// IDs returns the ids of the members of the given type, and the first member that
// is of another type, if any.
func IDs(members []Member, typ string) (ids []string, other *Member) {
	for i, m := range members {
		if m.Type != typ && m.Type != "" {
			return nil, &members[i]
		}
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// Opt is an attribute of a request: absent, null or a value.
type Opt[T any] struct {
	Set  bool // the client named it
	Null bool // and its value is null
	V    T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.V)
}

// Into writes the value to p if the client sent one; null writes the zero value.
func (o Opt[T]) Into(p *T) {
	if o.Set {
		*p = o.V
	}
}

// IntoPtr writes the value to p if the client sent one; null writes nil.
func (o Opt[T]) IntoPtr(p **T) {
	switch {
	case o.Set && o.Null:
		*p = nil
	case o.Set:
		v := o.V
		*p = &v
	}
}

// Or returns the value, or def if the client sent none or null.
func (o Opt[T]) Or(def T) T {
	if o.Set && !o.Null {
		return o.V
	}
	return def
}
