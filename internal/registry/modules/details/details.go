// Package details reads what the files of a module say of it: README, inputs, outputs,
// resources, providers and modules that it uses, submodules and examples.
//
// The surprising rule: only what no engine could read makes a module bad: files of the
// root with wrong syntax, or no configuration in the root. What terraform-config-inspect
// does not understand of the rest is left out, because OpenTofu and Terraform each have
// words that the other lacks.
package details

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-config-inspect/tfconfig"
)

// Module is what is known of a version of a module, in the words of the registry API.
type Module struct {
	Root       Part   `json:"root"`
	Submodules []Part `json:"submodules"` // the folders of modules/
	Examples   []Part `json:"examples"`   // the folders of examples/
}

// Part is a folder with configuration.
type Part struct {
	Path         string       `json:"path"` // "" is the root
	Name         string       `json:"name"`
	Readme       string       `json:"readme"`
	Empty        bool         `json:"empty"` // it has no configuration that could be read
	Inputs       []Input      `json:"inputs"`
	Outputs      []Output     `json:"outputs"`
	Dependencies []Dependency `json:"dependencies"`
	Providers    []Provider   `json:"provider_dependencies"`
	Resources    []Resource   `json:"resources"`
}

// Input is a variable. Default is its default as JSON, "" if it is required.
type Input struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Default     string `json:"default"`
	Required    bool   `json:"required"`
}

// Output is an output.
type Output struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Dependency is a module that the folder calls.
type Dependency struct {
	Name    string `json:"name"`
	Source  string `json:"source"`
	Version string `json:"version"` // a constraint, "" is any
}

// Provider is a provider that the folder needs.
type Provider struct {
	Name      string `json:"name"` // as the folder calls it
	Namespace string `json:"namespace"`
	Source    string `json:"source"`
	Version   string `json:"version"` // a constraint, "" is any
}

// Resource is a managed resource.
type Resource struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Outline is the part of a Module that lists of versions show.
type Outline struct {
	Root       Needs   `json:"root"`
	Submodules []Needs `json:"submodules"`
}

// Needs is what a folder needs to be there.
type Needs struct {
	Path         string       `json:"path,omitempty"`
	Name         string       `json:"name,omitempty"`
	Providers    []Provider   `json:"providers"`
	Dependencies []Dependency `json:"dependencies"`
}

// Outline returns the outline of m.
func (m Module) Outline() Outline {
	out := Outline{Root: Needs{Providers: m.Root.Providers, Dependencies: m.Root.Dependencies}, Submodules: []Needs{}}
	for _, p := range m.Submodules {
		out.Submodules = append(out.Submodules, Needs{p.Path, p.Name, p.Providers, p.Dependencies})
	}
	return out
}

// read fills a part with what tfconfig has found.
func (p *Part) read(m *tfconfig.Module) {
	for _, v := range m.Variables {
		p.Inputs = append(p.Inputs, Input{v.Name, v.Type, strings.TrimSpace(v.Description), fallback(v), v.Required})
	}
	for _, o := range m.Outputs {
		p.Outputs = append(p.Outputs, Output{o.Name, strings.TrimSpace(o.Description)})
	}
	for _, c := range m.ModuleCalls {
		p.Dependencies = append(p.Dependencies, Dependency{c.Name, c.Source, c.Version})
	}
	for _, r := range m.ManagedResources {
		p.Resources = append(p.Resources, Resource{r.Name, r.Type})
	}
	imply(m, m.ManagedResources)
	imply(m, m.DataResources)
	for name, req := range m.RequiredProviders {
		p.Providers = append(p.Providers, provider(name, req))
	}
	slices.SortFunc(p.Inputs, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Outputs, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Dependencies, func(a, b Dependency) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Resources, func(a, b Resource) int { return strings.Compare(a.Type+"."+a.Name, b.Type+"."+b.Name) })
	slices.SortFunc(p.Providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
}

// imply adds the providers that resources need and that nothing requires in words.
func imply(m *tfconfig.Module, resources map[string]*tfconfig.Resource) {
	for _, r := range resources {
		if m.RequiredProviders[r.Provider.Name] == nil {
			m.RequiredProviders[r.Provider.Name] = &tfconfig.ProviderRequirement{}
		}
	}
}

// fallback is the default of a variable as JSON.
func fallback(v *tfconfig.Variable) string {
	if v.Required {
		return ""
	}
	b, err := json.Marshal(v.Default)
	if err != nil {
		return ""
	}
	return string(b)
}

// provider says where a provider comes from. Without a source it is one of HashiCorp's,
// as both engines have it.
func provider(name string, req *tfconfig.ProviderRequirement) Provider {
	p := Provider{Name: name, Namespace: "hashicorp", Source: "hashicorp/" + name, Version: strings.Join(req.VersionConstraints, ", ")}
	if req.Source != "" {
		p.Source = req.Source
		if parts := strings.Split(req.Source, "/"); len(parts) > 1 {
			p.Namespace = parts[len(parts)-2]
		}
	}
	return p
}
