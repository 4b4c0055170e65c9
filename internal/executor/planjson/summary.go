package planjson

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// Summary is what a plan amounts to.
type Summary struct {
	proto.Counts  // as the engine's last line says: a replaced resource is one added and one destroyed
	EngineVersion string
	Errored       bool // the plan is incomplete
	Changes       bool // an apply would do something: to resources, to outputs, or move or forget or import
	Drift         bool // refreshing found other objects than the state says
	// Unsaved are the variables of the root module whose values are not in the plan, sorted:
	// those that are ephemeral and were given a value. An apply must be given them again.
	Unsaved []string
}

// HasChanges is whether a plan can be applied. What refreshing found counts only in a
// refresh-only plan, as it does for the engines.
func (s Summary) HasChanges(refreshOnly bool) bool {
	return s.Changes || refreshOnly && s.Drift
}

// Summarize reads the output of "show -json" of a saved plan as a stream.
func Summarize(plan io.Reader) (Summary, error) {
	var s Summary
	in := json.NewDecoder(plan)
	saved, declared := map[string]bool{}, map[string]bool{}
	err := members(in, func(name string) error {
		switch name {
		case "terraform_version":
			return in.Decode(&s.EngineVersion)
		case "errored":
			return in.Decode(&s.Errored)
		case "resource_changes":
			return items(in, func(int) error { return s.resource(in) })
		case "resource_drift":
			return items(in, func(int) error { return s.drift(in) })
		case "output_changes":
			return members(in, func(string) error { return s.output(in) })
		case "action_invocations":
			return items(in, func(int) error { s.ActionInvoke++; s.Changes = true; return skip(in) })
		case "variables":
			return names(in, saved)
		case "configuration":
			return within(in, "root_module", func() error { return within(in, "variables", func() error { return names(in, declared) }) })
		}
		return skip(in)
	})
	if err != nil {
		return s, fmt.Errorf("plan: %w", err)
	}
	for name := range declared {
		if !saved[name] {
			s.Unsaved = append(s.Unsaved, name)
		}
	}
	slices.Sort(s.Unsaved)
	return s, nil
}

// within calls fn for one member of the object that comes next.
func within(in *json.Decoder, member string, fn func() error) error {
	return members(in, func(name string) error {
		if name == member {
			return fn()
		}
		return skip(in)
	})
}

// names adds the names of the members of the object that comes next.
func names(in *json.Decoder, to map[string]bool) error {
	return members(in, func(name string) error {
		to[name] = true
		return skip(in)
	})
}

// resourceChange are the parts of a change that count.
type resourceChange struct {
	Mode            string `json:"mode"`
	PreviousAddress string `json:"previous_address"`
	Change          change `json:"change"`
}

type change struct {
	Actions   []string        `json:"actions"`
	Importing json.RawMessage `json:"importing"`
}

func (c change) does(action string) bool { return slices.Contains(c.Actions, action) }

func (c change) nothing() bool { return len(c.Actions) == 0 || c.does("no-op") }

func (c change) imports() bool { return len(c.Importing) > 0 && string(c.Importing) != "null" }

func (s *Summary) resource(in *json.Decoder) error {
	var r resourceChange
	if err := in.Decode(&r); err != nil {
		return err
	}
	s.Changes = s.Changes || !r.Change.nothing() || r.PreviousAddress != "" || r.Change.imports()
	if r.Mode != "managed" {
		return nil
	}
	for action, n := range map[string]*int{"create": &s.Add, "update": &s.Change, "delete": &s.Destroy} {
		if r.Change.does(action) {
			*n++
		}
	}
	if r.Change.imports() {
		s.Import++
	}
	return nil
}

func (s *Summary) drift(in *json.Decoder) error {
	var r resourceChange
	if err := in.Decode(&r); err != nil {
		return err
	}
	s.Drift = s.Drift || r.Mode == "managed" && !r.Change.nothing()
	return nil
}

func (s *Summary) output(in *json.Decoder) error {
	var c change
	if err := in.Decode(&c); err != nil {
		return err
	}
	s.Changes = s.Changes || !c.nothing()
	return nil
}
