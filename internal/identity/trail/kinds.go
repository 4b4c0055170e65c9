package trail

import (
	"cmp"
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// kinds are what a trail can be filtered by: the actions and the types of resources that it
// tells of, each once and in order.
type kinds struct {
	orgID                  string // "" is the site
	actions, resourceTypes []string
}

// Scope implements authz.Scoped.
func (k kinds) Scope() authz.Scope { return authz.Scope{Org: k.orgID} }

type kindsAttributes struct {
	Actions       []string `json:"actions"`        // for filter[action]
	ResourceTypes []string `json:"resource-types"` // for filter[resource-type]
}

func viewKinds(_ context.Context, k kinds) jsonapi.Resource {
	return jsonapi.Resource{Type: "audit-event-kinds", ID: cmp.Or(k.orgID, "site"), Attributes: kindsAttributes{k.actions, k.resourceTypes}}
}

func (f *Feature) kinds(ctx context.Context, t whole) (kinds, error) {
	out := kinds{orgID: t.orgID}
	if !t.readable {
		return out, errNotEnabled
	}
	var err error
	if out.actions, err = f.distinct(ctx, t.orgID, "action"); err != nil {
		return out, err
	}
	out.resourceTypes, err = f.distinct(ctx, t.orgID, "resource_type")
	return out, err
}

// distinct returns the different values of a column of the trail. It goes from each value to
// the next by the index, because a trail may have millions of events of some dozen kinds.
func (f *Feature) distinct(ctx context.Context, orgID, column string) ([]string, error) {
	list, err := db.All[string](ctx, f.DB, `WITH RECURSIVE found(v) AS (
		SELECT (SELECT MIN(`+column+`) FROM audit_events WHERE org_id = ?)
		UNION ALL SELECT (SELECT MIN(e.`+column+`) FROM audit_events e WHERE e.org_id = ? AND e.`+column+` > found.v) FROM found WHERE found.v IS NOT NULL)
		SELECT v FROM found WHERE v IS NOT NULL ORDER BY v`, orgID, orgID)
	if list == nil {
		list = []string{}
	}
	return list, err
}
