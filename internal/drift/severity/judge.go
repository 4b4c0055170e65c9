package severity

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// base is the severity of a finding that no rule matches.
var base = map[classify.Kind]Level{
	classify.Drift: Medium, classify.DriftConfig: Medium, classify.Deleted: High, classify.Feeds: Low, classify.Pending: Info, classify.StateOnly: Info,
}

// titles of findings that no rule matches.
var titles = map[classify.Kind]string{
	classify.Drift: "{path} changed outside of the code", classify.DriftConfig: "{path} changed both outside and in the code",
	classify.Deleted: "deleted outside of the code", classify.Feeds: "{path} changed outside and changes others",
	classify.Pending: "{path} is not applied yet", classify.StateOnly: "{path} differs from the state only",
}

// Judge gives each finding its severity and says how bad the whole is. It fails only for rules
// of the organization that Check would refuse.
func Judge(r classify.Result, c Context) (Verdict, error) {
	rules, err := c.compile()
	if err != nil {
		return Verdict{}, err
	}
	j := judge{rules: rules, shift: shift(c.Labels)}
	v := Verdict{Severity: Info, Findings: make([]Judged, 0, len(r.Findings)), Resources: r.Resources, Drifted: r.Drifted}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, j.finding(f))
	}
	for _, check := range r.Checks {
		v.Checks = append(v.Checks, j.check(check))
	}
	sortFindings(v.Findings)
	if j.shift != 0 && j.shifted {
		v.Reasons = append(v.Reasons, map[int]string{1: "a production environment", -1: "not a production environment"}[j.shift])
	}
	v.total(c)
	return v, nil
}

// compile merges the organization's rules with ours.
func (c Context) compile() (*ruleSet, error) {
	set, err := ours()
	if err != nil || len(c.Rules) == 0 {
		return set, err
	}
	if err := Check(c.Rules); err != nil {
		return nil, err
	}
	rules := slices.Clone(set.rules)
	var added []*compiled
	for _, r := range c.Rules {
		rules = slices.DeleteFunc(rules, func(c *compiled) bool { return c.id == r.ID })
		if r.Disabled {
			continue
		}
		one, err := compile(r, true)
		if err != nil {
			return nil, err
		}
		added = append(added, one)
	}
	return newRuleSet(append(added, rules...)) // of two that are equally bad the organization's words count
}

type judge struct {
	rules   *ruleSet
	shift   int // by the labels: 1 worse, -1 better
	shifted bool
}

// finding lets all rules vote.
func (j *judge) finding(f classify.Finding) Judged {
	s := newSubject(f)
	out := Judged{Finding: f, Severity: base[f.Kind], Stateful: s.stateful, Title: titles[f.Kind]}
	if f.Kind == classify.StateOnly && !f.Format {
		out.Title = j.fill(out.Title, s)
		return out
	}
	type vote struct {
		rule *compiled
		*compiledCase
	}
	var votes []vote
	for _, r := range j.rules.of(s) {
		if c := r.vote(s); c != nil {
			votes = append(votes, vote{r.rule, c})
		}
	}
	slices.SortStableFunc(votes, func(a, b vote) int { return b.level.Rank() - a.level.Rank() })
	keep := false
	for i, v := range votes {
		out.Rules = append(out.Rules, v.rule.id)
		keep = keep || (v.rule.keep && v.level == votes[0].level)
		if i == 0 {
			out.Severity, out.Title, out.Why, out.Fix = v.level, v.title, v.why, v.fix
		}
	}
	out.Title = j.fill(out.Title, s)
	out.Severity = j.limit(out, keep)
	return out
}

// limit applies the labels, and what the kind allows at most. What is harmless stays so
// everywhere.
func (j *judge) limit(f Judged, keep bool) Level {
	level := f.Severity
	if level != Info && (j.shift > 0 || (j.shift < 0 && !keep)) {
		level = level.Raise(j.shift)
		j.shifted = j.shifted || level != f.Severity
	}
	switch f.Kind {
	case classify.StateOnly:
		return Info
	case classify.Pending:
		if !slices.Contains(f.Rules, "G1") && level.Rank() > Medium.Rank() {
			return Medium
		}
	}
	return level
}

