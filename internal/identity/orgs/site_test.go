package orgs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestDataRetentionPolicy(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, path := s.Client(o.Owner.Token), "/api/v2/organizations/acme/relationships/data-retention-policy"
		if r := s.Do("GET", path, o.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET without a policy = %d, want 404", r.Status)
		}
		older, err := c.Organizations.SetDataRetentionPolicyDeleteOlder(ctx, "acme", tfe.DataRetentionPolicyDeleteOlderSetOptions{DeleteOlderThanNDays: 33})
		if err != nil || older.DeleteOlderThanNDays != 33 || !strings.HasPrefix(older.ID, "drp-") {
			s.T.Errorf("Set delete older = %+v, %v", older, err)
		}
		keep, err := c.Organizations.SetDataRetentionPolicyDontDelete(ctx, "acme", tfe.DataRetentionPolicyDontDeleteSetOptions{})
		if err != nil || keep.ID != older.ID {
			s.T.Errorf("Set don't delete = %+v, %v; want the same policy %s", keep, err, older.ID)
		}
		got, err := c.Organizations.ReadDataRetentionPolicyChoice(ctx, "acme")
		if err != nil || got.DataRetentionPolicyDontDelete == nil || got.DataRetentionPolicyDeleteOlder != nil {
			s.T.Errorf("Read = %+v, %v", got, err)
		}
		for body, want := range map[string]int{
			`{"data":{"type":"data-retention-policy-delete-olders","attributes":{"delete-older-than-n-days":0}}}`:   422,
			`{"data":{"type":"data-retention-policy-delete-olders","attributes":{"delete-older-than-n-days":"x"}}}`: 422,
			`{"data":{"type":"organizations","attributes":{}}}`:                                                     400,
		} {
			if r := s.Do("POST", path, o.Owner.Token, body); r.Status != want {
				s.T.Errorf("POST %s = %d %s, want %d", body, r.Status, r.Body, want)
			}
		}
		if r := s.Do("DELETE", path, s.Member(o, "mia").Token, nil); r.Status != 404 {
			s.T.Errorf("DELETE by a member = %d, want 404", r.Status)
		}
		if err := c.Organizations.DeleteDataRetentionPolicy(ctx, "acme"); err != nil {
			s.T.Error(err)
		}
		if r := s.Do("GET", path, o.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET after the removal = %d, want 404", r.Status)
		}
	})
}

func TestPlanDecidesEntitlements(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c := s.Client(o.Owner.Token)
		if e, err := c.Organizations.ReadEntitlements(ctx, "acme"); err != nil || !e.Teams || !e.GlobalRunTasks || !e.StateStorage {
			s.T.Errorf("ReadEntitlements of a new organization = %+v, %v; want everything", e, err)
		}
		sets := s.Do("GET", "/api/v2/admin/feature-sets?q=Free", s.AdminToken(), nil)
		list := sets.JSON()["data"].([]any)
		if len(list) != 1 {
			s.T.Fatalf("GET feature-sets?q=Free = %s, want one", sets.Body)
		}
		body := fmt.Sprintf(`{"data":{"type":"subscription","attributes":{"runs-ceiling":1,"end-at":"2001-01-01T00:00:00Z"},"relationships":{"feature-set":{"data":{"type":"feature-sets","id":%q}}}}}`,
			list[0].(map[string]any)["id"])
		path := "/api/v2/admin/organizations/acme/subscription"
		if r := s.Do("POST", path, o.Owner.Token, body); r.Status != 404 {
			s.T.Errorf("POST subscription by an owner = %d, want 404", r.Status)
		}
		if r := s.Do("POST", path, s.AdminToken(), strings.Replace(body, "fs-", "xx-", 1)); r.Status != 422 {
			s.T.Errorf("POST subscription to no plan = %d, want 422", r.Status)
		}
		if r := s.Do("POST", path, s.AdminToken(), body); r.Status != 200 {
			s.T.Errorf("POST subscription = %d %s", r.Status, r.Body)
		}
		if e, err := c.Organizations.ReadEntitlements(ctx, "acme"); err != nil || e.GlobalRunTasks {
			s.T.Errorf("ReadEntitlements on Free = %+v, %v; want no global run tasks", e, err)
		}
		for path, wants := range map[string][]string{
			"/api/v2/organizations/acme?include=subscription,entitlement_set": {`"plan-expired":true`, `"plan-identifier":"free"`, `"type":"subscriptions"`,
				`"runs-ceiling":1`, `"is-active":false`, `"type":"entitlement-sets"`},
			"/api/v2/subscriptions/sub-" + strings.TrimPrefix(o.ID, "org-") + "?include=feature_set": {`"type":"feature-sets"`, `"is-free-tier":true`},
		} {
			for _, want := range wants {
				if r := s.Do("GET", path, o.Owner.Token, nil); !strings.Contains(string(r.Body), want) {
					s.T.Errorf("GET %s has no %s: %s", path, want, r.Body)
				}
			}
		}
	})
}

