-- +goose Up
CREATE TABLE run_triggers (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  source_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE, -- whose applied runs queue runs in workspace_id
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (workspace_id, source_id),
  CHECK (workspace_id <> source_id));
CREATE INDEX run_triggers_source ON run_triggers (source_id);
CREATE INDEX run_triggers_org ON run_triggers (org_id);

-- What a trigger has done already: an applied run queues one run, not two.
CREATE TABLE run_trigger_firings (
  trigger_id TEXT NOT NULL REFERENCES run_triggers(id) ON DELETE CASCADE,
  run_id TEXT NOT NULL,                        -- that was applied
  PRIMARY KEY (trigger_id, run_id));
