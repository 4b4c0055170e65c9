// Package audit keeps the trail of who changed what. A record is written in the
// transaction of the change that it tells of, so there is none without the other.
// It holds the names of the attributes that a request set, never their values.
package audit

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// Event is one record of the trail.
type Event struct {
	ID           string            `db:"id"`
	OrgID        string            `db:"org_id"` // "" for what belongs to the site or to a user
	ActorID      string            `db:"actor_id"`
	ActorKind    authz.Kind        `db:"actor_kind"` // "" is a guest
	ActorName    string            `db:"actor_name"`
	TokenID      string            `db:"token_id"`
	Action       string            `db:"action"` // the last word of the route, such as "create" or "force-unlock"
	ResourceType string            `db:"resource_type"`
	ResourceID   string            `db:"resource_id"`
	Changed      db.JSON[[]string] `db:"changed"` // names of attributes and relationships in the request
	IP           string            `db:"ip"`
	RequestID    string            `db:"request_id"`
	At           db.Time           `db:"at"`
}

// Origin is where a request came from.
type Origin struct{ IP, RequestID string }

type originKey struct{}

// WithOrigin returns a context whose records name the origin.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns the origin of ctx.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// Write adds a record for the subject of ctx. The caller fills in Action,
// ResourceType, ResourceID, OrgID and Changed.
func Write(ctx context.Context, d *db.DB, e Event) error {
	if s := authz.From(ctx); s != nil {
		e.ActorID, e.ActorKind, e.ActorName, e.TokenID = s.ID, s.Kind, s.Name, s.TokenID
	}
	o := OriginOf(ctx)
	e.ID, e.At, e.IP, e.RequestID = id.New("ae"), db.Now(), o.IP, o.RequestID
	return d.Insert(ctx, "audit_events", e)
}
