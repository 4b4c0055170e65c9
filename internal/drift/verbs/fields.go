package verbs

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// Decode reads the fields of a request into a struct whose fields have json tags, most of
// them jsonapi.Opt, which tells an absent field from an empty one. The types of this
// package accept what scripts send: 1 for true, 22 for "22".
func (c Call) Decode(into any) error {
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		raw, ok := c.fields[name]
		if !ok || name == "" {
			continue
		}
		if err := json.Unmarshal(raw, v.Field(i).Addr().Interface()); err != nil {
			return Invalid(name, "invalid_field", "The field %s %s.", name, explain(err))
		}
	}
	return nil
}

func explain(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return "must not be a JSON " + wrong.Value
	}
	var said formError
	if errors.As(err, &said) {
		return string(said)
	}
	return "has not the form that is expected"
}

// formError completes the sentence "The field x …".
type formError string

// Error implements error.
func (e formError) Error() string { return string(e) }

// Bool is true for true, 1, "1" and "true".
type Bool bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bool) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1":
		*b = true
	case "false", "0", "", "null":
		*b = false
	default:
		return formError("must be true or false")
	}
	return nil
}

// Text is a text, or a number as it is written.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var n json.Number
	if len(raw) > 0 && raw[0] != '"' && json.Unmarshal(raw, &n) == nil {
		*t = Text(n.String())
		return nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	*t = Text(s)
	return nil
}

// Number is a whole number, or a text of digits.
type Number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil {
		return formError("must be a whole number")
	}
	*n = Number(v)
	return nil
}

// ID is an id of this API, as ParseID takes it.
type ID string

// UnmarshalJSON implements json.Unmarshaler.
func (i *ID) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	// What is no id is the id of nothing: clients get "not found", as for a mistyped one.
	*i = ID(s)
	if id, ok := ParseID(s); ok {
		*i = ID(id)
	}
	return nil
}

// List is a list of texts, or a single one. An empty text is an empty list.
type List []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *List) UnmarshalJSON(raw []byte) error {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		*l = many
		return nil
	}
	var one string
	if err := json.Unmarshal(raw, &one); err != nil {
		return formError("must be a list of texts")
	}
	*l = nil
	if one != "" {
		*l = List{one}
	}
	return nil
}

// IDs returns the list with every id in the form that rows have.
func (l List) IDs() []string {
	out := make([]string, len(l))
	for i, s := range l {
		out[i] = s
		if id, ok := ParseID(s); ok {
			out[i] = id
		}
	}
	return out
}

// NewID returns a fresh id: a random UUID (RFC 9562, version 4) as 32 hex digits.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return hex.EncodeToString(b[:])
}

// ParseID returns the form that rows have of an id that may have upper case or dashes.
func ParseID(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) == 36 {
		s = strings.ReplaceAll(s, "-", "")
	}
	if len(s) != 32 {
		return "", false
	}
	if _, err := hex.DecodeString(s); err != nil {
		return "", false
	}
	return s, true
}

// OneID returns the id that a field must name.
func (c Call) OneID(field string) (string, error) {
	raw, ok := c.fields[field]
	if !ok {
		return "", Missing(field)
	}
	var id ID
	if err := json.Unmarshal(raw, &id); err != nil {
		return "", Invalid(field, "invalid_field", "The field %s %s.", field, explain(err))
	}
	if id == "" {
		return "", Missing(field)
	}
	return string(id), nil
}

// Has reports whether a field was sent and is not empty.
func (c Call) Has(field string) bool {
	raw, ok := c.fields[field]
	return ok && string(raw) != "null" && string(raw) != `""`
}

// Truthy reports whether a field is true in the way of verbs.
func (c Call) Truthy(field string) bool {
	var b Bool
	return c.Has(field) && json.Unmarshal(c.fields[field], &b) == nil && bool(b)
}
