package severity

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// compiled is a rule that can be asked.
type compiled struct {
	id            string
	keep          bool
	types, except []*regexp.Regexp
	cases         []compiledCase
}

type compiledCase struct {
	paths           []*regexp.Regexp
	kinds           []string
	when            cel.Program // nil is true
	level           Level
	title, why, fix string
}

// kindWords are the words that a rule may use for kinds.
var kindWords = []string{string(classify.Drift), string(classify.DriftConfig), string(classify.Deleted), string(classify.Feeds),
	string(classify.StateOnly), string(classify.Pending), "check"}

func compile(r Rule) (*compiled, error) {
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
		compiled, err := compileCase(inherit(one, r.Case))
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

func compileCase(c Case) (compiledCase, error) {
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
		out.when, err = expression(c.When)
	}
	return out, err
}

// patterns compiles globs: * is any text, {a,b} is one of several. A pattern of a path also
// matches what is below.
func patterns(globs []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, g := range globs {
		if len(g) > 200 {
			return nil, fmt.Errorf("a pattern is longer than 200 bytes")
		}
		text := regexp.QuoteMeta(g)
		text = strings.NewReplacer(`\*`, `.*`, `\{`, `(?:`, `\}`, `)`, `,`, `|`).Replace(text)
		re, err := regexp.Compile(`^` + text + `(\..*)?$`)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", g, err)
		}
		out = append(out, re)
	}
	return out, nil
}

func matches(list []*regexp.Regexp, s string) bool {
	return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(s) })
}

// covers says whether the rule is about the type at all.
func (c *compiled) covers(typ string) bool {
	return (len(c.types) == 0 || matches(c.types, typ)) && !matches(c.except, typ)
}

// vote returns the worst case that matches; nil if none does.
func (c *compiled) vote(s *subject) *compiledCase {
	var worst *compiledCase
	for i := range c.cases {
		one := &c.cases[i]
		if (worst == nil || one.level.Rank() > worst.level.Rank()) && one.matches(s) {
			worst = one
		}
	}
	return worst
}

func (c *compiledCase) matches(s *subject) bool {
	if len(c.kinds) > 0 && !slices.Contains(c.kinds, s.kind) {
		return false
	}
	if len(c.paths) > 0 && (s.path == "" || !matches(c.paths, s.path)) {
		return false
	}
	return c.when == nil || s.true(c.when)
}
