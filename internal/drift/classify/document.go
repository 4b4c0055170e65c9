package classify

import (
	"fmt"
	"io"
	"strings"
)

// change is an element of resource_drift or resource_changes.
type change struct {
	Address         string `json:"address"`
	PreviousAddress string `json:"previous_address"`
	ModuleAddress   string `json:"module_address"`
	Mode            string `json:"mode"`
	Type            string `json:"type"`
	Name            string `json:"name"`
	Index           any    `json:"index"`
	ProviderName    string `json:"provider_name"`
	Deposed         string `json:"deposed"`
	Change          struct {
		Actions         []string `json:"actions"`
		Before          any      `json:"before"`
		After           any      `json:"after"`
		AfterUnknown    any      `json:"after_unknown"`
		BeforeSensitive any      `json:"before_sensitive"`
		AfterSensitive  any      `json:"after_sensitive"`
		Importing       any      `json:"importing"`
	} `json:"change"`
}

// key tells instances apart, those that were deposed included.
func (c *change) key() string { return c.Address + "\x00" + c.Deposed }

// acts says whether the next apply does something about the object.
func (c *change) acts() bool {
	if c == nil {
		return false
	}
	for _, a := range c.Change.Actions {
		if a != "no-op" && a != "read" {
			return true
		}
	}
	return false
}

// only says whether the one action is this.
func (c *change) only(action string) bool {
	return c != nil && len(c.Change.Actions) == 1 && c.Change.Actions[0] == action
}

// document is what is kept of a plan while it is classified.
type document struct {
	version   string
	complete  bool // the engine did not say that it stopped on the way
	drift     []*change
	changes   []*change // those that act, import or move
	relevant  map[string][][]any
	checks    []Check
	outputs   []string // names of outputs that change
	managed   int      // instances of the prior state
	providers map[string]string
	expr      map[string]any // configuration address without indexes to the attributes that are set there; nil if not known
}

// read decodes a plan.
func read(r io.Reader, limit int64) (*document, error) {
	s, err := newStream(r, limit)
	if err != nil {
		return nil, err
	}
	d := &document{complete: true, relevant: map[string][][]any{}, providers: map[string]string{}}
	format := ""
	err = s.object(func(key string) error {
		switch key {
		case "format_version":
			return s.value(&format)
		case "terraform_version":
			return s.value(&d.version)
		case "errored":
			var errored bool
			defer func() { d.complete = d.complete && !errored }()
			return s.value(&errored)
		case "resource_drift":
			return s.array(func() error { return d.readDrift(s) })
		case "resource_changes":
			return s.array(func() error { return d.readChange(s) })
		case "deferred_changes":
			return s.array(func() error { return d.readDeferred(s) })
		case "relevant_attributes":
			return s.array(func() error { return d.readRelevant(s) })
		case "output_changes":
			return s.object(func(name string) error { return d.readOutput(s, name) })
		case "checks":
			return s.array(func() error { return d.readCheck(s) })
		case "prior_state":
			return d.readState(s)
		case "configuration":
			return d.readConfiguration(s)
		}
		return s.skip()
	})
	if err != nil {
		return nil, fmt.Errorf("the plan cannot be read: %w", err)
	}
	if major, _, _ := strings.Cut(format, "."); major != "0" && major != "1" {
		return nil, fmt.Errorf("the plan has format %q, which is not known", format)
	}
	return d, nil
}

func (d *document) readDrift(s *stream) error {
	c := new(change)
	if err := s.value(c); err != nil {
		return err
	}
	if c.Mode == "managed" && c.Address != "" {
		d.drift = append(d.drift, c)
		d.provider(c.ProviderName)
	}
	return nil
}

func (d *document) readChange(s *stream) error {
	c := new(change)
	if err := s.value(c); err != nil {
		return err
	}
	if c.Mode != "managed" || c.Address == "" {
		return nil
	}
	d.provider(c.ProviderName)
	if c.acts() || c.Change.Importing != nil || (c.PreviousAddress != "" && c.PreviousAddress != c.Address) {
		d.changes = append(d.changes, c)
	}
	return nil
}

// readDeferred reads a change that waits for another apply: it is a change none the less.
func (d *document) readDeferred(s *stream) error {
	var deferred struct {
		Change *change `json:"resource_change"`
	}
	if err := s.value(&deferred); err != nil {
		return err
	}
	if c := deferred.Change; c != nil && c.Mode == "managed" && c.Address != "" && c.acts() {
		d.changes = append(d.changes, c)
		d.provider(c.ProviderName)
	}
	return nil
}

func (d *document) readRelevant(s *stream) error {
	var r struct {
		Resource  string `json:"resource"`
		Attribute []any  `json:"attribute"`
	}
	if err := s.value(&r); err != nil {
		return err
	}
	d.relevant[r.Resource] = append(d.relevant[r.Resource], r.Attribute)
	return nil
}

func (d *document) readOutput(s *stream, name string) error {
	var o struct {
		Actions []string `json:"actions"`
	}
	if err := s.value(&o); err != nil {
		return err
	}
	if len(o.Actions) > 0 && o.Actions[0] != "no-op" {
		d.outputs = append(d.outputs, name)
	}
	return nil
}

// provider notes a provider that the plan uses.
func (d *document) provider(name string) {
	if _, known := d.providers[name]; name != "" && !known {
		d.providers[name] = ""
	}
}

// readState counts the managed instances of the prior state, which is the state after refresh;
// objects that were deposed do not count.
func (d *document) readState(s *stream) error {
	return s.object(func(key string) error {
		if key != "values" {
			return s.skip()
		}
		return s.object(func(key string) error {
			if key != "root_module" {
				return s.skip()
			}
			return d.readStateModule(s)
		})
	})
}

func (d *document) readStateModule(s *stream) error {
	return s.object(func(key string) error {
		switch key {
		case "resources":
			return s.array(func() error {
				var r struct {
					Mode    string `json:"mode"`
					Deposed string `json:"deposed_key"`
				}
				if err := s.value(&r); err != nil {
					return err
				}
				if r.Mode == "managed" && r.Deposed == "" {
					d.managed++
				}
				return nil
			})
		case "child_modules":
			return s.array(func() error { return d.readStateModule(s) })
		}
		return s.skip()
	})
}
