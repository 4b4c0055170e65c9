-- +goose Up
-- Variables of a workspace, or of a variable set.
CREATE TABLE variables (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  varset_id TEXT REFERENCES varsets(id) ON DELETE CASCADE,
  global_in TEXT,                              -- the organization, if the set is global
  key TEXT NOT NULL,
  category TEXT NOT NULL,                      -- terraform, env
  description TEXT NOT NULL,
  hcl BOOLEAN NOT NULL,
  sensitive BOOLEAN NOT NULL,
  value BYTEA NOT NULL,                        -- sealed, sensitive or not
  version_id TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  CHECK ((workspace_id IS NULL) <> (varset_id IS NULL)));
CREATE UNIQUE INDEX variables_workspace ON variables (workspace_id, category, key) WHERE workspace_id IS NOT NULL;
CREATE UNIQUE INDEX variables_varset ON variables (varset_id, category, key) WHERE varset_id IS NOT NULL;
CREATE UNIQUE INDEX variables_global ON variables (global_in, category, key) WHERE global_in IS NOT NULL;
CREATE INDEX variables_org ON variables (org_id);
