package planjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// members calls fn for each member of the object that comes next; fn reads the value.
// Null is an object without members.
func members(in *json.Decoder, fn func(name string) error) error {
	start, err := in.Token()
	if err != nil || start == nil {
		return err
	}
	if start != json.Delim('{') {
		return fmt.Errorf("want an object, got %v", kind(start))
	}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return err
		}
		key, ok := name.(string)
		if !ok {
			return errors.New("want the name of a member")
		}
		if err := fn(key); err != nil {
			return err
		}
	}
	_, err = in.Token()
	return err
}

// items calls fn for each item of the list that comes next; fn reads the item. Null is
// an empty list.
func items(in *json.Decoder, fn func(i int) error) error {
	start, err := in.Token()
	if err != nil || start == nil {
		return err
	}
	if start != json.Delim('[') {
		return fmt.Errorf("want a list, got %v", kind(start))
	}
	for i := 0; in.More(); i++ {
		if err := fn(i); err != nil {
			return err
		}
	}
	_, err = in.Token()
	return err
}

// skip reads over the next value without holding it.
func skip(in *json.Decoder) error {
	for depth := 0; ; {
		t, err := in.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// kind names a token without its value, which may be a secret.
func kind(t json.Token) string {
	if d, ok := t.(json.Delim); ok {
		return d.String()
	}
	return fmt.Sprintf("a %T", t)
}

// decode reads a value that may be absent. Numbers keep their digits.
func decode(raw json.RawMessage, to *any) error {
	if raw == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(to)
}

// encode is a value as JSON without the escapes for HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// only are the named members of an object.
func only(full map[string]json.RawMessage, names []string) map[string]json.RawMessage {
	some := make(map[string]json.RawMessage, len(names)+2)
	for _, name := range names {
		if v, ok := full[name]; ok {
			some[name] = v
		}
	}
	return some
}

func (r *redactor) text(s string) {
	if r.err == nil {
		_, r.err = r.out.WriteString(s)
	}
}

func (r *redactor) comma(i int) {
	if i > 0 {
		r.text(",")
	}
}

func (r *redactor) value(v any) {
	text, err := encode(v)
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	r.text(string(text))
}

func (r *redactor) member(name string, v any) {
	r.value(name)
	r.text(":")
	r.value(v)
}
