-- +goose Up
CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL);

CREATE TABLE organization_memberships (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE, -- NULL: invited, not signed up
  email TEXT NOT NULL,
  status TEXT NOT NULL,                                -- invited, active
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, user_id), UNIQUE (org_id, email));
CREATE INDEX organization_memberships_user ON organization_memberships (user_id);

CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  organization_access TEXT NOT NULL,                   -- JSON object of flags, see authz.OrgFlags
  visibility TEXT NOT NULL,                            -- secret, organization
  sso_team_id TEXT,
  allow_member_token_management BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name));

CREATE TABLE team_members (
  team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  PRIMARY KEY (team_id, user_id));
CREATE INDEX team_members_user ON team_members (user_id);
