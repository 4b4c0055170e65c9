package modules

import (
	"context"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/authz"
)

// Shared reports whether an organization whose registry the subject of ctx may not read
// shares its private modules with one whose they may (admin organizations page, "Update
// an Organization's Module Consumers").
func (f *Feature) Shared(ctx context.Context, orgID string) (bool, error) {
	s := authz.From(ctx)
	if s == nil || s.Can(authz.ReadRegistry, authz.Scope{Org: orgID}) {
		return false, nil
	}
	return f.Orgs.SharesModules(ctx, orgID, readable(s))
}

// readable are the organizations whose registry a subject may read, site administration
// aside.
func readable(s *authz.Subject) []string {
	var ids []string
	for id := range s.Orgs {
		if s.Can(authz.ReadRegistry, authz.Scope{Org: id}) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
