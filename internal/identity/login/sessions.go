package login

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// session is a browser session as its user sees it.
type session struct{ tokens.Token }

// sessionRoutes are the browser sessions of the caller, and for site administrators those of
// others. They are ours: HCP Terraform has none in its API.
func (f *Feature) sessionRoutes(r *api.Router) {
	const own, of = "/account/sessions", "/admin/users/{id}/sessions"
	api.Type(r, "sessions", authz.SiteAdmin, nil, viewSession)
	api.List(r, own, authz.AsUser, f.caller, f.listSessions)
	api.Delete(r, own+"/{id}", authz.AsUser, f.ownSession, f.endSession)
	api.Do(r, "DELETE "+own, authz.AsUser, f.caller, f.endSessions)
	api.List(r, of, authz.SiteAdmin, f.Users.Find, f.listSessions)
	api.Do(r, "DELETE "+of, authz.SiteAdmin, f.Users.Find, f.endSessions)
}

type sessionAttributes struct {
	CreatedAt  db.Time `json:"created-at"`
	LastSeenAt db.Time `json:"last-seen-at"` // within a minute or two
	IPAddress  string  `json:"ip-address"`   // where it began
	UserAgent  string  `json:"user-agent"`
	Current    bool    `json:"current"` // it is that of the request
}

func viewSession(ctx context.Context, s session) jsonapi.Resource {
	a := sessionAttributes{CreatedAt: s.CreatedAt, LastSeenAt: s.CreatedAt, IPAddress: s.IP, UserAgent: s.UserAgent}
	if s.LastUsedAt != nil {
		a.LastSeenAt = *s.LastUsedAt
	}
	if by := authz.From(ctx); by != nil {
		a.Current = s.ID != "" && by.TokenID == s.ID
	}
	return jsonapi.Resource{Type: "sessions", ID: s.ID, Attributes: a}
}

func (f *Feature) listSessions(ctx context.Context, u users.User, _ api.Query) (api.Page[session], error) {
	list, err := f.Store.SessionsOf(ctx, u.ID)
	out := make([]session, len(list))
	for i, t := range list {
		out[i] = session{t}
	}
	return api.Whole(out, err)
}

func (f *Feature) ownSession(ctx context.Context, id string) (session, error) {
	t, err := f.Store.SessionOf(ctx, authz.From(ctx).UserID(), id)
	return session{t}, err
}

func (f *Feature) endSession(ctx context.Context, s session) error {
	f.Changed(ctx)
	return f.Store.Revoke(ctx, s.ID)
}

// endSessions ends all sessions of the user but that of the request.
func (f *Feature) endSessions(ctx context.Context, u users.User, _ jsonapi.In[struct{}]) error {
	f.Changed(ctx)
	return f.Store.EndSessions(ctx, u.ID, authz.From(ctx).TokenID)
}
