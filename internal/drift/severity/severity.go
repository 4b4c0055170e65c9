// Package severity says how bad the findings of a scan are, by rules.
//
// The rules are data (rules/*.yaml): each names types and attributes of resources and a
// condition in CEL, and each brings examples of what it matches and what it does not.
// All rules that match vote and the highest wins; the base of a kind counts only where none
// matches. Direction matters: opening a firewall is critical, closing the same one is not.
package severity

import (
	"encoding/json"
	"time"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// Level is how bad something is.
type Level string

// Levels from worst to harmless.
const (
	Critical Level = "critical"
	High     Level = "high"
	Medium   Level = "medium"
	Low      Level = "low"
	Info     Level = "info"
)

// levels are in the order of their ranks.
var levels = []Level{Info, Low, Medium, High, Critical}

// Rank is 4 for critical down to 0 for info, and -1 for a word that is no level.
func (l Level) Rank() int {
	for rank, level := range levels {
		if level == l {
			return rank
		}
	}
	return -1
}

// Raise returns the level that is so many steps worse, or better if steps is negative.
func (l Level) Raise(steps int) Level {
	return levels[min(max(l.Rank()+steps, 0), len(levels)-1)]
}

// Context is what a verdict depends on beside the findings.
type Context struct {
	Labels     []string      // name of the workspace or schedule, folder, tags
	Resources  int           // of the whole stack; 0 takes the count of the plan
	OldestOpen time.Duration // since the oldest open finding was first seen, if nobody has acknowledged it
	Rules      []Rule        // of the organization: they add to ours, replace by id, or disable
}

// Judged is a finding with its severity.
type Judged struct {
	classify.Finding
	Severity Level
	Rules    []string // ids, the one that decided first
	Title    string   // one line without values, such as "port 22 open to the world"
	Why, Fix string   // of the rule that decided
	Stateful bool     // the object holds data
}

// MarshalJSON leaves sensitive values out, as the finding's own does.
func (j Judged) MarshalJSON() ([]byte, error) {
	type plain classify.Finding
	return json.Marshal(struct {
		plain
		Severity Level    `json:"severity"`
		Rules    []string `json:"rules,omitempty"`
		Title    string   `json:"title,omitempty"`
		Why      string   `json:"why,omitempty"`
		Fix      string   `json:"fix,omitempty"`
		Stateful bool     `json:"stateful,omitempty"`
	}{plain(j.Public()), j.Severity, j.Rules, j.Title, j.Why, j.Fix, j.Stateful})
}

// JudgedCheck is a check with its severity; info if it passes or is unknown.
type JudgedCheck struct {
	classify.Check
	Severity Level    `json:"severity"`
	Rules    []string `json:"rules,omitempty"`
}

// Verdict is the judgement of a scan.
type Verdict struct {
	Severity Level    // the worst of all, raised by the context
	Findings []Judged // worst first, then those that hold data, then by address and path
	Checks   []JudgedCheck
	Reasons  []string // what in the context moved severities, in words

	Resources, Drifted int // of the plan
}