// fill puts the path and the ports into a title.
func (j *judge) fill(title string, s *subject) string {
	path := s.finding.Path
	if path == "" {
		path = "the object"
	}
	if strings.Contains(title, "{ports}") {
		before, after := s.sides()
		found := exposes(value(before), value(after), mapping(s.finding.Block))
		if len(found) == 0 {
			found = ports(mapping(s.finding.Block))
		}
		title = strings.ReplaceAll(title, "{ports}", cmp.Or(named(found), "ports"))
	}
	return strings.ReplaceAll(title, "{path}", path)
}

// check judges a check by the rules of the type "check".
func (j *judge) check(c classify.Check) JudgedCheck {
	out := JudgedCheck{Check: c, Severity: Info}
	f := classify.Finding{Address: c.Address, Type: "check", Kind: "check", Path: "status", Real: c.Status}
	s := newSubject(f)
	for _, r := range j.rules.of(s) {
		one := r.vote(s)
		if one == nil {
			continue
		}
		out.Rules = append(out.Rules, r.rule.id)
		if one.level.Rank() > out.Severity.Rank() {
			out.Severity = one.level
		}
	}
	return out
}

// sortFindings puts the worst first, then what holds data.
func sortFindings(list []Judged) {
	order := make([]*Judged, len(list)) // findings are large to move
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortStableFunc(order, func(a, b *Judged) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), rank(b.Stateful)-rank(a.Stateful), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Path, b.Path))
	})
	sorted := make([]Judged, len(list))
	for i, j := range order {
		sorted[i] = *j
	}
	copy(list, sorted)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// How reasons of the context are told from others.
const (
	drifted = " resources drifted"
	openFor = "open for "
)

const (
	manyResources = 20
	// wideShare of a stack counts from so many drifted resources on: one of three is no outbreak.
	wideShare, wideFrom = 4, 5
	longOpen            = 7 * 24 * time.Hour
)

// total is the worst of all, raised once for much drift and once for old drift. Nothing that is
// harmless is raised.
func (v *Verdict) total(c Context) {
	v.worst()
	if v.Severity == Info {
		return
	}
	resources := cmp.Or(c.Resources, v.Resources)
	switch {
	case v.Drifted > manyResources:
		v.Severity, v.Reasons = v.Severity.Raise(1), append(v.Reasons, fmt.Sprintf("%d"+drifted, v.Drifted))
	case v.Drifted >= wideFrom && v.Drifted*wideShare > resources:
		v.Severity, v.Reasons = v.Severity.Raise(1), append(v.Reasons, fmt.Sprintf("%d of %d"+drifted, v.Drifted, resources))
	}
	if c.OldestOpen > longOpen && v.Drifted > 0 {
		v.Severity, v.Reasons = v.Severity.Raise(1), append(v.Reasons, fmt.Sprintf(openFor+"%d days", int(c.OldestOpen.Hours()/24)))
	}
}

// Raised is by how much the context raised the severity above that of the worst finding.
func (v Verdict) Raised() int {
	is := v.Severity
	v.Severity = Info
	v.worst()
	return max(is.Rank()-v.Severity.Rank(), 0)
}

// Recount makes severity and reasons those of the findings that remain after some were
// left out.
func (v *Verdict) Recount() {
	was := v.Reasons
	v.Severity, v.Reasons = Info, nil
	v.total(Context{})
	for _, reason := range was {
		switch {
		case strings.HasSuffix(reason, drifted):
		case !strings.HasPrefix(reason, openFor):
			v.Reasons = append(v.Reasons, reason)
		case v.Severity != Info && v.Drifted > 0:
			v.Severity, v.Reasons = v.Severity.Raise(1), append(v.Reasons, reason)
		}
	}
}

// worst takes the severity of the worst finding and check.
func (v *Verdict) worst() {
	for _, f := range v.Findings {
		v.worse(f.Severity)
	}
	for _, check := range v.Checks {
		v.worse(check.Severity)
	}
}

func (v *Verdict) worse(l Level) {
	if l.Rank() > v.Severity.Rank() {
		v.Severity = l
	}
}

var word = regexp.MustCompile(`[a-z]+`)

// shift says which way the labels move a severity; production wins.
func shift(labels []string) int {
	out := 0
	for _, l := range labels {
		for _, w := range word.FindAllString(strings.ToLower(l), -1) {
			switch w {
			case "prod", "production", "live":
				return 1
			case "dev", "development", "sandbox", "test", "testing":
				out = -1
			}
		}
	}
	return out
}
