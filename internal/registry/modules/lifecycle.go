package modules

import (
	"context"
	"net/url"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// managed is a version after its status in the module's life was changed. Deprecations
// are answered with less than revocations (page "Manage module versions").
type managed struct {
	Version
	revocation *revocation // nil: it was about the deprecation
}

// revocation is that of a version, as clients see it. The answer to a change repeats the
// status as it was sent; elsewhere it is in lower case.
type revocation struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	Link    string `json:"link,omitempty"`
}

// viewManaged is the answer to a change.
func (f *Feature) viewManaged(ctx context.Context, m managed) jsonapi.Resource {
	if m.revocation != nil {
		res := f.viewVersion(ctx, m.Version)
		a := m.attributes()
		a.Revocation = m.revocation
		res.Attributes = a
		delete(res.Relationships, "deprecation")
		return res
	}
	res := jsonapi.Resource{Type: "module-versions", ID: m.ID}
	if m.DeprecationID != nil || m.ID == "" {
		res.Relationships = jsonapi.Relationships{"deprecation": jsonapi.ToOne("deprecations", db.Text(m.DeprecationID))}
	}
	return res
}

// deprecation is that of a version.
type deprecation struct{ Version }

func viewDeprecation(_ context.Context, d deprecation) jsonapi.Resource {
	return jsonapi.Resource{Type: "deprecations", ID: db.Text(d.DeprecationID), Attributes: deprecationAttributes{d.DeprecationLink, d.DeprecationReason}}
}

type deprecationAttributes struct {
	Link   string `json:"link"`
	Reason string `json:"reason"`
}

func (f *Feature) deprecationsByIDs(ctx context.Context, ids []string) ([]deprecation, error) {
	list, err := db.In[Version](ctx, f.DB, selectVersions+`WHERE v.deprecation_id IN (?)`, ids)
	out := make([]deprecation, len(list))
	for i, v := range list {
		out[i] = deprecation{v}
	}
	return out, err
}

// manageRequest has one of the two.
type manageRequest struct {
	Deprecation jsonapi.Opt[deprecationRequest] `json:"deprecation"`
	Revocation  jsonapi.Opt[revocationRequest]  `json:"revocation"`
}

type deprecationRequest struct {
	Status jsonapi.Opt[string] `json:"deprecated-status"`
	Reason jsonapi.Opt[string] `json:"reason"`
	Link   jsonapi.Opt[string] `json:"link"`
}

type revocationRequest struct {
	Status  jsonapi.Opt[string] `json:"status"`
	Message jsonapi.Opt[string] `json:"message"`
	Link    jsonapi.Opt[string] `json:"link"`
}

// The statuses that requests name.
const (
	deprecated   = "Deprecated"
	undeprecated = "Undeprecated"
	revoked      = "Revoked"
	unrevoked    = "Unrevoked"
)

// manage deprecates or revokes a version, or takes that back.
func (f *Feature) manage(ctx context.Context, v Version, in jsonapi.In[manageRequest]) (managed, error) {
	a, out := in.Data.Attributes, managed{Version: v}
	sentDeprecation, sentRevocation := a.Deprecation.Set && !a.Deprecation.Null, a.Revocation.Set && !a.Revocation.Null
	if err := f.lock(ctx, v.ModuleID); err != nil {
		return out, err
	}
	v, err := f.FindVersion(ctx, v.ID)
	if err != nil {
		return out, err
	}
	switch {
	case sentDeprecation == sentRevocation:
		return out, problem.Unprocessable("The attributes must have either a deprecation or a revocation.")
	case sentDeprecation:
		err = v.deprecate(a.Deprecation.V)
	default:
		out.revocation, err = v.revoke(a.Revocation.V)
	}
	if err != nil {
		return out, err
	}
	v.UpdatedAt = db.Now()
	out.Version = v
	if err := f.DB.Update(ctx, "registry_module_versions", v, "deprecation_id", "deprecation_reason", "deprecation_link", "revoked_at", "revocation_message",
		"revocation_link", "updated_at"); err != nil {
		return out, err
	}
	return out, f.settle(ctx, v.ModuleID)
}

func (v *Version) deprecate(a deprecationRequest) error {
	switch {
	case a.Status.V == deprecated:
		if err := problem.All(badText("deprecation/reason", "Reason", a.Reason.V), badLink("deprecation/link", a.Link.V)); err != nil {
			return err
		}
		if v.DeprecationID == nil {
			v.DeprecationID = new(id.New("dep"))
		}
		v.DeprecationReason, v.DeprecationLink = a.Reason.V, a.Link.V
		return nil
	case a.Status.V != undeprecated:
		return problem.Invalid("deprecation/deprecated-status", "Deprecated status must be either %s or %s", deprecated, undeprecated)
	case v.RevokedAt != nil:
		return problem.Invalid("deprecation/deprecated-status", "Version %s is revoked: revert its revocation before its deprecation", v.Version)
	case v.DeprecationID == nil:
		return problem.Invalid("deprecation/deprecated-status", "Version %s is not deprecated", v.Version)
	}
	v.DeprecationID, v.DeprecationReason, v.DeprecationLink = nil, "", ""
	return nil
}

func (v *Version) revoke(a revocationRequest) (*revocation, error) {
	switch {
	case a.Status.V == revoked && v.DeprecationID == nil:
		return nil, problem.Invalid("revocation/status", "Version %s must be deprecated before it can be revoked", v.Version)
	case a.Status.V == revoked:
		if err := problem.All(badText("revocation/message", "Message", a.Message.V), badLink("revocation/link", a.Link.V)); err != nil {
			return nil, err
		}
		if v.RevokedAt == nil {
			v.RevokedAt = new(db.Now())
		}
		v.RevocationMessage, v.RevocationLink = a.Message.V, a.Link.V
		return &revocation{revoked, v.RevocationMessage, v.RevocationLink}, nil
	case a.Status.V != unrevoked:
		return nil, problem.Invalid("revocation/status", "Status must be either %s or %s", revoked, unrevoked)
	case v.RevokedAt == nil:
		return nil, problem.Invalid("revocation/status", "Version %s is not revoked", v.Version)
	}
	v.RevokedAt, v.RevocationMessage, v.RevocationLink = nil, "", ""
	return &revocation{Status: unrevoked}, nil
}

const (
	maxText = 2000 // of a reason or message in bytes
	maxLink = 2000
)

func badText(attribute, title, text string) *problem.Problem {
	if len(text) > maxText {
		return problem.Invalid(attribute, "%s is too long (maximum is %d characters)", title, maxText)
	}
	return nil
}

// badLink refuses what a browser would not open as a page. A link may lack its scheme,
// as in the page's examples.
func badLink(attribute, link string) *problem.Problem {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink || !slices.Contains([]string{"", "http", "https"}, u.Scheme) {
		return problem.Invalid(attribute, "Link must be the address of a web page")
	}
	return nil
}
