-- +goose Up
CREATE TABLE tags (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,                          -- the key of its bindings
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name));

CREATE TABLE tag_bindings (
  id TEXT PRIMARY KEY,
  tag_id TEXT NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  project_id TEXT REFERENCES projects(id) ON DELETE CASCADE,
  value TEXT NOT NULL,                         -- '' is a flat tag
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (workspace_id, tag_id), UNIQUE (project_id, tag_id),
  CHECK ((workspace_id IS NULL) <> (project_id IS NULL)));
CREATE INDEX tag_bindings_tag ON tag_bindings (tag_id);

CREATE TABLE reserved_tag_keys (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  disable_overrides BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, key));
