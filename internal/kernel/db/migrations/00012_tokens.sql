-- +goose Up
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  public TEXT NOT NULL UNIQUE,                 -- the part before ".atlasv1."
  hash BYTEA NOT NULL,                         -- SHA-256 of the part after it
  kind TEXT NOT NULL,                          -- user, session, team, organization, audit-trails, run, agent
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE,
  team_id TEXT REFERENCES teams(id) ON DELETE CASCADE,
  org_id TEXT REFERENCES organizations(id) ON DELETE CASCADE, -- of the tokens of teams and agent pools too
  workspace_id TEXT,                           -- of kind run
  single BOOLEAN NOT NULL,                     -- the one token without a description that a team may have
  description TEXT NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_by_team TEXT REFERENCES teams(id) ON DELETE SET NULL,
  created_by_org TEXT REFERENCES organizations(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  last_used_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ);
CREATE INDEX tokens_user ON tokens (user_id, kind);
CREATE INDEX tokens_team ON tokens (team_id);
CREATE INDEX tokens_org ON tokens (org_id, kind);
CREATE INDEX tokens_workspace ON tokens (workspace_id);
CREATE INDEX tokens_expiry ON tokens (expires_at);
CREATE UNIQUE INDEX tokens_single_of_org ON tokens (org_id, kind) WHERE kind IN ('organization', 'audit-trails');
CREATE UNIQUE INDEX tokens_single_of_team ON tokens (team_id) WHERE kind = 'team' AND single;
CREATE UNIQUE INDEX tokens_description_of_team ON tokens (team_id, description) WHERE kind = 'team' AND NOT single;

-- How long tokens may live that act in an organization.
CREATE TABLE token_ttl_policies (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  token_type TEXT NOT NULL,                    -- organization, team, user, audit_trails
  max_ttl_ms BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, token_type));
