// Package planjson reads what "show -json" of a saved plan prints: it counts the changes,
// and makes the redacted plan that command lines render (json-output-redacted).
//
// Sensitive is what either side of a change is marked as, and what the provider's schema
// says, whatever the marks are. The surprising rule: a sensitive value becomes one string
// whatever its type was, and the string after differs from the one before exactly if the
// values did, because the command lines tell an update from no change by comparing them.
package planjson

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// What stands for a sensitive value.
const (
	Hidden        = "(sensitive value)"
	HiddenChanged = "(sensitive value, changed)" // after a change, if the value is another than before
)

// The fields of a resource change and of a change that may be seen. What an engine of
// tomorrow adds is left out until it is known what it holds.
var (
	resourceFields = []string{"address", "previous_address", "module_address", "mode", "type", "name", "index", "provider_name", "deposed", "action_reason"}
	changeFields   = []string{"actions", "after_unknown", "before_sensitive", "after_sensitive", "replace_paths", "importing", "generated_config", "before_identity", "after_identity"}
)

// Redact writes the parts of a plan that command lines render, without its sensitive
// values, and with the schemas of those resource types that the plan changes. Plan is the
// output of "show -json" of a saved plan and is read as a stream; schemas is that of
// "providers schema -json". It fails for a plan with a resource whose schema is missing:
// command lines would break on it.
func Redact(w io.Writer, plan, schemas io.Reader) error {
	known, err := readSchemas(schemas)
	if err != nil {
		return fmt.Errorf("provider schemas: %w", err)
	}
	r := &redactor{out: bufio.NewWriter(w), schemas: known}
	if err := r.document(json.NewDecoder(plan)); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return r.out.Flush()
}

// redactor writes one redacted plan.
type redactor struct {
	out     *bufio.Writer
	schemas *schemas
	err     error // of the first write that failed
}

func (r *redactor) document(in *json.Decoder) error {
	in.UseNumber()
	version, missing := "", map[string]string{"resource_changes": "[]", "resource_drift": "[]", "output_changes": "{}", "relevant_attributes": "[]"}
	r.text("{")
	err := members(in, func(name string) error {
		switch name {
		case "format_version":
			return in.Decode(&version)
		case "resource_changes", "resource_drift":
			return r.section(name, missing, '[', ']', func() error { return items(in, r.resource(in)) })
		case "output_changes":
			return r.section(name, missing, '{', '}', func() error { return members(in, r.output(in)) })
		case "relevant_attributes":
			return r.section(name, missing, '[', ']', func() error { return items(in, r.copy(in)) })
		}
		return skip(in)
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		r.text(`"` + name + `":` + missing[name] + ",")
	}
	r.member("plan_format_version", version)
	r.text(",")
	r.member("provider_format_version", r.schemas.version)
	r.text(",")
	r.member("provider_schemas", r.schemas.used())
	r.text("}\n")
	return r.err
}

// section writes a member of the document, whose items are written by fill.
func (r *redactor) section(name string, missing map[string]string, start, end byte, fill func() error) error {
	if _, ok := missing[name]; !ok {
		return fmt.Errorf("%s is there twice", name)
	}
	delete(missing, name)
	r.text(`"` + name + `":` + string(start))
	if err := fill(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.text(string(end) + ",")
	return nil
}

// resource writes the next resource change.
func (r *redactor) resource(in *json.Decoder) func(int) error {
	return func(i int) error {
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return err
		}
		var full map[string]json.RawMessage
		var of struct {
			Address      string `json:"address"`
			Mode         string `json:"mode"`
			Type         string `json:"type"`
			ProviderName string `json:"provider_name"`
		}
		if err := errors.Join(json.Unmarshal(raw, &full), json.Unmarshal(raw, &of)); err != nil {
			return err
		}
		hidden, err := r.schemas.find(of.ProviderName, of.Mode, of.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", of.Address, err)
		}
		change, err := redactChange(full["change"], hidden)
		if err != nil {
			return fmt.Errorf("%s: %w", of.Address, err)
		}
		visible := only(full, resourceFields)
		if visible["change"], err = encode(change); err != nil {
			return err
		}
		r.comma(i)
		r.value(visible)
		return r.err
	}
}

// output writes the next change of an output.
func (r *redactor) output(in *json.Decoder) func(string) error {
	i := 0
	return func(name string) error {
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return err
		}
		change, err := redactChange(raw, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.comma(i)
		r.member(name, change)
		i++
		return r.err
	}
}

// copy writes the next value as it is.
func (r *redactor) copy(in *json.Decoder) func(int) error {
	return func(i int) error {
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return err
		}
		r.comma(i)
		r.value(raw)
		return r.err
	}
}

// redactChange is a change without the values that its marks or the schema hide.
func redactChange(raw json.RawMessage, hidden *schema) (map[string]json.RawMessage, error) {
	var full map[string]json.RawMessage
	if err := json.Unmarshal(raw, &full); err != nil {
		return nil, err
	}
	var before, after side
	for _, part := range []struct {
		name string
		to   *any
	}{{"before", &before.value}, {"after", &after.value}, {"before_sensitive", &before.mark}, {"after_sensitive", &after.mark}} {
		if err := decode(full[part.name], part.to); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	visible := only(full, changeFields)
	if !marked(before.mark) && !marked(after.mark) && hidden == nil {
		maps.Copy(visible, only(full, []string{"before", "after"}))
		return visible, nil
	}
	b, a := redact(before, after, hidden)
	for name, v := range map[string]any{"before": b, "after": a} {
		if _, ok := full[name]; !ok {
			continue
		}
		text, err := encode(v)
		if err != nil {
			return nil, err
		}
		visible[name] = text
	}
	return visible, nil
}

// side is a value before or after a change and what marks its sensitive parts: true
// for all of it, or objects and lists of such marks in the shape of the value.
type side struct{ value, mark any }

// redact returns both values of a change without what is sensitive in either.
func redact(before, after side, hidden *schema) (b, a any) {
	switch {
	case before.mark == true || after.mark == true || hidden.all():
		return hide(before.value, after.value)
	case !marked(before.mark) && !marked(after.mark) && hidden == nil:
		return before.value, after.value
	case !before.fits() || !after.fits():
		return hide(before.value, after.value) // rather too much than too little
	}
	if object(before.value) && object(after.value) {
		return redactObjects(before, after, hidden)
	}
	if list(before.value) && list(after.value) {
		return redactLists(before, after, hidden)
	}
	return hide(before.value, after.value)
}

func redactObjects(before, after side, hidden *schema) (b, a any) {
	was, is := before.members(), after.members()
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for name := range names {
		x, y := redact(before.member(name), after.member(name), hidden.member(name))
		if _, ok := was[name]; ok {
			was[name] = x
		}
		if _, ok := is[name]; ok {
			is[name] = y
		}
	}
	return before.value, after.value
}

func redactLists(before, after side, hidden *schema) (b, a any) {
	was, is := before.items(), after.items()
	for i := range max(len(was), len(is)) {
		x, y := redact(before.item(i), after.item(i), hidden.item())
		if i < len(was) {
			was[i] = x
		}
		if i < len(is) {
			is[i] = y
		}
	}
	return before.value, after.value
}

// hide replaces two values. Nothing stays nothing: that a value comes or goes is no secret.
func hide(before, after any) (b, a any) {
	same := reflect.DeepEqual(before, after)
	if before != nil {
		b = Hidden
	}
	switch {
	case after == nil:
	case before == nil || same:
		a = Hidden
	default:
		a = HiddenChanged
	}
	return b, a
}
