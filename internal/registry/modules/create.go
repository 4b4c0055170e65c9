package modules

import (
	"context"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request are the attributes of a new module without a VCS.
type request struct {
	Name         jsonapi.Opt[string] `json:"name"`
	Provider     jsonapi.Opt[string] `json:"provider"`
	Namespace    jsonapi.Opt[string] `json:"namespace"`
	RegistryName jsonapi.Opt[string] `json:"registry-name"`
	NoCode       jsonapi.Opt[bool]   `json:"no-code"`
}

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Module, error) {
	a := in.Data.Attributes
	m := blank(ctx, o, a.Name.V, a.Provider.V)
	m.RegistryName = a.RegistryName.Or(Private)
	m.PublicSpace, m.NamespaceLower = a.Namespace.V, strings.ToLower(a.Namespace.V)
	if m.RegistryName == Public {
		m.Status = SetupComplete // its versions are kept by the public registry
	}
	if a.NoCode.Or(false) {
		m.NoCodeID = new(id.New("nocode"))
	}
	if err := problem.All(badName("name", "Name", m.Name), badProvider(m.Provider), m.badPlace()); err != nil {
		return m, err
	}
	if err := f.curated(ctx, m); err != nil {
		return m, err
	}
	return m, f.insert(ctx, m)
}

func (f *Feature) insert(ctx context.Context, m Module) error {
	m.Search = m.NameLower + " " + m.Provider + " " + m.NamespaceLower
	return taken(f.DB.Insert(ctx, "registry_modules", m))
}

// blank is a new private module.
func blank(ctx context.Context, o orgs.Org, name, provider string) Module {
	m := Module{ID: id.New("mod"), OrgID: o.ID, OrgName: o.Name, RegistryName: Private, Name: name, NameLower: strings.ToLower(name), Provider: provider,
		Status: Pending, Publishing: NonVCS, TestMode: remote, CreatedAt: db.Now(), fresh: true}
	m.UpdatedAt = m.CreatedAt
	if user := authz.From(ctx).UserID(); user != "" {
		m.CreatedBy = &user
	}
	return m
}

// maxName is the length of a name, a namespace or a provider in characters, which are
// bytes here (registry modules page, "Create a Module").
const maxName = 64

var (
	nameForm     = regexp.MustCompile(`^[0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?$`)
	providerForm = regexp.MustCompile(`^[0-9a-z]+$`)
)

func badName(attribute, title, name string) *problem.Problem {
	switch {
	case name == "":
		return problem.Invalid(attribute, "%s can't be blank", title)
	case len(name) > maxName:
		return problem.Invalid(attribute, "%s is too long (maximum is %d characters)", title, maxName)
	case !nameForm.MatchString(name):
		return problem.Invalid(attribute, "%s may contain alphanumeric characters, with dashes and underscores allowed in non-leading or trailing positions", title)
	}
	return nil
}

func badProvider(provider string) *problem.Problem {
	switch {
	case provider == "":
		return problem.Invalid("provider", "Provider can't be blank")
	case len(provider) > maxName:
		return problem.Invalid("provider", "Provider is too long (maximum is %d characters)", maxName)
	case !providerForm.MatchString(provider):
		return problem.Invalid("provider", "Provider may contain lowercase alphanumeric characters")
	}
	return nil
}

// badPlace says what is wrong with the registry and the namespace of a new module.
func (m Module) badPlace() *problem.Problem {
	switch {
	case m.RegistryName == Public:
		return badName("namespace", "Namespace", m.PublicSpace)
	case m.RegistryName != Private:
		return problem.Invalid("registry-name", "Registry name must be either public or private")
	case m.PublicSpace != "":
		return problem.Invalid("namespace", "Namespace cannot be set for private modules")
	}
	return nil
}

// taken explains a violated constraint.
func taken(err error) error {
	switch {
	case db.IsUnique(err):
		return problem.Invalid("name", "Name has already been taken: the registry of the organization has this module for this provider")
	case db.IsForeign(err):
		return problem.Conflict("The agent pool has just been deleted.")
	}
	return err
}
