package crypt

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that must not be shown: whatever prints, logs or encodes it
// gets "[redacted]", and a database refuses it unsealed. Reveal gives the text.
//
// Three ways remain past it: a conversion to string; fmt on a struct that keeps the
// Secret in an unexported field, where fmt may not call its methods; and the
// keys of a map in encoding/json, which takes texts as they are.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter: for a verb that does not suit, such as %d,
// fmt would print the text beneath without asking String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalJSON reads the text, so that a Secret can be an attribute of a
// request; null leaves it as it was.
func (s *Secret) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*string)(s)) }

// Value implements driver.Valuer by refusing: what reaches a row goes through Keyring.Seal.
func (Secret) Value() (driver.Value, error) {
	return nil, errors.New("crypt: a Secret must be sealed before it is stored")
}
