package orgs

import (
	"context"
	"net/mail"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request are the attributes of a request (organizations.md, "Request Body").
type request struct {
	Name                       jsonapi.Opt[string] `json:"name"`
	Email                      jsonapi.Opt[string] `json:"email"`
	SessionTimeout             jsonapi.Opt[int]    `json:"session-timeout"`
	SessionRemember            jsonapi.Opt[int]    `json:"session-remember"`
	CollaboratorAuthPolicy     jsonapi.Opt[string] `json:"collaborator-auth-policy"`
	OwnersTeamSAMLRoleID       jsonapi.Opt[string] `json:"owners-team-saml-role-id"`
	DefaultExecutionMode       jsonapi.Opt[string] `json:"default-execution-mode"`
	DefaultAgentPoolID         jsonapi.Opt[string] `json:"default-agent-pool-id"`
	CostEstimationEnabled      jsonapi.Opt[bool]   `json:"cost-estimation-enabled"`
	SendPassingStatuses        jsonapi.Opt[bool]   `json:"send-passing-statuses-for-untriggered-speculative-plans"`
	AggregatedCommitStatus     jsonapi.Opt[bool]   `json:"aggregated-commit-status-enabled"`
	SpeculativePlanManagement  jsonapi.Opt[bool]   `json:"speculative-plan-management-enabled"`
	AllowForceDeleteWorkspaces jsonapi.Opt[bool]   `json:"allow-force-delete-workspaces"`
	AssessmentsEnforced        jsonapi.Opt[bool]   `json:"assessments-enforced"`
	EnforceHYOK                jsonapi.Opt[bool]   `json:"enforce-hyok"`
	UserTokensEnabled          jsonapi.Opt[bool]   `json:"user-tokens-enabled"`
	MaxTTLEnabled              jsonapi.Opt[bool]   `json:"max-ttl-enabled"`
	StacksEnabled              jsonapi.Opt[bool]   `json:"stacks-enabled"`
	RegistryMonorepoSupport    jsonapi.Opt[bool]   `json:"registry-monorepo-support-enabled"`
}

// apply changes o as the request says, if what comes out is valid.
func (o *Org) apply(in jsonapi.In[request]) error {
	a, before := in.Data.Attributes, o.NameLower
	o.applyText(a)
	o.applySwitches(a)
	o.applyMode(in)
	return problem.All(o.badName(), o.reserved(before), o.badEmail(), badMinutes("session-timeout", "Session timeout", o.SessionTimeout),
		badMinutes("session-remember", "Session remember", o.SessionRemember), o.badPolicy(), o.badMode(), o.badStatuses(), badHYOK(a), o.badRole())
}

// Check explains what is wrong with the name and the address of a new organization.
func (o *Org) Check() error { return problem.All(o.badName(), o.reserved(""), o.badEmail()) }

func (o *Org) applyText(a request) {
	a.Name.Into(&o.Name)
	o.Name = strings.TrimSpace(o.Name)
	o.NameLower = strings.ToLower(o.Name)
	a.Email.Into(&o.Email)
	o.Email = strings.TrimSpace(o.Email)
	a.SessionTimeout.IntoPtr(&o.SessionTimeout)
	a.SessionRemember.IntoPtr(&o.SessionRemember)
	o.OwnersTeamSAMLRoleID = emptyIsNil(a.OwnersTeamSAMLRoleID, o.OwnersTeamSAMLRoleID)
	o.CollaboratorAuthPolicy = a.CollaboratorAuthPolicy.Or(o.CollaboratorAuthPolicy)
}

// applySwitches sets the booleans; null leaves them as they are.
func (o *Org) applySwitches(a request) {
	for p, v := range map[*bool]jsonapi.Opt[bool]{
		&o.CostEstimationEnabled: a.CostEstimationEnabled, &o.SendPassingStatuses: a.SendPassingStatuses,
		&o.SpeculativePlanManagement: a.SpeculativePlanManagement, &o.AllowForceDeleteWorkspaces: a.AllowForceDeleteWorkspaces,
		&o.AssessmentsEnforced: a.AssessmentsEnforced, &o.UserTokensEnabled: a.UserTokensEnabled, &o.MaxTTLEnabled: a.MaxTTLEnabled,
		&o.StacksEnabled: a.StacksEnabled, &o.RegistryMonorepoSupport: a.RegistryMonorepoSupport,
	} {
		*p = v.Or(*p)
	}
	// The two ways of telling commit statuses exclude each other: what is not asked for gives way.
	o.AggregatedCommitStatus = a.AggregatedCommitStatus.Or(o.AggregatedCommitStatus && !a.SendPassingStatuses.Or(false))
}

func emptyIsNil(v jsonapi.Opt[string], now *string) *string {
	v.IntoPtr(&now)
	if now != nil && *now == "" {
		return nil
	}
	return now
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (o *Org) badName() *problem.Problem {
	switch {
	case o.Name == "":
		return problem.Invalid("name", "Name can't be blank")
	case len(o.Name) < 3:
		return problem.Invalid("name", "Name is too short (minimum is 3 characters)")
	case len(o.Name) > 40:
		return problem.Invalid("name", "Name is too long (maximum is 40 characters)")
	case !nameForm.MatchString(o.Name):
		return problem.Invalid("name", "Name can only include letters, numbers, -, and _.")
	}
	return nil
}

// reservedNames are those of pages: /app/NAME is not an organization. They also begin paths
// that pages may get.
var reservedNames = map[string]bool{"account": true, "admin": true, "api": true, "app": true, "assets": true, "auth": true, "icon": true,
	"invitations": true, "login": true, "logout": true, "new": true, "oauth2": true, "organizations": true, "profile": true, "public": true,
	"session": true, "settings": true, "setup": true, "signup": true, "static": true, "style": true, "users": true}

// reserved refuses the name of a page for an organization that was not called so before.
func (o *Org) reserved(before string) *problem.Problem {
	if reservedNames[o.NameLower] && o.NameLower != before {
		return problem.Invalid("name", "Name is reserved")
	}
	return nil
}

func (o *Org) badEmail() *problem.Problem {
	if o.Email == "" {
		return problem.Invalid("email", "Email can't be blank")
	}
	if at, err := mail.ParseAddress(o.Email); err != nil || at.Address != o.Email || len(o.Email) > 254 {
		return problem.Invalid("email", "Email is invalid")
	}
	return nil
}

// maxMinutes is ten years.
const maxMinutes = 10 * 366 * 24 * 60

func badMinutes(attribute, name string, v *int) *problem.Problem {
	if v != nil && (*v < 1 || *v > maxMinutes) {
		return problem.Invalid(attribute, "%s must be a number of minutes from 1 to %d", name, maxMinutes)
	}
	return nil
}

func (o *Org) badPolicy() *problem.Problem {
	if o.CollaboratorAuthPolicy != "password" && o.CollaboratorAuthPolicy != twoFactor {
		return problem.Invalid("collaborator-auth-policy", "Collaborator auth policy is not included in the list")
	}
	return nil
}

// twoFactor is the policy that lets only users in who have a second factor.
const twoFactor = "two_factor_mandatory"

// conforms refuses a policy that would lock out the user who sets it.
func (f *Feature) conforms(ctx context.Context, o Org) error {
	user := authz.From(ctx).UserID()
	if o.CollaboratorAuthPolicy != twoFactor || user == "" {
		return nil
	}
	has, err := f.HasTwoFactor(ctx, user)
	if err == nil && !has {
		err = problem.Invalid("collaborator-auth-policy", "Collaborator auth policy can't be two_factor_mandatory before you have two-factor authentication yourself")
	}
	return err
}

func (o *Org) badStatuses() *problem.Problem {
	if o.AggregatedCommitStatus && o.SendPassingStatuses {
		return problem.Invalid("aggregated-commit-status-enabled",
			"Aggregated commit status can't be enabled while passing statuses are sent for untriggered speculative plans")
	}
	return nil
}

func badHYOK(a request) *problem.Problem {
	if a.EnforceHYOK.Or(false) {
		return problem.Invalid("enforce-hyok", "Enforce HYOK can't be enabled without a primary HYOK configuration")
	}
	return nil
}

func (o *Org) badRole() *problem.Problem {
	if o.OwnersTeamSAMLRoleID != nil && len(*o.OwnersTeamSAMLRoleID) > 255 {
		return problem.Invalid("owners-team-saml-role-id", "Owners team SAML role is too long (maximum is 255 characters)")
	}
	return nil
}
