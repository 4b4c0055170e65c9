package severity

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Rule is one rule as it is written in YAML or JSON. It matches a finding if one of its cases
// does; a rule without cases is its own single case.
type Rule struct {
	ID       string   `yaml:"id" json:"id"`
	Disabled bool     `yaml:"disabled,omitempty" json:"disabled,omitempty"` // with the id of a rule of ours: that rule is off
	Types    []string `yaml:"types,omitempty" json:"types,omitempty"`       // patterns with *; none is every type
	Except   []string `yaml:"except,omitempty" json:"except,omitempty"`     // patterns of types that are not meant
	Keep     bool     `yaml:"keep,omitempty" json:"keep,omitempty"`         // labels such as "dev" do not lower it
	Case     `yaml:",inline"`
	Cases    []Case    `yaml:"cases,omitempty" json:"cases,omitempty"`
	Yes      []Example `yaml:"yes,omitempty" json:"yes,omitempty"` // findings that it matches
	No       []Example `yaml:"no,omitempty" json:"no,omitempty"`   // findings that it does not match
}

// Case is a condition and its severity. What a case leaves empty is the rule's.
type Case struct {
	Paths    []string `yaml:"paths,omitempty" json:"paths,omitempty"` // patterns with * over paths without indexes; none is every path
	Kinds    []string `yaml:"kinds,omitempty" json:"kinds,omitempty"` // none is every kind
	When     string   `yaml:"when,omitempty" json:"when,omitempty"`   // CEL; none is true
	Severity Level    `yaml:"severity,omitempty" json:"severity,omitempty"`
	Title    string   `yaml:"title,omitempty" json:"title,omitempty"` // {path} and {ports} are filled in
	Why      string   `yaml:"why,omitempty" json:"why,omitempty"`
	Fix      string   `yaml:"fix,omitempty" json:"fix,omitempty"`
}

// Example is a finding in short. Its kind is drift and its actions are an update if it does not
// say else.
type Example struct {
	Type     string         `yaml:"type,omitempty" json:"type,omitempty"` // the first type of the rule
	Path     string         `yaml:"path,omitempty" json:"path,omitempty"`
	Kind     string         `yaml:"kind,omitempty" json:"kind,omitempty"`
	Was      any            `yaml:"was,omitempty" json:"was,omitempty"`
	Is       any            `yaml:"is,omitempty" json:"is,omitempty"`
	Acts     []string       `yaml:"acts,omitempty" json:"acts,omitempty"`
	Masked   bool           `yaml:"masked,omitempty" json:"masked,omitempty"`
	Format   bool           `yaml:"format,omitempty" json:"format,omitempty"`
	Object   map[string]any `yaml:"object,omitempty" json:"object,omitempty"`
	Severity Level          `yaml:"severity,omitempty" json:"severity,omitempty"` // that is expected; empty is not compared
}

//go:embed rules/*.yaml
var files embed.FS

// ours are the embedded rules, compiled once.
var ours = sync.OnceValues(func() (*ruleSet, error) {
	var out []*compiled
	for _, rule := range Builtin() {
		c, err := compile(rule, false)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", rule.ID, err)
		}
		out = append(out, c)
	}
	return newRuleSet(out)
})

// Builtin returns the embedded rules: those for particular types first, the general ones last.
func Builtin() []Rule {
	names, err := fs.Glob(files, "rules/*.yaml")
	if err != nil {
		panic(err) // the pattern is right
	}
	var out []Rule
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it was listed
		}
		rules, err := Parse(bytes.NewReader(text))
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err)) // the tests parse all
		}
		out = append(out, rules...)
	}
	slices.SortStableFunc(out, func(a, b Rule) int { return general(a) - general(b) })
	return out
}

func general(r Rule) int {
	if len(r.Types) == 0 {
		return 1
	}
	return 0
}

const (
	maxRules = 500
	maxText  = 4000 // of an expression, a title, an explanation
)

// Parse reads rules in YAML: a list. Words that no rule has are errors.
func Parse(r io.Reader) ([]Rule, error) {
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	var out []Rule
	if err := d.Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the rules cannot be read: %w", err)
	}
	return out, nil
}

// Check says what is wrong with an organization's rules, in words for those who wrote them.
func Check(rules []Rule) error {
	if len(rules) > maxRules {
		return fmt.Errorf("there are %d rules, at most %d are possible", len(rules), maxRules)
	}
	seen := map[string]bool{}
	for i, r := range rules {
		if r.ID == "" {
			return fmt.Errorf("rule %d has no id", i+1)
		}
		if seen[r.ID] {
			return fmt.Errorf("rule %s is there twice", r.ID)
		}
		seen[r.ID] = true
		if r.Disabled {
			continue
		}
		if _, err := compile(r, true); err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
	}
	return nil
}
