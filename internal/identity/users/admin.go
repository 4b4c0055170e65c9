package users

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// adminRoutes are the users of the admin API of Terraform Enterprise.
func (f *Feature) adminRoutes(r *api.Router) {
	api.List(r, "/admin/users", authz.SiteAdmin, api.Site, f.list, api.Params("filter[admin]", "filter[suspended]"))
	api.Delete(r, "/admin/users/{id}", authz.SiteAdmin, f.Find, f.delete)
	api.Action(r, "/admin/users/{id}/actions/suspend", authz.SiteAdmin, f.Find, f.suspend)
	api.Action(r, "/admin/users/{id}/actions/unsuspend", authz.SiteAdmin, f.Find, f.unsuspend)
	api.Action(r, "/admin/users/{id}/actions/grant_admin", authz.SiteAdmin, f.Find, f.grantAdmin)
	api.Action(r, "/admin/users/{id}/actions/revoke_admin", authz.SiteAdmin, f.Find, f.revokeAdmin)
	api.Action(r, "/admin/users/{id}/actions/disable_two_factor", authz.SiteAdmin, f.Find, f.disableTwoFactor)
}

type nothing struct{}

func (f *Feature) list(ctx context.Context, _ authz.Site, q api.Query) (api.Page[User], error) {
	where, args := "1 = 1", []any(nil)
	if like := q.Like("q"); like != "" {
		where += ` AND (username_lower LIKE ? ESCAPE '\' OR email_lower LIKE ? ESCAPE '\')`
		args = append(args, like, like)
	}
	for filter, column := range map[string]string{"filter[admin]": "site_admin", "filter[suspended]": "suspended"} {
		switch q.Get(filter) {
		case "true":
			where += " AND " + column
		case "false":
			where += " AND NOT " + column
		}
	}
	page, err := api.Select[User](ctx, f.DB, q, "FROM users WHERE "+where+" ORDER BY created_at, id", args...)
	if err != nil {
		return page, err
	}
	counts, err := db.One[counts](ctx, f.DB, `SELECT count(*) AS total, count(CASE WHEN suspended THEN 1 END) AS suspended,
		count(CASE WHEN site_admin THEN 1 END) AS admin FROM users`)
	if err != nil {
		return page, err
	}
	page.Meta = map[string]any{"status-counts": counts}
	return page, f.withOrganizations(ctx, page.Items)
}

// counts are the numbers of users of the site.
type counts struct {
	Total     int `db:"total" json:"total"`
	Suspended int `db:"suspended" json:"suspended"`
	Admin     int `db:"admin" json:"admin"`
}

type membership struct {
	UserID string `db:"user_id"`
	Name   string `db:"name"`
}

// withOrganizations fills in the names of the users' organizations.
func (f *Feature) withOrganizations(ctx context.Context, list []User) error {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
		list[i].Organizations = []string{}
	}
	members, err := db.In[membership](ctx, f.DB, `SELECT m.user_id, o.name FROM organization_memberships m JOIN organizations o ON o.id = m.org_id
		WHERE m.user_id IN (?) ORDER BY o.name`, ids)
	names := map[string][]string{}
	for _, m := range members {
		names[m.UserID] = append(names[m.UserID], m.Name)
	}
	for i := range list {
		list[i].Organizations = append(list[i].Organizations, names[list[i].ID]...)
	}
	return err
}

func (f *Feature) delete(ctx context.Context, u User) error {
	if authz.From(ctx).UserID() == u.ID {
		return problem.Unprocessable("You cannot delete your own account")
	}
	f.Changed(ctx)
	return f.DB.Delete(ctx, "users", u.ID)
}

func (f *Feature) suspend(ctx context.Context, u User, _ jsonapi.In[nothing]) (User, error) {
	switch {
	case u.Suspended:
		return u, problem.BadRequest("User is already suspended")
	case authz.From(ctx).UserID() == u.ID:
		return u, problem.BadRequest("You cannot suspend your own account")
	}
	u.Suspended = true
	return u, f.save(ctx, u, "suspended")
}

func (f *Feature) unsuspend(ctx context.Context, u User, _ jsonapi.In[nothing]) (User, error) {
	if !u.Suspended {
		return u, problem.BadRequest("User is not suspended")
	}
	u.Suspended = false
	return u, f.save(ctx, u, "suspended")
}

func (f *Feature) grantAdmin(ctx context.Context, u User, _ jsonapi.In[nothing]) (User, error) {
	switch {
	case u.SiteAdmin:
		return u, problem.BadRequest("User is already an administrator")
	case u.Username == "":
		return u, problem.BadRequest("User has not signed up yet")
	}
	u.SiteAdmin = true
	return u, f.save(ctx, u, "site_admin")
}

func (f *Feature) revokeAdmin(ctx context.Context, u User, _ jsonapi.In[nothing]) (User, error) {
	switch {
	case !u.SiteAdmin:
		return u, problem.BadRequest("User is not an administrator")
	case authz.From(ctx).UserID() == u.ID:
		return u, problem.BadRequest("You cannot revoke your own administration rights")
	}
	u.SiteAdmin = false
	return u, f.save(ctx, u, "site_admin")
}

func (f *Feature) disableTwoFactor(ctx context.Context, u User, _ jsonapi.In[nothing]) (User, error) {
	if u.TOTPSecret == nil {
		return u, problem.BadRequest("User does not have two-factor authentication enabled")
	}
	return f.DisableTOTP(ctx, u)
}

// save writes columns that subjects are made of.
func (f *Feature) save(ctx context.Context, u User, columns ...string) error {
	f.Changed(ctx)
	return f.DB.Update(ctx, "users", u, columns...)
}
