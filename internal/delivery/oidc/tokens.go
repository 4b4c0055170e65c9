package oidc

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// Workload is a phase of a run, as tokens describe it.
type Workload struct {
	Issuer       string // address of this server, "" is its public one
	OrgID        string
	Organization string
	ProjectID    string
	Project      string
	WorkspaceID  string
	Workspace    string
	RunID        string
	Phase        string        // "plan" or "apply"
	Limit        time.Duration // how long the phase may take: the token expires then
}

// Token makes an identity token for an audience ("Workload identity", token
// specification, in HCP Terraform's documentation of dynamic provider credentials).
func (f *Feature) Token(ctx context.Context, w Workload, audience string) (string, error) {
	now, place := time.Now(), fmt.Sprintf("organization:%s:project:%s:workspace:%s", w.Organization, w.Project, w.Workspace)
	issuer := w.Issuer
	if issuer == "" {
		issuer = f.router.PublicURL
	}
	life := w.Limit
	if life <= 0 || life > longest {
		life = longest
	}
	return f.sign(ctx, map[string]any{
		"jti": rand.Text(),
		"iss": issuer,
		"aud": audience,
		"iat": now.Unix(),
		"nbf": now.Unix() - 5, // clocks of verifiers differ
		"exp": now.Add(life).Unix(),
		"sub": place + ":run_phase:" + w.Phase,

		"terraform_organization_id":   w.OrgID,
		"terraform_organization_name": w.Organization,
		"terraform_project_id":        w.ProjectID,
		"terraform_project_name":      w.Project,
		"terraform_workspace_id":      w.WorkspaceID,
		"terraform_workspace_name":    w.Workspace,
		"terraform_full_workspace":    place,
		"terraform_run_id":            w.RunID,
		"terraform_run_phase":         w.Phase,
	})
}
