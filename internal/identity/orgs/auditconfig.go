package orgs

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// auditConfig is the switch of an organization's audit trail, as a resource.
type auditConfig struct{ Org }

// auditing adds the endpoints of the audit configuration. There is one: what is
// recorded stays recorded while the trail cannot be read.
func (f *Feature) auditing(r *api.Router) {
	path := "/organizations/{organization}/audit-configuration"
	api.Type(r, "audit-configurations", authz.OwnOrg, nil, viewAuditConfig)
	api.Show(r, path, authz.OwnOrg, f.ByName, func(_ context.Context, o Org) (auditConfig, error) { return auditConfig{o}, nil })
	api.UpdateOf(r, path, authz.OwnOrg, f.ByName, f.configureAudit)
	api.Handle(r, "POST "+path+"/test", authz.OwnOrg, f.ByName, f.testAudit)
}

type auditSwitch struct {
	Enabled bool `json:"enabled"`
}

type auditStreaming struct {
	Enabled                bool    `json:"enabled"`
	OrganizationID         *string `json:"organization-id"`
	UseDefaultOrganization bool    `json:"use-default-organization"`
}

type auditConfigAttributes struct {
	AuditTrails auditSwitch    `json:"audit-trails"`
	Streaming   auditStreaming `json:"hcp-audit-log-streaming"`
	Permissions struct {
		CanEnable     bool `json:"can-enable-hcp-audit-log-streaming"`
		CanSetOrg     bool `json:"can-set-hcp-audit-log-streaming-organization-id"`
		CanUseDefault bool `json:"can-use-default-audit-log-streaming-organization"`
	} `json:"permissions"`
	Timestamps struct {
		DisabledAt *db.Time `json:"audit-trails-disabled-at,omitempty"`
		EnabledAt  *db.Time `json:"audit-trails-enabled-at,omitempty"`
	} `json:"timestamps"`
	UpdatedAt db.Time `json:"updated-at"`
}

func viewAuditConfig(_ context.Context, c auditConfig) jsonapi.Resource {
	a := auditConfigAttributes{AuditTrails: auditSwitch{c.AuditTrailsEnabled}, UpdatedAt: c.CreatedAt}
	if at := c.AuditTrailsChangedAt; at != nil {
		a.UpdatedAt = *at
	}
	if c.AuditTrailsEnabled {
		a.Timestamps.EnabledAt = &a.UpdatedAt
	} else {
		a.Timestamps.DisabledAt = &a.UpdatedAt
	}
	return jsonapi.Resource{
		Type: "audit-configurations", ID: "ac-" + strings.TrimPrefix(c.ID, "org-"), Attributes: a,
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", c.Name)},
	}
}

type auditConfigRequest struct {
	AuditTrails struct {
		Enabled jsonapi.Opt[bool] `json:"enabled"`
	} `json:"audit-trails"`
	Streaming struct {
		Enabled jsonapi.Opt[bool] `json:"enabled"`
	} `json:"hcp-audit-log-streaming"`
}

func (f *Feature) configureAudit(ctx context.Context, o Org, in jsonapi.In[auditConfigRequest]) (auditConfig, error) {
	a := in.Data.Attributes
	if a.Streaming.Enabled.Or(false) {
		return auditConfig{}, problem.Invalid("hcp-audit-log-streaming/enabled", "Audit logs can't be streamed to HCP from this server")
	}
	if on := a.AuditTrails.Enabled.Or(o.AuditTrailsEnabled); on != o.AuditTrailsEnabled {
		now := db.Now()
		o.AuditTrailsEnabled, o.AuditTrailsChangedAt = on, &now
	}
	return auditConfig{o}, f.DB.Update(ctx, "organizations", o, "audit_trails_enabled", "audit_trails_changed_at")
}

// testAudit records an event that says nothing but that the trail works.
func (f *Feature) testAudit(ctx context.Context, w http.ResponseWriter, _ *http.Request, o Org) error {
	err := audit.Write(ctx, f.DB, audit.Event{OrgID: o.ID, Action: "test", ResourceType: "audit-configurations", ResourceID: "ac-" + strings.TrimPrefix(o.ID, "org-")})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", map[string]string{"request-id": audit.OriginOf(ctx).RequestID})
}
