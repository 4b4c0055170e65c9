// Package tfcomponent reads what the files of a Stack component configuration say of it
// (*.tfcomponent.hcl and .json, and *.tfstack.hcl as Terraform 1.13 and older call them):
// variables, outputs, providers, the components and stacks that it is made of, and README.
//
// The surprising rule: nothing is evaluated. Types are told in the words of the file, and a
// source or a version that is no literal makes the file wrong, as it does for Terraform.
package tfcomponent

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"plumbline.dev/plumbline/internal/delivery/nesting"
)

// Configuration is what is known of a component configuration.
type Configuration struct {
	Readme        string     `json:"readme"`
	Variables     []Variable `json:"variables"`
	Outputs       []Output   `json:"outputs"`
	Providers     []Provider `json:"providers"`
	Subcomponents []Part     `json:"subcomponents"`
}

// Variable is an input.
type Variable struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // as it is written
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Sensitive   bool   `json:"sensitive"`
	Ephemeral   bool   `json:"ephemeral"`
}

// Output is an output.
type Output struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Sensitive   bool   `json:"sensitive"`
	Ephemeral   bool   `json:"ephemeral"`
}

// Provider is a provider that the configuration requires.
type Provider struct {
	Name      string `json:"name"` // its type, such as aws
	Namespace string `json:"namespace"`
	Source    string `json:"source"`
	Version   string `json:"version,omitempty"` // a constraint
}

// Part is a component, or a stack that is embedded.
type Part struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // component or stack
	Source  string `json:"source"`
	Version string `json:"version,omitempty"` // a constraint
}

// Bad tells why files are no component configuration.
type Bad struct{ Reason string }

// Error implements error.
func (b *Bad) Error() string { return b.Reason }

// suffixes of the files, those of today first.
var suffixes = []string{".tfcomponent.hcl", ".tfcomponent.json", ".tfstack.hcl", ".tfstack.json"}

// IsConfiguration reports whether a path is a file of a component configuration. Folders are
// not looked into.
func IsConfiguration(name string) bool {
	return !strings.Contains(name, "/") && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// IsReadme reports whether a path is the README of the configuration.
func IsReadme(name string) bool { return strings.EqualFold(name, "README.md") || name == "README" }

// maxReadme is how much of a README is kept, in bytes.
const maxReadme = 64 << 10

// schema is what may stand at the top of a file.
var schema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "language"}},
	Blocks: []hcl.BlockHeaderSchema{
		{Type: "required_providers"}, {Type: "locals"}, {Type: "removed"}, {Type: "provider", LabelNames: []string{"type", "name"}},
		{Type: "variable", LabelNames: []string{"name"}}, {Type: "output", LabelNames: []string{"name"}},
		{Type: "component", LabelNames: []string{"name"}}, {Type: "stack", LabelNames: []string{"name"}},
	},
}

// Read reads the files of a configuration, by their names. A *Bad tells what is wrong with
// them.
func Read(files map[string][]byte) (Configuration, error) {
	c := Configuration{Variables: []Variable{}, Outputs: []Output{}, Providers: []Provider{}, Subcomponents: []Part{}}
	r := reader{c: &c, seen: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if IsReadme(name) {
			c.Readme = strings.ToValidUTF8(string(files[name][:min(len(files[name]), maxReadme)]), "")
		}
		if !IsConfiguration(name) {
			continue
		}
		r.files++
		if err := r.file(name, files[name]); err != nil {
			return Configuration{}, err
		}
	}
	if r.files == 0 {
		return Configuration{}, &Bad{"The archive has no component configuration: no file in its root whose name ends in .tfcomponent.hcl."}
	}
	return c, nil
}

// reader reads one file after the other.
type reader struct {
	c     *Configuration
	seen  map[string]bool // blocks that may come once: "variable x"
	files int
}

func (r *reader) file(name string, src []byte) error {
	if nesting.TooDeep(src, name) {
		return &Bad{name + " is nested too deeply"}
	}
	parser := hclparse.NewParser()
	parse := parser.ParseHCL
	if path.Ext(name) == ".json" {
		parse = parser.ParseJSON
	}
	f, diags := parse(src, name)
	if diags.HasErrors() {
		return wrong(diags)
	}
	content, diags := f.Body.Content(schema)
	if diags.HasErrors() {
		return wrong(diags)
	}
	for _, b := range content.Blocks {
		if err := r.block(b, src); err != nil {
			return err
		}
	}
	return nil
}

// wrong tells the first error with its place.
func wrong(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := ""
		if d.Subject != nil {
			at = fmt.Sprintf("%s:%d: ", d.Subject.Filename, d.Subject.Start.Line)
		}
		return &Bad{strings.TrimSuffix(fmt.Sprintf("%s%s: %s", at, d.Summary, d.Detail), ": ")}
	}
	return nil
}

