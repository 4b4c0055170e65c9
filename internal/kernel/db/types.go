package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Time is a UTC instant with microseconds, stored so that it sorts on both engines.
type Time struct{ time.Time }

const layout = "2006-01-02T15:04:05.000000Z"

// Now returns the present instant.
func Now() Time { return At(time.Now()) }

// At returns t as it is stored.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// ParseTime reads a time that a client sends (RFC 3339). What does not lie in the years 1 to
// 9999 of UTC is an error: it could not be stored, or not be read again.
func ParseTime(text string) (Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Time{}, err
	}
	at := At(t)
	if at.Year() < 1 || at.Year() > 9999 {
		return Time{}, fmt.Errorf("db: %s lies outside of the years 1 to 9999", text)
	}
	return at, nil
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) { return t.UTC().Format(layout), nil }

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) (err error) {
	switch v := v.(type) {
	case time.Time:
		t.Time = v.UTC()
	case string:
		t.Time, err = time.Parse(time.RFC3339Nano, v) // as layout, for which package time has no fast way
	default:
		err = fmt.Errorf("db: cannot scan %T into Time", v)
	}
	return err
}

// Wire is the form of the API: RFC 3339 with milliseconds, such as
// "2024-03-01T12:30:00.123Z".
func (t Time) Wire() string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// MarshalJSON gives the form of Wire.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(make([]byte, 0, 32), `"2006-01-02T15:04:05.000Z"`), nil
}

// JSON is a value stored as opaque JSON text.
type JSON[T any] struct{ V T }

// AsJSON wraps v.
func AsJSON[T any](v T) JSON[T] { return JSON[T]{v} }

// Value implements driver.Valuer.
func (j JSON[T]) Value() (driver.Value, error) {
	b, err := json.Marshal(j.V)
	return string(b), err
}

// Scan implements sql.Scanner. NULL and "" give the zero value.
func (j *JSON[T]) Scan(v any) error {
	var zero T
	j.V = zero
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" || v == "null" {
			return nil
		}
		return json.Unmarshal([]byte(v), &j.V)
	case []byte:
		return json.Unmarshal(v, &j.V)
	default:
		return fmt.Errorf("db: cannot scan %T into JSON", v)
	}
}

// MarshalJSON gives the value alone.
func (j JSON[T]) MarshalJSON() ([]byte, error) { return json.Marshal(j.V) }