func TestUserTokensCanBeTurnedOff(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		user, org := s.Token(tokens.Token{Kind: tokens.User, UserID: &o.Owner.ID}), s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID})
		if _, err := s.Client(org).Organizations.Update(ctx, "acme", tfe.OrganizationUpdateOptions{UserTokensEnabled: new(false)}); err != nil {
			s.T.Fatal(err)
		}
		for _, path := range []string{"/api/v2/organizations/acme", "/api/v2/organizations/acme/teams", "/api/v2/organizations/acme/entitlement-set"} {
			if r := s.Do("GET", path, user, nil); r.Status != 401 {
				s.T.Errorf("GET %s with a user's token = %d, want 401", path, r.Status)
			}
			if r := s.Do("GET", path, org, nil); r.Status != 200 {
				s.T.Errorf("GET %s with the organization's token = %d, want 200", path, r.Status)
			}
		}
		if got := names(s.Do("GET", "/api/v2/organizations", user, nil)); len(got) != 0 {
			s.T.Errorf("GET /organizations with a user's token = %v, want none", got)
		}
	})
}

func TestSecondFactorCanBeMandatory(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		mia, c := s.Member(o, "mia"), s.Client(o.Owner.Token)
		mandatory := tfe.OrganizationUpdateOptions{CollaboratorAuthPolicy: tfe.AuthPolicy(tfe.AuthPolicyTwoFactor)}
		if _, err := c.Organizations.Update(ctx, "acme", mandatory); err == nil || !strings.Contains(err.Error(), "yourself") {
			s.T.Errorf("Update by an owner without a second factor = %v, want a refusal", err)
		}
		if _, err := s.DB.Exec(ctx, `UPDATE users SET totp_verified = TRUE WHERE id = ?`, o.Owner.ID); err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.Organizations.Update(ctx, "acme", mandatory); err != nil {
			s.T.Fatal(err)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme", mia.Token, nil); r.Status != 401 {
			s.T.Errorf("GET by a member without a second factor = %d, want 401", r.Status)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme", o.Owner.Token, nil); r.Status != 200 {
			s.T.Errorf("GET by an owner with a second factor = %d, want 200", r.Status)
		}
	})
}

func TestSiteDisablesAnOrganization(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		org := s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID})
		admin := s.Admin().Admin.Organizations
		got, err := admin.Update(ctx, "acme", tfe.AdminOrganizationUpdateOptions{IsDisabled: new(true), WorkspaceLimit: new(7), ApplyTimeout: new("2h")})
		if err != nil || !got.IsDisabled || *got.WorkspaceLimit != 7 || got.ApplyTimeout != "2h" || len(got.Owners) != 1 {
			s.T.Errorf("Update = %+v, %v", got, err)
		}
		for who, token := range map[string]string{"owner": o.Owner.Token, "organization": org} {
			if r := s.Do("GET", "/api/v2/organizations/acme", token, nil); r.Status != 401 {
				s.T.Errorf("GET of a disabled organization by its %s = %d, want 401", who, r.Status)
			}
		}
		if _, err := admin.Update(ctx, "acme", tfe.AdminOrganizationUpdateOptions{IsDisabled: new(false)}); err != nil {
			s.T.Error(err)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme", o.Owner.Token, nil); r.Status != 200 {
			s.T.Errorf("GET of an enabled organization = %d, want 200", r.Status)
		}
		for attribute, bad := range map[string]string{"apply-timeout": "soon", "plan-timeout": "59s", "terraform-build-worker-plan-timeout": "745h", "terraform-build-worker-apply-timeout": "-1h"} {
			r := s.Do("PATCH", "/api/v2/admin/organizations/acme", s.AdminToken(), `{"data":{"type":"organizations","attributes":{"`+attribute+`":"`+bad+`"}}}`)
			if r.Status != 422 || !strings.Contains(string(r.Body), `"/data/attributes/`+attribute+`"`) {
				s.T.Errorf("PATCH with %s of %s = %d %s, want 422 for it", attribute, bad, r.Status, r.Body)
			}
		}
		for _, right := range []string{`"744h"`, `"1m"`, `""`, `null`} {
			if r := s.Do("PATCH", "/api/v2/admin/organizations/acme", s.AdminToken(), `{"data":{"type":"organizations","attributes":{"plan-timeout":`+right+`}}}`); r.Status != 200 {
				s.T.Errorf("PATCH with a plan-timeout of %s = %d %s", right, r.Status, r.Body)
			}
		}
		if r := s.Do("GET", "/api/v2/admin/organizations", o.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET /admin/organizations by an owner = %d, want 404", r.Status)
		}
	})
}

