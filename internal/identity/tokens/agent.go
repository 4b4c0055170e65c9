package tokens

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// CreateAgent makes a token with which agents join an agent pool; t says which pool of
// which organization. It never expires unless the request says so, and needs a
// description.
func (f *Feature) CreateAgent(ctx context.Context, t Token, a Request) (Token, error) {
	var err error
	if t.Description, err = a.described(); err != nil {
		return t, err
	}
	if t.Description == "" {
		return t, problem.Invalid("description", "Description can't be blank")
	}
	if a.ExpiredAt.Set {
		if t.ExpiresAt, err = a.expiry(0); err != nil {
			return t, err
		}
	}
	t.Kind = Agent
	return f.mint(ctx, t)
}

// OfPool returns a page of the tokens of an agent pool, the newest first.
func (f *Feature) OfPool(ctx context.Context, poolID string, q api.Query) (api.Page[Token], error) {
	return api.Select[Token](ctx, f.DB, q, selectTokens+`WHERE t.agent_pool_id = ? ORDER BY t.created_at DESC, t.id`, poolID)
}
