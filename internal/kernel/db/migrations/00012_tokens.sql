-- +goose Up
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  public TEXT NOT NULL UNIQUE,                 -- the part before ".atlasv1."
  hash BYTEA NOT NULL,                         -- SHA-256 of the part after it
  kind TEXT NOT NULL,                          -- user, session, team, organization, audit-trails, run
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE,
  team_id TEXT REFERENCES teams(id) ON DELETE CASCADE,
  org_id TEXT REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT,                           -- of kind run
  description TEXT NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  last_used_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_team ON tokens (team_id);
CREATE INDEX tokens_org ON tokens (org_id);
CREATE INDEX tokens_workspace ON tokens (workspace_id);
