package remedies

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// maxObjects is how many objects a run may touch that only puts drift right.
const maxObjects = 20

// Guard is what the plan of a scan says of a run that applies again.
type Guard struct {
	Findings  int // that a run would put right
	Severity  string
	Objects   []Object
	Destroys  int      // objects that the next apply destroys or replaces
	Recreates int      // objects that are gone, and are made again
	Stateful  int      // objects with data among Destroys
	Refusals  []string // why it takes an admin of the workspace to override
}

// Object is one that a run would touch.
type Object struct {
	Address  string   `json:"address"`
	Actions  []string `json:"actions"`
	Kinds    []string `json:"kinds"`
	Severity string   `json:"severity"`
	Stateful bool     `json:"stateful"`
	Findings int      `json:"findings"`
}

func (o Object) destroyed() bool { return slices.Contains(o.Actions, "delete") }

// judge looks at the open findings of an episode, or at those of them that were chosen.
func judge(list []findings.Finding) Guard {
	g, at := Guard{Severity: string(severity.Info)}, map[string]int{}
	for _, one := range list {
		if one.Kind == findings.Check {
			continue
		}
		g.Findings++
		if worse(one.Severity, g.Severity) {
			g.Severity = one.Severity
		}
		i, known := at[one.Address]
		if !known {
			i = len(g.Objects)
			at[one.Address] = i
			g.Objects = append(g.Objects, Object{Address: one.Address, Actions: jsonapi.List(one.Actions.V), Severity: one.Severity})
		}
		o := &g.Objects[i]
		o.Findings++
		o.Stateful = o.Stateful || one.Stateful
		if worse(one.Severity, o.Severity) {
			o.Severity = one.Severity
		}
		if !slices.Contains(o.Kinds, string(one.Kind)) {
			o.Kinds = append(o.Kinds, string(one.Kind))
		}
	}
	g.count()
	return g
}

func worse(a, b string) bool { return severity.Level(a).Rank() > severity.Level(b).Rank() }

func (g *Guard) count() {
	var holding, other []string
	for _, o := range g.Objects {
		if o.destroyed() {
			g.Destroys++
			if o.Stateful {
				holding = append(holding, o.Address)
			}
		}
		if slices.Contains(o.Kinds, string(classify.Deleted)) {
			g.Recreates++
		}
		if slices.ContainsFunc(o.Kinds, func(k string) bool { return k != string(classify.Drift) && k != string(classify.Deleted) }) {
			other = append(other, o.Address)
		}
	}
	g.Stateful = len(holding)
	if len(holding) > 0 {
		g.Refusals = append(g.Refusals, "It would destroy or replace what holds data: "+names(holding)+".")
	}
	if len(g.Objects) > maxObjects {
		g.Refusals = append(g.Refusals, fmt.Sprintf("It would touch %d objects, more than %d.", len(g.Objects), maxObjects))
	}
	if len(other) > 0 {
		g.Refusals = append(g.Refusals, "It would do more than undo what was changed outside, because the code has changed too or other objects follow: "+names(other)+".")
	}
}

// names lists the first of some addresses.
func names(list []string) string {
	const shown = 5
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