func TestSiteLimitsWorkspaces(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		if _, err := s.Admin().Admin.Organizations.Update(ctx, "acme", tfe.AdminOrganizationUpdateOptions{WorkspaceLimit: new(1)}); err != nil {
			s.T.Fatal(err)
		}
		c := s.Client(o.Owner.Token)
		if _, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: new("one")}); err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: new("two")}); err == nil || !strings.Contains(err.Error(), "limit of 1 workspaces") {
			s.T.Errorf("Create beyond the limit = %v, want a refusal", err)
		}
	})
}

func TestModulesAreSharedWithNamedOrganizations(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, consumer := s.T.Context(), s.Org("consumer")
		s.Org("producer")
		admin := s.Admin().Admin.Organizations
		if err := admin.UpdateModuleConsumers(ctx, "producer", []string{"nobody"}); err == nil || !strings.Contains(err.Error(), "not found") {
			s.T.Errorf("UpdateModuleConsumers of nobody = %v, want not found", err)
		}
		if err := admin.UpdateModuleConsumers(ctx, "producer", []string{"Consumer"}); err != nil {
			s.T.Fatal(err)
		}
		r := s.Do("GET", "/api/v2/organizations/consumer/relationships/module-producers", consumer.Owner.Token, nil)
		if got := names(r); !slices.Equal(got, []string{"producer"}) {
			s.T.Errorf("module-producers = %v, want producer", got)
		}
		if strings.Contains(string(r.Body), "@example.com") {
			s.T.Errorf("module-producers tell the address of another organization: %s", r.Body)
		}
		if err := admin.UpdateModuleConsumers(ctx, "producer", nil); err != nil {
			s.T.Fatal(err)
		}
		if list, err := admin.ListModuleConsumers(ctx, "producer", nil); err != nil || len(list.Items) != 0 {
			s.T.Errorf("ListModuleConsumers = %+v, %v; want none", list, err)
		}
	})
}

func TestAuditConfiguration(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c := s.Client(o.Owner.Token).OrganizationAuditConfigurations
		if got, err := c.Read(ctx, "acme"); err != nil || !got.AuditTrails.Enabled || got.HCPAuditLogStreaming.Enabled {
			s.T.Errorf("Read = %+v, %v", got, err)
		}
		got, err := c.Update(ctx, "acme", tfe.OrganizationAuditConfigurationOptions{AuditTrails: &tfe.OrganizationAuditConfigAuditTrails{Enabled: false}})
		if err != nil || got.AuditTrails.Enabled || got.Timestamps.AuditTrailsDisabledAt == nil {
			s.T.Errorf("Update = %+v, %v", got, err)
		}
		if test, err := c.Test(ctx, "acme"); err != nil || test.RequestID == nil || *test.RequestID == "" {
			s.T.Errorf("Test = %+v, %v", test, err)
		}
		streaming := `{"data":{"type":"audit-configurations","attributes":{"hcp-audit-log-streaming":{"enabled":true}}}}`
		if r := s.Do("PATCH", "/api/v2/organizations/acme/audit-configuration", o.Owner.Token, streaming); r.Status != 422 {
			s.T.Errorf("PATCH of streaming = %d, want 422", r.Status)
		}
	})
}
