package login

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// tokensPage lists the tokens of the user.
type tokensPage struct {
	page
	Tokens      []tokens.Token
	Description string
	Secret      string // of the token that was made just now
	Lifetimes   []lifetime
}

// lifetime is a choice of how long a new token lives; 0 days is as long as usual.
type lifetime struct {
	Days  string
	Label string
}

var lifetimes = []lifetime{{"30", "30 days"}, {"90", "90 days"}, {"365", "One year"}, {"", "As long as allowed (two years, or less)"}}

// days are those of lifetimes.
var days = map[string]int{"30": 30, "90": 90, "365": 365}

func (f *Feature) showTokens(w http.ResponseWriter, req *http.Request, u users.User) error {
	p := tokensPage{page: page{User: &u}}
	if req.FormValue("revoked") != "" {
		p.Note = "The token is revoked. Nobody can use it any more."
	}
	return f.renderTokens(w, req, http.StatusOK, p)
}

func (f *Feature) renderTokens(w http.ResponseWriter, req *http.Request, status int, p tokensPage) (err error) {
	p.Title, p.Wide, p.Lifetimes = "Tokens", true, lifetimes
	if p.Tokens, err = f.Tokens.OfUser(req.Context(), p.User.ID); err != nil {
		return err
	}
	return f.render(w, status, "tokens", p)
}

func (f *Feature) createToken(w http.ResponseWriter, req *http.Request, u users.User) error {
	p := tokensPage{page: page{User: &u}, Description: req.PostFormValue("description")}
	var end *time.Time
	if n := days[req.PostFormValue("days")]; n > 0 {
		t := time.Now().AddDate(0, 0, n)
		end = &t
	}
	err := f.DB.Tx(req.Context(), func(ctx context.Context) error {
		t, secret, err := f.Tokens.MintUser(ctx, u.ID, p.Description, end)
		if err != nil {
			return err
		}
		p.Secret = secret.Reveal()
		return audit.Write(ctx, f.DB, audit.Event{Action: "create", ResourceType: "authentication-tokens", ResourceID: t.ID})
	})
	if err == nil {
		p.Description = ""
		return f.renderTokens(w, req, http.StatusCreated, p)
	}
	if p.Error, err = explain(err); err != nil {
		return err
	}
	p.Secret = ""
	return f.renderTokens(w, req, http.StatusUnprocessableEntity, p)
}

func (f *Feature) revokeToken(w http.ResponseWriter, req *http.Request, u users.User) error {
	id := req.PathValue("id")
	err := f.DB.Tx(req.Context(), func(ctx context.Context) error {
		if err := f.Tokens.RevokeOfUser(ctx, u.ID, id); err != nil {
			return err
		}
		return audit.Write(ctx, f.DB, audit.Event{Action: "destroy", ResourceType: "authentication-tokens", ResourceID: id})
	})
	if tokens.Missing(err) {
		return &problem.Problem{Status: http.StatusNotFound, Title: "not found", Detail: "You have no such token. It may have been revoked before."}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, req, "/app/settings/tokens?revoked=1", http.StatusSeeOther)
	return nil
}