func (r *reader) block(b *hcl.Block, src []byte) error {
	switch b.Type {
	case "locals", "removed":
		return nil
	}
	key := b.Type + " " + strings.Join(b.Labels, " ")
	if r.seen[key] {
		return &Bad{fmt.Sprintf("%s:%d: Duplicate %s block: there is another one already", b.DefRange.Filename, b.DefRange.Start.Line, strings.TrimSpace(key))}
	}
	r.seen[key] = true
	switch b.Type {
	case "variable":
		return r.variable(b, src)
	case "output":
		return r.output(b, src)
	case "component", "stack":
		return r.part(b)
	case "required_providers":
		return r.providers(b)
	}
	return nil
}

func (r *reader) variable(b *hcl.Block, src []byte) error {
	attrs, err := attributes(b, "type", "default", "description", "sensitive", "ephemeral")
	if err != nil {
		return err
	}
	v := Variable{Name: b.Labels[0], Type: text(attrs["type"], src), Required: attrs["default"] == nil}
	if attrs["type"] == nil {
		return missing(b, "type")
	}
	r.c.Variables = append(r.c.Variables, v)
	p := &r.c.Variables[len(r.c.Variables)-1]
	return literals(attrs, map[string]any{"description": &p.Description, "sensitive": &p.Sensitive, "ephemeral": &p.Ephemeral})
}

func (r *reader) output(b *hcl.Block, src []byte) error {
	attrs, err := attributes(b, "type", "value", "description", "sensitive", "ephemeral")
	if err != nil {
		return err
	}
	for _, name := range []string{"type", "value"} {
		if attrs[name] == nil {
			return missing(b, name)
		}
	}
	r.c.Outputs = append(r.c.Outputs, Output{Name: b.Labels[0], Type: text(attrs["type"], src)})
	p := &r.c.Outputs[len(r.c.Outputs)-1]
	return literals(attrs, map[string]any{"description": &p.Description, "sensitive": &p.Sensitive, "ephemeral": &p.Ephemeral})
}

func (r *reader) part(b *hcl.Block) error {
	attrs, err := attributes(b, "source", "version", "for_each", "inputs", "providers", "depends_on")
	if err != nil {
		return err
	}
	if attrs["source"] == nil {
		return missing(b, "source")
	}
	p := Part{Name: b.Labels[0], Kind: b.Type}
	err = literals(attrs, map[string]any{"source": &p.Source, "version": &p.Version})
	r.c.Subcomponents = append(r.c.Subcomponents, p)
	return err
}

func (r *reader) providers(b *hcl.Block) error {
	attrs, diags := b.Body.JustAttributes()
	if diags.HasErrors() {
		return wrong(diags)
	}
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p, err := required(attrs[name])
		if err != nil {
			return err
		}
		r.c.Providers = append(r.c.Providers, p)
	}
	return nil
}

// required reads { source = "…", version = "…" }.
func required(a *hcl.Attribute) (Provider, error) {
	var p Provider
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		return p, wrong(diags)
	}
	for _, pair := range pairs {
		var to any
		key := hcl.ExprAsKeyword(pair.Key)
		if key == "" {
			if diags := gohcl.DecodeExpression(pair.Key, nil, &key); diags.HasErrors() {
				return p, wrong(diags)
			}
		}
		switch key {
		case "source":
			to = &p.Source
		case "version":
			to = &p.Version
		default:
			continue
		}
		if diags := gohcl.DecodeExpression(pair.Value, nil, to); diags.HasErrors() {
			return p, wrong(diags)
		}
	}
	if p.Source == "" {
		return p, &Bad{fmt.Sprintf("%s:%d: Provider %s has no source", a.Range.Filename, a.Range.Start.Line, a.Name)}
	}
	part := strings.Split(p.Source, "/")
	p.Name = part[len(part)-1]
	if len(part) > 1 {
		p.Namespace = part[len(part)-2]
	}
	return p, nil
}

// attributes returns those of a block that are known; nested blocks and the rest are left to
// the engine.
func attributes(b *hcl.Block, names ...string) (hcl.Attributes, error) {
	s := &hcl.BodySchema{}
	for _, name := range names {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: name})
	}
	content, _, diags := b.Body.PartialContent(s)
	return content.Attributes, wrong(diags)
}

// literals reads attributes that must be literals into strings and booleans.
func literals(attrs hcl.Attributes, to map[string]any) error {
	for name, p := range to {
		if attrs[name] == nil {
			continue
		}
		if diags := gohcl.DecodeExpression(attrs[name].Expr, nil, p); diags.HasErrors() {
			return wrong(diags)
		}
	}
	return nil
}

func missing(b *hcl.Block, name string) error {
	return &Bad{fmt.Sprintf("%s:%d: Missing required argument: %s %q has no %s", b.DefRange.Filename, b.DefRange.Start.Line, b.Type, b.Labels[0], name)}
}

// text is an expression as it is written.
func text(a *hcl.Attribute, src []byte) string {
	if a == nil {
		return ""
	}
	return strings.Trim(string(a.Expr.Range().SliceBytes(src)), `"`)
}
