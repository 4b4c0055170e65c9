package classify

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
)

// ErrIncomplete is returned for the plan of an engine that stopped on the way: what it does not
// mention may have drifted.
var ErrIncomplete = errors.New("the plan is not complete")

// Plan classifies the output of "show -json" for a normal plan. A refresh-only plan has no
// changes, so all of its drift would be state-only. What an engine prints before the document
// is skipped.
func Plan(plan io.Reader, o Options) (Result, error) {
	k, err := readKinds(o)
	if err != nil {
		return Result{}, err
	}
	d, err := read(plan, o.MaxBytes)
	if err != nil {
		return Result{}, err
	}
	if !d.complete {
		return Result{}, ErrIncomplete
	}
	r := Result{Checks: d.checks, TerraformVersion: d.version, Providers: d.providers, Findings: d.findings(k)}
	sortChecks(r.Checks)
	d.count(&r)
	return r, nil
}

// count sets the counts. An object that is gone is in the plan and not in the state.
func (d *document) count(r *Result) {
	drifted, gone := map[string]bool{}, map[string]bool{}
	for _, f := range r.Findings {
		if !f.Kind.Drifted() || f.Type == "output" || f.Deposed != "" {
			continue
		}
		drifted[f.Address] = true
		if f.Kind == Deleted {
			gone[f.Address] = true
		}
	}
	r.Drifted = len(drifted)
	r.Undrifted = max(d.managed-(len(drifted)-len(gone)), 0)
	r.Resources = r.Drifted + r.Undrifted
}

// findings classifies every object of the plan.
func (d *document) findings(k kinds) []Finding {
	changes := map[string]*change{}
	for _, c := range d.changes {
		changes[c.key()] = c
	}
	var out []Finding
	done := map[string]bool{}
	for _, drift := range d.drift {
		if !done[drift.key()] {
			done[drift.key()] = true
			out = append(out, d.drifted(k, drift, changes[drift.key()])...)
		}
	}
	for _, c := range d.changes {
		if !done[c.key()] {
			done[c.key()] = true
			out = append(out, d.planned(k, c)...)
		}
	}
	out = append(out, d.outputFindings(out)...)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return strings.Compare(a.Address+"\x00"+a.Deposed+"\x00"+a.Path, b.Address+"\x00"+b.Deposed+"\x00"+b.Path)
	})
	return out
}

// drifted classifies an object that reality changed; c is what is planned for it, or nil.
func (d *document) drifted(k kinds, drift, c *change) []Finding {
	f := base(drift, c)
	if drift.only("delete") {
		f.Kind, f.Recorded = StateOnly, nil // gone from the code as well
		if c.acts() {
			f.Kind = Deleted
		}
		f.Object, _ = unmasked(drift.Change.Before, drift.Change.BeforeSensitive).(map[string]any)
		return []Finding{f}
	}
	masks := []any{drift.Change.BeforeSensitive, drift.Change.AfterSensitive}
	s := sides{recorded: drift.Change.Before, real: drift.Change.After}
	w := walker{form: k.form(drift.Type), hasDrift: true, hasChange: c.acts() && !c.leaves()}
	if c != nil {
		masks = append(masks, c.Change.BeforeSensitive, c.Change.AfterSensitive)
		s.before, s.wanted, s.unknown = c.Change.Before, c.Change.After, c.Change.AfterUnknown
	}
	s.masks = masks
	f.Object, _ = unmasked(s.real, masks...).(map[string]any)
	w.walk(nil, s)
	out := d.leaves(f, drift, c, w.leaves)
	if c != nil && (c.leaves() || !c.acts() || (len(c.Change.Actions) > 1 && !explained(out))) {
		out = append(out, whole(f))
	}
	return out
}

// explained says whether a replacement has a reason among the findings.
func explained(list []Finding) bool {
	return slices.ContainsFunc(list, func(f Finding) bool { return f.Kind != StateOnly })
}

// leaves says whether the object leaves the code: there is no wanted value for its attributes.
func (c *change) leaves() bool { return c.only("delete") || c.only("forget") }

