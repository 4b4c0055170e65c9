-- +goose Up
CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  session_timeout BIGINT,                              -- minutes; NULL: the server's
  session_remember BIGINT,                             -- minutes; NULL: the server's
  collaborator_auth_policy TEXT NOT NULL,              -- password, two_factor_mandatory
  owners_team_saml_role_id TEXT,
  default_execution_mode TEXT NOT NULL,                -- remote, local, agent
  default_project_id TEXT,                             -- set when its projects are made
  cost_estimation_enabled BOOLEAN NOT NULL,
  send_passing_statuses BOOLEAN NOT NULL,              -- for untriggered speculative plans
  aggregated_commit_status BOOLEAN NOT NULL,
  speculative_plan_management BOOLEAN NOT NULL,
  allow_force_delete_workspaces BOOLEAN NOT NULL,
  assessments_enforced BOOLEAN NOT NULL,
  user_tokens_enabled BOOLEAN NOT NULL,
  max_ttl_enabled BOOLEAN NOT NULL,
  stacks_enabled BOOLEAN NOT NULL,
  registry_monorepo_support BOOLEAN NOT NULL,
  data_retention TEXT NOT NULL,                        -- JSON, package retention
  feature_set TEXT NOT NULL,                           -- key of orgs.FeatureSets
  subscription TEXT NOT NULL,                          -- JSON, orgs.Contract
  audit_trails_enabled BOOLEAN NOT NULL,
  audit_trails_changed_at TIMESTAMPTZ,
  is_disabled BOOLEAN NOT NULL,                        -- by a site administrator
  site_settings TEXT NOT NULL,                         -- JSON, orgs.SiteSettings: what site administrators set
  created_at TIMESTAMPTZ NOT NULL);

-- Which organizations share their private modules with which.
CREATE TABLE module_sharing (
  producer_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  consumer_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  PRIMARY KEY (producer_id, consumer_id));
CREATE INDEX module_sharing_consumer ON module_sharing (consumer_id);

CREATE TABLE organization_memberships (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE, -- NULL: invited, not signed up
  invitee_id TEXT NOT NULL,                            -- id that the user will have, or has
  email TEXT NOT NULL,
  email_lower TEXT NOT NULL,
  status TEXT NOT NULL,                                -- invited, active
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (id, org_id), UNIQUE (org_id, user_id), UNIQUE (org_id, email_lower));
CREATE INDEX organization_memberships_user ON organization_memberships (user_id);
CREATE INDEX organization_memberships_email ON organization_memberships (email_lower);

CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  organization_access TEXT NOT NULL,                   -- JSON object of flags, see authz.OrgFlags
  visibility TEXT NOT NULL,                            -- secret, organization
  sso_team_id TEXT,
  allow_member_token_management BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (id, org_id), UNIQUE (org_id, name_lower));
CREATE UNIQUE INDEX teams_sso ON teams (org_id, sso_team_id) WHERE sso_team_id IS NOT NULL;

-- A team's members are memberships of its organization, invited ones too; the keys
-- keep the organization the same.
CREATE TABLE team_members (
  org_id TEXT NOT NULL,
  team_id TEXT NOT NULL,
  membership_id TEXT NOT NULL,
  PRIMARY KEY (team_id, membership_id),
  FOREIGN KEY (team_id, org_id) REFERENCES teams (id, org_id) ON DELETE CASCADE,
  FOREIGN KEY (membership_id, org_id) REFERENCES organization_memberships (id, org_id) ON DELETE CASCADE);
CREATE INDEX team_members_membership ON team_members (membership_id);
