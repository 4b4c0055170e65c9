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
	place := fmt.Sprintf("organization:%s:project:%s:workspace:%s", w.Organization, w.Project, w.Workspace)
	issuer := w.Issuer
	if issuer == "" {
		issuer = f.Issuer()
	}
	return f.token(ctx, issuer, audience, w.Limit, map[string]any{
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

// Scan is a look for drift at a folder of a repository, as tokens describe it.
type Scan struct {
	OrgID        string
	Organization string
	ScheduleID   string // "test" of a connection that is tried
	Folder       string
	ScanID       string
}

// Subject is what trust policies are about. Folders may hold colons, so match what stands
// before them.
func (s Scan) Subject() string {
	return fmt.Sprintf("organization:%s:config:%s:folder:%s:run_phase:plan", s.Organization, s.ScheduleID, s.Folder)
}

// ScanToken makes an identity token of an hour for an audience.
func (f *Feature) ScanToken(ctx context.Context, s Scan, audience string) (string, error) {
	return f.token(ctx, f.Issuer(), audience, time.Hour, map[string]any{
		"sub": s.Subject(),

		"terraform_organization_id":   s.OrgID,
		"terraform_organization_name": s.Organization,
		"terraform_run_phase":         "plan",
		"plumbline_schedule_id":       s.ScheduleID,
		"plumbline_folder":            s.Folder,
		"plumbline_scan_id":           s.ScanID,
	})
}

// Issuer is the address under which verifiers find the keys of this server, "" if no operator
// has said it.
func (f *Feature) Issuer() string { return f.router.PublicURL }

// token adds to claims what every token has.
func (f *Feature) token(ctx context.Context, issuer, audience string, life time.Duration, claims map[string]any) (string, error) {
	if life <= 0 || life > longest {
		life = longest
	}
	now := time.Now()
	claims["jti"], claims["iss"], claims["aud"] = rand.Text(), issuer, audience
	claims["iat"], claims["exp"] = now.Unix(), now.Add(life).Unix()
	claims["nbf"] = now.Unix() - 5 // clocks of verifiers differ
	return f.sign(ctx, claims)
}
