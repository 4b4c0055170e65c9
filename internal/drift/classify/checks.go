package classify

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	maxProblems = 10
	maxMessage  = 1000
)

// readCheck reads an element of checks: an object of the configuration and its instances.
func (d *document) readCheck(s *stream) error {
	type problem struct {
		Message string `json:"message"`
	}
	type address struct {
		Kind    string `json:"kind"`
		Display string `json:"to_display"`
	}
	var c struct {
		Address   address `json:"address"`
		Status    string  `json:"status"`
		Instances []struct {
			Address  address   `json:"address"`
			Status   string    `json:"status"`
			Problems []problem `json:"problems"`
		} `json:"instances"`
	}
	if err := s.value(&c); err != nil {
		return err
	}
	for _, i := range c.Instances {
		check := Check{Address: i.Address.Display, Kind: c.Address.Kind, Status: i.Status, object: c.Address.Display}
		for _, p := range i.Problems[:min(len(i.Problems), maxProblems)] {
			check.Problems = append(check.Problems, strings.ToValidUTF8(p.Message[:min(len(p.Message), maxMessage)], ""))
		}
		d.checks = append(d.checks, check)
	}
	// An object without instances passes or, if its instances are not known, is unknown.
	if len(c.Instances) == 0 && c.Status == "unknown" {
		d.checks = append(d.checks, Check{Address: c.Address.Display, Kind: c.Address.Kind, Status: "unknown", object: c.Address.Display})
	}
	return nil
}

// NeedsRefresh says whether a check is unknown: its condition depends on what the next apply
// would do. A plan of mode refresh-only evaluates it against reality.
func (r *Result) NeedsRefresh() bool {
	return slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status == "unknown" })
}

// Refresh takes the checks of a refresh-only plan: what that plan knows of an object replaces
// what was known of it. Its drift is not read, as it does not tell noise from drift.
func (r *Result) Refresh(plan io.Reader) error {
	d, err := read(plan, 0)
	if err != nil {
		return err
	}
	if !d.complete {
		return fmt.Errorf("the refresh-only plan is not complete")
	}
	known := map[string]bool{}
	for _, c := range d.checks {
		if _, seen := known[c.object]; !seen {
			known[c.object] = true
		}
		known[c.object] = known[c.object] && c.Status != "unknown"
	}
	merged := slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return known[c.object] })
	for _, c := range d.checks {
		if known[c.object] {
			merged = append(merged, c)
		}
	}
	r.Checks = merged
	sortChecks(r.Checks)
	return nil
}

func sortChecks(list []Check) {
	slices.SortFunc(list, func(a, b Check) int { return strings.Compare(a.Address, b.Address) })
}
