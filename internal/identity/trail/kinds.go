package trail

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// kinds are what the trail of an organization can be filtered by: the actions and the types
// of resources that it tells of, each once and in order.
type kinds struct {
	orgID                  string
	actions, resourceTypes []string
}

// Scope implements authz.Scoped.
func (k kinds) Scope() authz.Scope { return authz.Scope{Org: k.orgID} }

type kindsAttributes struct {
	Actions       []string `json:"actions"`        // for filter[action]
	ResourceTypes []string `json:"resource-types"` // for filter[resource-type]
}

func viewKinds(_ context.Context, k kinds) jsonapi.Resource {
	return jsonapi.Resource{Type: "audit-event-kinds", ID: k.orgID, Attributes: kindsAttributes{k.actions, k.resourceTypes}}
}

func (f *Feature) kinds(ctx context.Context, o orgs.Org) (kinds, error) {
	out := kinds{orgID: o.ID}
	if !readable(o) {
		return out, errNotEnabled
	}
	var err error
	if out.actions, err = f.distinct(ctx, o, "action"); err != nil {
		return out, err
	}
	out.resourceTypes, err = f.distinct(ctx, o, "resource_type")
	return out, err
}

// distinct returns the different values of a column of the trail. It goes from each value to
// the next by the index, because a trail may have millions of events of some dozen kinds.
func (f *Feature) distinct(ctx context.Context, o orgs.Org, column string) ([]string, error) {
	list, err := db.All[string](ctx, f.DB, `WITH RECURSIVE found(v) AS (
		SELECT (SELECT MIN(`+column+`) FROM audit_events WHERE org_id = ?)
		UNION ALL SELECT (SELECT MIN(e.`+column+`) FROM audit_events e WHERE e.org_id = ? AND e.`+column+` > found.v) FROM found WHERE found.v IS NOT NULL)
		SELECT v FROM found WHERE v IS NOT NULL ORDER BY v`, o.ID, o.ID)
	if list == nil {
		list = []string{}
	}
	return list, err
}

// errNotEnabled is for an organization that keeps no trail for its people.
var errNotEnabled = problem.Denied("The audit trail of this organization is not enabled")

func readable(o orgs.Org) bool { return o.AuditTrailsEnabled && o.Entitled().AuditLogging }
