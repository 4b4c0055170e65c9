package severity

// Rule is one rule as it is written in YAML or JSON. A rule matches a finding if one of its
// cases does; a rule without cases is its own single case.
type Rule struct {
	ID       string   `yaml:"id" json:"id"`
	Disabled bool     `yaml:"disabled,omitempty" json:"disabled,omitempty"` // with the id of a rule of ours: that rule is off
	Types    []string `yaml:"types,omitempty" json:"types,omitempty"`       // patterns with *; none is every type
	Keep     bool     `yaml:"keep,omitempty" json:"keep,omitempty"`         // labels such as "dev" do not lower it
	Case     `yaml:",inline"`
	Cases    []Case `yaml:"cases,omitempty" json:"cases,omitempty"`
}

// Case is a condition and its severity. What a case leaves empty is the rule's.
type Case struct {
	Paths    []string `yaml:"paths,omitempty" json:"paths,omitempty"` // patterns with * over paths without indexes; none is every path
	Kinds    []string `yaml:"kinds,omitempty" json:"kinds,omitempty"` // none is every kind
	When     string   `yaml:"when,omitempty" json:"when,omitempty"`   // CEL; none is true
	Severity Level    `yaml:"severity,omitempty" json:"severity,omitempty"`
	Title    string   `yaml:"title,omitempty" json:"title,omitempty"`
	Why      string   `yaml:"why,omitempty" json:"why,omitempty"`
	Fix      string   `yaml:"fix,omitempty" json:"fix,omitempty"`
}
