-- +goose Up
CREATE TABLE workspaces (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects(id),
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  locked_by_kind TEXT NOT NULL,                -- '' (not locked), user, team, run
  locked_by_id TEXT NOT NULL,
  lock_reason TEXT NOT NULL,
  global_remote_state BOOLEAN NOT NULL,
  current_state_version_id TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name_lower));
CREATE INDEX workspaces_org ON workspaces (org_id, name, id);
CREATE INDEX workspaces_project ON workspaces (project_id);

CREATE TABLE remote_state_consumers (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  consumer_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  PRIMARY KEY (workspace_id, consumer_id));
CREATE INDEX remote_state_consumers_consumer ON remote_state_consumers (consumer_id);
