// Package adopt edits configuration so that it says what is real: the attributes that
// somebody changed outside get their real values, and objects that are gone lose their blocks.
//
// It is pure: files and findings go in, files come out. It writes only where the code has a
// literal value, or none yet; whatever a reference, a function or more than one object stands
// behind is left as it is, with the reason. The surprising rule: a literal is replaced only
// if it is what the plan wanted, because otherwise the value comes from somewhere else.
package adopt

import (
	"log/slog"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// Limits of what is read and written.
const (
	MaxFile     = 1 << 20 // bytes of a file with configuration; a longer one is not read
	MaxFindings = 200     // that one change adopts; what comes after is left
)

// Finding is what somebody changed outside. Values are as JSON has them, numbers as
// json.Number; nil is none.
type Finding struct {
	ID                     string
	Address, Path          string
	Kind                   classify.Kind
	Masked, Unknown        bool
	Recorded, Real, Wanted any
}

// Code is configuration. It is not changed.
type Code struct {
	Files    map[string][]byte // by path, with slashes
	Folder   string            // of the root module, "." is the top
	VarFiles []string          // that the engine is given, relative to Folder; the last wins
	Tofu     bool              // OpenTofu reads it: .tofu files count
	// Given are the variables whose values come from elsewhere, such as the environment.
	Given map[string]bool
	// Uses counts the module blocks that use a folder in all of the repository; nil: Files
	// is all of it.
	Uses map[string]int
}

// Outcome is what became of a finding.
type Outcome struct {
	ID     string
	File   string // that was edited, "" is none
	Line   int    // in it, as it was before
	Reason string // why the finding is not adopted, "" if it is
}

// Result is changed code.
type Result struct {
	Files    map[string][]byte // those that have changed
	Outcomes []Outcome         // of the findings, in their order
}

// Adopted counts the findings that are.
func (r Result) Adopted() int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Reason == "" {
			n++
		}
	}
	return n
}

// reason is why something is not adopted, for people.
type reason string

// Error implements error.
func (r reason) Error() string { return string(r) }

// Run edits code. A finding that cannot be adopted changes nothing.
func Run(c Code, findings []Finding) Result {
	e := &editor{code: c, now: map[string][]byte{}, parsed: map[string]*source{}}
	out := Result{Files: map[string][]byte{}}
	for i, f := range findings {
		o := Outcome{ID: f.ID}
		if i >= MaxFindings {
			o.Reason = "There are too many findings for one change."
		} else if why := e.adopt(f, &o); why != nil {
			o.Reason, o.File, o.Line = why.Error(), "", 0
		}
		out.Outcomes = append(out.Outcomes, o)
	}
	for name, content := range e.now {
		if string(content) != string(c.Files[name]) {
			out.Files[name] = content
		}
	}
	return out
}

// adopt adopts one finding. What was to be edited is edited at the end, all or nothing.
func (e *editor) adopt(f Finding, o *Outcome) (why error) {
	e.edits = nil
	defer func() {
		if p := recover(); p != nil { // of a parser, on files that a stranger made
			slog.Error("adopting drift failed", "err", p, "stack", string(debug.Stack()))
			why = reason("The code of it could not be read.")
		}
	}()
	if why := refuse(f); why != nil {
		return why
	}
	r, err := e.resource(f.Address)
	if err != nil {
		return err
	}
	if f.Kind == classify.Deleted {
		err = e.drop(r)
	} else {
		var steps []any
		if steps, err = split(f.Path); err == nil {
			err = e.inBody(r.at, r.file, r.block.Body, steps, sides{f.Wanted, f.Real})
		}
	}
	if err != nil {
		return err
	}
	if len(e.edits) == 0 {
		return reason("The code says so already.")
	}
	o.File, o.Line = e.edits[0].file, e.edits[0].line
	return e.apply()
}

// refuse says why a finding cannot be adopted whatever the code is.
func refuse(f Finding) error {
	switch {
	case f.Masked:
		return reason("Its value is sensitive, and is not known to the server.")
	case f.Kind == classify.Deleted:
		return nil
	case f.Kind == classify.DriftConfig:
		return reason("The code wants another value than the one that was applied: apply that, or take it back first.")
	case f.Kind == classify.Feeds:
		return reason("It is no part of the code: the provider computes it.")
	case f.Kind != classify.Drift:
		return reason("It is nothing that code could adopt.")
	case f.Path == "":
		return reason("It is about the object as a whole.")
	case f.Unknown:
		return reason("What the code wants is known only after an apply.")
	case cut(f.Recorded) || cut(f.Real) || cut(f.Wanted):
		return reason("Its value is too long to be kept.")
	}
	return nil
}

// sides are what the code wants and what is real.
type sides struct{ wanted, real any }

// within returns the sides of a member or an element.
func (s sides) within(key any) sides { return sides{member(s.wanted, key), member(s.real, key)} }

func member(v, key any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := key.(string); ok {
			return v[name]
		}
	case []any:
		if i, ok := key.(int); ok && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// configuration reports whether the engine reads a file as native configuration.
func (c Code) configuration(name string) bool {
	switch path.Ext(name) {
	case ".tofu":
		return c.Tofu
	case ".tf":
		_, replaced := c.Files[strings.TrimSuffix(name, ".tf")+".tofu"]
		return !c.Tofu || !replaced
	}
	return false
}

// in returns the names of the files of a folder, sorted.
func (c Code) in(dir string) []string {
	var out []string
	for name := range c.Files {
		if path.Dir(name) == dir {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
