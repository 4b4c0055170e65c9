package severity

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	lru "github.com/hashicorp/golang-lru/v2"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// compiled is a rule that can be asked.
type compiled struct {
	id            string
	keep          bool
	types, except []glob
	cases         []compiledCase
}

type compiledCase struct {
	paths           []glob
	kinds           []string
	when            cel.Program // nil is true
	level           Level
	title, why, fix string
}

// kindWords are the words that a rule may use for kinds.
var kindWords = []string{string(classify.Drift), string(classify.DriftConfig), string(classify.Deleted), string(classify.Feeds),
	string(classify.StateOnly), string(classify.Pending), "check"}

// compile prepares a rule; limited bounds what its conditions may cost.
func compile(r Rule, limited bool) (*compiled, error) {
	c := &compiled{id: r.ID, keep: r.Keep}
	var err error
	if c.types, err = patterns(r.Types); err != nil {
		return nil, err
	}
	if c.except, err = patterns(r.Except); err != nil {
		return nil, err
	}
	cases := r.Cases
	if len(cases) == 0 {
		cases = []Case{{}}
	}
	for _, one := range cases {
		compiled, err := compileCase(inherit(one, r.Case), limited)
		if err != nil {
			return nil, err
		}
		c.cases = append(c.cases, compiled)
	}
	return c, nil
}

// inherit fills in what a case leaves to its rule.
func inherit(c, from Case) Case {
	if c.Paths == nil {
		c.Paths = from.Paths
	}
	if c.Kinds == nil {
		c.Kinds = from.Kinds
	}
	for _, field := range []struct{ to, from *string }{{&c.When, &from.When}, {&c.Title, &from.Title}, {&c.Why, &from.Why}, {&c.Fix, &from.Fix}} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
	if c.Severity == "" {
		c.Severity = from.Severity
	}
	return c
}

func compileCase(c Case, limited bool) (compiledCase, error) {
	out := compiledCase{kinds: c.Kinds, level: c.Severity, title: c.Title, why: c.Why, fix: c.Fix}
	if c.Severity.Rank() < 0 {
		return out, fmt.Errorf("severity %q is none of critical, high, medium, low and info", c.Severity)
	}
	if c.Title == "" {
		return out, fmt.Errorf("it has no title")
	}
	for _, text := range []string{c.When, c.Title, c.Why, c.Fix} {
		if len(text) > maxText {
			return out, fmt.Errorf("a text is longer than %d bytes", maxText)
		}
	}
	for _, k := range c.Kinds {
		if !slices.Contains(kindWords, k) {
			return out, fmt.Errorf("kind %q is none of %s", k, strings.Join(kindWords, ", "))
		}
	}
	var err error
	if out.paths, err = patterns(c.Paths); err != nil {
		return out, err
	}
	if c.When != "" {
		out.when, err = expression(c.When, limited)
	}
	return out, err
}

// glob is a pattern in which * is any text: the texts between the stars.
type glob []string

func patterns(list []string) ([]glob, error) {
	var out []glob
	for _, g := range list {
		if len(g) > 200 {
			return nil, fmt.Errorf("a pattern is longer than 200 bytes")
		}
		out = append(out, strings.Split(g, "*"))
	}
	return out, nil
}

// match says whether the pattern is all of s.
func (g glob) match(s string) bool {
	rest, ok := strings.CutPrefix(s, g[0])
	if !ok || len(g) == 1 {
		return ok && rest == ""
	}
	for _, part := range g[1 : len(g)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, g[len(g)-1])
}

func matches(list []glob, s string) bool {
	return slices.ContainsFunc(list, func(g glob) bool { return g.match(s) })
}

// matchesPath also matches what is below a pattern.
func matchesPath(list []glob, path string) bool {
	for i := 0; i <= len(path); i++ {
		if (i == len(path) || path[i] == '.') && matches(list, path[:i]) {
			return true
		}
	}
	return false
}

// covers says whether the rule is about the type at all.
func (c *compiled) covers(typ string) bool {
	return (len(c.types) == 0 || matches(c.types, typ)) && !matches(c.except, typ)
}

// candidate is a rule with those of its cases whose paths match.
type candidate struct {
	rule  *compiled
	cases []*compiledCase
}

// ruleSet are rules that are asked together.
type ruleSet struct {
	rules []*compiled
	known *lru.Cache[string, []candidate] // by type and path: the same ones come with every scan
}

func newRuleSet(rules []*compiled) (*ruleSet, error) {
	known, err := lru.New[string, []candidate](8192)
	return &ruleSet{rules, known}, err
}

// of returns the rules that may match a finding.
func (r *ruleSet) of(s *subject) []candidate {
	name := s.finding.Type + "\x00" + s.path
	if list, ok := r.known.Get(name); ok {
		return list
	}
	var out []candidate
	for _, rule := range r.rules {
		if c := rule.about(s.finding.Type, s.path); len(c.cases) > 0 {
			out = append(out, c)
		}
	}
	r.known.Add(name, out)
	return out
}

// about returns the rule with the cases that are about the attribute.
func (c *compiled) about(typ, path string) candidate {
	out := candidate{rule: c}
	if !c.covers(typ) {
		return out
	}
	for i := range c.cases {
		if one := &c.cases[i]; len(one.paths) == 0 || (path != "" && matchesPath(one.paths, path)) {
			out.cases = append(out.cases, one)
		}
	}
	return out
}

// vote returns the worst case that matches; nil if none does.
func (c candidate) vote(s *subject) *compiledCase {
	var worst *compiledCase
	for _, one := range c.cases {
		if (worst == nil || one.level.Rank() > worst.level.Rank()) && one.matches(s) {
			worst = one
		}
	}
	return worst
}

// matches says whether kind and condition are those of the case; its paths match already.
func (c *compiledCase) matches(s *subject) bool {
	return (len(c.kinds) == 0 || slices.Contains(c.kinds, s.kind)) && (c.when == nil || s.true(c.when))
}
