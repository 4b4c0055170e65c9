package tokens

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// userRoutes are the tokens of people (user-tokens.md).
func (f *Feature) userRoutes(r *api.Router) {
	api.List(r, "/users/{id}/authentication-tokens", authz.AsUser, f.Users.Visible, f.listUser)
	api.Create(r, "/users/{id}/authentication-tokens", authz.AsUser, f.Users.Visible, f.createUser)
}

// listUser returns the tokens of the caller; those of others look like none
// (user-tokens.md). Without a page the list is whole.
func (f *Feature) listUser(ctx context.Context, u users.User, q api.Query) (api.Page[Token], error) {
	if authz.From(ctx).UserID() != u.ID {
		return api.Page[Token]{}, nil
	}
	if q.Get("page[number]") == "" && q.Get("page[size]") == "" {
		return api.Whole(f.OfUser(ctx, u.ID))
	}
	return api.Select[Token](ctx, f.DB, q, ofUser, u.ID)
}

const ofUser = selectTokens + `WHERE t.user_id = ? AND t.kind = 'user' ORDER BY t.created_at DESC, t.id`

// OfUser returns the API tokens of a user, the newest first.
func (f *Feature) OfUser(ctx context.Context, userID string) ([]Token, error) {
	return db.All[Token](ctx, f.DB, ofUser, userID)
}

func (f *Feature) createUser(ctx context.Context, u users.User, in jsonapi.In[Request]) (Token, error) {
	if authz.From(ctx).UserID() != u.ID {
		return Token{}, problem.NotFound
	}
	return f.forUser(ctx, u.ID, in.Data.Attributes)
}

// forUser makes a token of the user, who is the subject of ctx.
func (f *Feature) forUser(ctx context.Context, userID string, a Request) (Token, error) {
	description, err := a.described()
	if err != nil {
		return Token{}, err
	}
	longest, err := f.longestOfUser(ctx, userID)
	if err != nil {
		return Token{}, err
	}
	end, err := a.expiry(longest)
	if err != nil {
		return Token{}, err
	}
	return f.mint(ctx, Token{Kind: User, UserID: &userID, Description: description, ExpiresAt: end})
}

// MintUser makes a token of a user, as they would by the API: it ends at the given
// time, or as late as is usual if end is nil. The user is the subject of ctx.
func (f *Feature) MintUser(ctx context.Context, userID, description string, end *time.Time) (Token, crypt.Secret, error) {
	a := Request{Description: jsonapi.Opt[string]{Set: true, V: description}}
	if end != nil {
		a.ExpiredAt = jsonapi.Opt[string]{Set: true, V: end.Format(time.RFC3339)}
	}
	t, err := f.forUser(ctx, userID, a)
	return t, t.Secret, err
}

// RevokeOfUser removes an API token of the user; problem.NotFound if it is none of
// theirs.
func (f *Feature) RevokeOfUser(ctx context.Context, userID, id string) error {
	n, err := f.DB.Exec(ctx, `DELETE FROM tokens WHERE id = ? AND user_id = ? AND kind = 'user'`, id, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return problem.NotFound
	}
	f.Changed(ctx)
	return nil
}
