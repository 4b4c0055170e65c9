package teams

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// attributes are those of a response.
type attributes struct {
	Name                       string          `json:"name"`
	SSOTeamID                  *string         `json:"sso-team-id"`
	UsersCount                 int             `json:"users-count"`
	Visibility                 string          `json:"visibility"`
	AllowMemberTokenManagement bool            `json:"allow-member-token-management"`
	OrganizationAccess         map[string]bool `json:"organization-access"`
	Permissions                permissions     `json:"permissions"`
	IsUnified                  bool            `json:"is-unified"`
}

type permissions struct {
	CanUpdateMembership            bool `json:"can-update-membership"`
	CanDestroy                     bool `json:"can-destroy"`
	CanUpdateOrganizationAccess    bool `json:"can-update-organization-access"`
	CanUpdateAPIToken              bool `json:"can-update-api-token"`
	CanViewAPIToken                bool `json:"can-view-api-token"`
	CanUpdateVisibility            bool `json:"can-update-visibility"`
	CanUpdateName                  bool `json:"can-update-name"`
	CanUpdateSSOTeamID             bool `json:"can-update-sso-team-id"`
	CanUpdateMemberTokenManagement bool `json:"can-update-member-token-management"`
}

// view is a team as clients see it. Users and the count are the active members;
// memberships are all.
func view(ctx context.Context, t Team) jsonapi.Resource {
	users, memberships := []string{}, []string{}
	for _, m := range t.Members {
		memberships = append(memberships, m.MembershipID)
		if m.Active() {
			users = append(users, *m.UserID)
		}
	}
	self := "/api/v2/teams/" + t.ID
	return jsonapi.Resource{
		Type: "teams", ID: t.ID,
		Attributes: attributes{Name: t.Name, SSOTeamID: t.SSOTeamID, UsersCount: len(users), Visibility: t.Visibility,
			AllowMemberTokenManagement: t.AllowMemberTokenManagement, OrganizationAccess: t.flags(), Permissions: permissionsOf(ctx, t)},
		Relationships: jsonapi.Relationships{
			"organization":             jsonapi.ToOne("organizations", t.OrgName),
			"users":                    jsonapi.ToMany("users", users),
			"organization-memberships": jsonapi.ToMany("organization-memberships", memberships),
			"authentication-token":     jsonapi.Related(self + "/authentication-token"),
			"authentication-tokens":    jsonapi.Related(self + "/authentication-tokens"),
		},
		Links: jsonapi.Self(self),
	}
}

// flags are all flags of organization access; owners have each.
func (t Team) flags() map[string]bool {
	out := map[string]bool{}
	for name := range authz.OrgFlags {
		out[name] = t.Owners() || t.Access.V[name]
	}
	return out
}

func permissionsOf(ctx context.Context, t Team) permissions {
	can := func(p authz.Permission) bool {
		return authz.Can(ctx, p, t.Scope()) && (!t.Owners() || authz.Can(ctx, authz.OwnOrg, t.Scope()))
	}
	manage := can(authz.ManageTeams)
	token := manage || (t.AllowMemberTokenManagement && authz.From(ctx).InTeam(t.OrgID, t.ID))
	return permissions{
		CanUpdateMembership: can(authz.ManageMembership), CanDestroy: manage && !t.Owners(),
		CanUpdateOrganizationAccess: can(authz.ManageOrgAccess) && !t.Owners(), CanUpdateAPIToken: token, CanViewAPIToken: token,
		CanUpdateVisibility: manage, CanUpdateName: manage && !t.Owners(), CanUpdateSSOTeamID: manage, CanUpdateMemberTokenManagement: manage,
	}
}

// request are the attributes of a request.
type request struct {
	Name                       jsonapi.Opt[string]                       `json:"name"`
	SSOTeamID                  jsonapi.Opt[string]                       `json:"sso-team-id"`
	Visibility                 jsonapi.Opt[string]                       `json:"visibility"`
	AllowMemberTokenManagement jsonapi.Opt[bool]                         `json:"allow-member-token-management"`
	OrganizationAccess         jsonapi.Opt[map[string]jsonapi.Opt[bool]] `json:"organization-access"`
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_ -]+$`)

// apply changes t as the request says, if what comes out is valid.
func (t *Team) apply(ctx context.Context, in jsonapi.In[request]) error {
	a, before := in.Data.Attributes, t.NameLower
	a.Name.Into(&t.Name)
	t.Name = strings.TrimSpace(t.Name)
	t.NameLower = strings.ToLower(t.Name)
	a.SSOTeamID.IntoPtr(&t.SSOTeamID)
	if t.SSOTeamID != nil && *t.SSOTeamID == "" {
		t.SSOTeamID = nil
	}
	t.Visibility = a.Visibility.Or(t.Visibility)
	t.AllowMemberTokenManagement = a.AllowMemberTokenManagement.Or(t.AllowMemberTokenManagement)
	if err := problem.All(t.badName(before), t.badSSO(), t.badVisibility()); err != nil {
		return err
	}
	return t.applyAccess(ctx, a)
}

func (t *Team) badName(before string) *problem.Problem {
	switch {
	case t.Name == "":
		return problem.Invalid("name", "Name can't be blank")
	case len(t.Name) > 90:
		return problem.Invalid("name", "Name is too long (maximum is 90 characters)")
	case !nameForm.MatchString(t.Name):
		return problem.Invalid("name", "Name can only include letters, numbers, -, and _.")
	case (before == access.OwnersTeam) != (t.NameLower == access.OwnersTeam) && before != "":
		return problem.Invalid("name", "The name of the owners team can't be changed, and no other team can have it")
	}
	return nil
}

func (t *Team) badSSO() *problem.Problem {
	if t.SSOTeamID != nil && len(*t.SSOTeamID) > 255 {
		return problem.Invalid("sso-team-id", "SSO team ID is too long (maximum is 255 characters)")
	}
	return nil
}

func (t *Team) badVisibility() *problem.Problem {
	if t.Visibility != Secret && t.Visibility != Organization {
		return problem.Invalid("visibility", "Visibility is not included in the list")
	}
	return nil
}

// applyAccess changes the flags that the request names; others stay. Who manages
// teams but not organization access may send flags only as they are.
func (t *Team) applyAccess(ctx context.Context, a request) error {
	flags := map[string]bool{}
	maps.Copy(flags, t.Access.V)
	changed := false
	for name, v := range a.OrganizationAccess.V {
		if _, ok := authz.OrgFlags[name]; !ok {
			return problem.Invalid("organization-access/"+name, "Organization access has no %q", name)
		}
		on := v.Or(flags[name])
		changed = changed || on != flags[name]
		flags[name] = on
	}
	if !changed || t.Owners() {
		return nil // owners have everything, whatever their flags say
	}
	if !authz.Can(ctx, authz.ManageOrgAccess, t.Scope()) {
		return problem.Denied("You may manage teams, but not their organization access")
	}
	t.Access.V = flags
	return nil
}
