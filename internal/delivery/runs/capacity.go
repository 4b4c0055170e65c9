package runs

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Capacity is how many runs of an organization wait and how many are at work.
type Capacity struct {
	OrgID   string
	OrgName string
	Pending int `db:"pending"`
	Running int `db:"running"`
}

// Scope implements authz.Scoped.
func (c Capacity) Scope() authz.Scope { return authz.Scope{Org: c.OrgID} }

func viewCapacity(_ context.Context, c Capacity) jsonapi.Resource {
	return jsonapi.Resource{Type: "organization-capacity", ID: c.OrgName, Attributes: capacityAttributes{c.Pending, c.Running}}
}

type capacityAttributes struct {
	Pending int `json:"pending"`
	Running int `json:"running"`
}

func (f *Feature) capacity(ctx context.Context, o orgs.Org) (Capacity, error) {
	c, err := db.One[Capacity](ctx, f.DB, `SELECT coalesce(sum(CASE WHEN status IN (?, ?, ?, ?) THEN 1 ELSE 0 END), 0) AS pending,
		coalesce(sum(CASE WHEN status IN (?, ?) THEN 1 ELSE 0 END), 0) AS running FROM runs WHERE org_id = ? AND NOT final`,
		queued[0], queued[1], queued[2], queued[3], executing[0], executing[1], o.ID)
	c.OrgID, c.OrgName = o.ID, o.Name
	return c, err
}