// planned classifies an object that the code changes and reality did not.
func (d *document) planned(k kinds, c *change) []Finding {
	f := base(c, c)
	f.Object, _ = unmasked(c.Change.Before, c.Change.BeforeSensitive, c.Change.AfterSensitive).(map[string]any)
	if c.leaves() || c.only("create") || !c.acts() {
		return []Finding{whole(f)}
	}
	w := walker{form: k.form(c.Type), hasChange: true}
	w.walk(nil, sides{before: c.Change.Before, wanted: c.Change.After, unknown: c.Change.AfterUnknown,
		masks: []any{c.Change.BeforeSensitive, c.Change.AfterSensitive}})
	out := d.leaves(f, c, c, w.leaves)
	if len(c.Change.Actions) > 1 && !explained(out) {
		out = append(out, whole(f)) // replaced for another reason than its attributes
	}
	return out
}

// whole is a pending change of the object itself: created, removed, forgotten, imported, moved,
// or replaced because it is tainted.
func whole(f Finding) Finding {
	f.Path, f.Kind = "", Pending
	return f
}

func base(of, c *change) Finding {
	f := Finding{Address: of.Address, Type: of.Type, Name: of.Name, Provider: of.ProviderName, Module: of.ModuleAddress,
		Index: of.Index, Mode: of.Mode, Deposed: of.Deposed}
	if c != nil {
		f.Actions = c.Change.Actions
	}
	return f
}

// leaves turns differing attributes into findings.
func (d *document) leaves(f Finding, of, c *change, list []leaf) []Finding {
	var out []Finding
	for _, l := range list {
		kind, ok := d.kind(of, c, l)
		if !ok {
			continue
		}
		f.Path, f.Kind, f.Format = l.path.String(), kind, l.format
		f.Block = enclosing(f.Object, l.path)
		f.Recorded, f.Real, f.Wanted = l.recorded, l.real, l.wanted
		f.Masked, f.Unknown = l.masked, l.unknown
		out = append(out, f)
	}
	return out
}

// enclosing returns the innermost map on the way to an attribute.
func enclosing(object map[string]any, p path) map[string]any {
	at, block := any(object), object
	for _, step := range p[:max(len(p)-1, 0)] {
		at = member(at, step)
		if m, ok := at.(map[string]any); ok {
			block = m
		}
	}
	return block
}

// kind classifies an attribute; false if it is only a consequence of other changes.
func (d *document) kind(of, c *change, l leaf) (Kind, bool) {
	switch {
	case l.format:
		return StateOnly, true
	case !l.drifted && l.unknown:
		return Pending, d.wantsUnknown(c, l)
	case !l.drifted:
		return Pending, true
	case l.changed && l.unknown && d.wantsUnknown(c, l):
		return DriftConfig, true
	case l.changed && !l.unknown && l.back:
		return Drift, true
	case l.changed && !l.unknown:
		return DriftConfig, true
	case d.feeds(of, l.path):
		return Feeds, true
	}
	return StateOnly, true
}

// wantsUnknown says whether the code sets the attribute to something that is not known yet, or
// the provider computes it anew.
func (d *document) wantsUnknown(c *change, l leaf) bool {
	set, known := d.configured(c, l.path)
	if known {
		return set
	}
	return len(c.Change.Actions) == 1 // a replacement makes every computed attribute unknown
}

// feeds says whether another change follows from the attribute. Relevant attributes are also
// those that a data source of a check block reads, so something else must change.
func (d *document) feeds(of *change, p path) bool {
	if !slices.ContainsFunc(d.relevant[of.Address], p.meets) {
		return false
	}
	return len(d.outputs) > 0 || slices.ContainsFunc(d.changes, func(c *change) bool { return c.acts() && c.key() != of.key() })
}

// outputFindings are the outputs that the code changes. Where drift feeds other changes they
// follow from it.
func (d *document) outputFindings(found []Finding) []Finding {
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == Feeds }) {
		return nil
	}
	var out []Finding
	for _, name := range d.outputs {
		out = append(out, Finding{Address: "output." + name, Type: "output", Name: name, Mode: "managed", Kind: Pending, Actions: []string{"update"}})
	}
	return out
}

// identical says whether two values are the same, numbers by their text.
func identical(a, b any) bool {
	if x, ok := a.(json.Number); ok {
		y, ok := b.(json.Number)
		return ok && x == y
	}
	return reflect.DeepEqual(a, b)
}
