-- +goose Up
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  configuration_version_id TEXT REFERENCES configuration_versions(id) ON DELETE SET NULL,
  plan_id TEXT NOT NULL,                       -- '' only while the run is made
  apply_id TEXT NOT NULL,
  status TEXT NOT NULL,                        -- runs.Status
  final BOOLEAN NOT NULL,                      -- the status is one that a run never leaves
  status_times TEXT NOT NULL,                  -- JSON: status to when the run got it
  operation TEXT NOT NULL,                     -- runs.Operation
  source TEXT NOT NULL,                        -- tfe-api, tfe-ui, tfe-configuration-version
  trigger_reason TEXT NOT NULL,
  message TEXT NOT NULL,
  plan_only BOOLEAN NOT NULL,
  save_plan BOOLEAN NOT NULL,
  is_destroy BOOLEAN NOT NULL,
  refresh BOOLEAN NOT NULL,
  refresh_only BOOLEAN NOT NULL,
  auto_apply BOOLEAN NOT NULL,
  allow_empty_apply BOOLEAN NOT NULL,
  allow_config_generation BOOLEAN NOT NULL,
  debugging_mode BOOLEAN NOT NULL,
  target_addrs TEXT NOT NULL,                  -- JSON list
  replace_addrs TEXT NOT NULL,                 -- JSON list
  invoke_action_addrs TEXT NOT NULL,           -- JSON list
  policy_paths TEXT NOT NULL,                  -- JSON list
  variables BYTEA,                             -- JSON, sealed; NULL is none
  terraform_version TEXT NOT NULL,             -- a version, a constraint or "latest"
  execution_mode TEXT NOT NULL,                -- remote, agent
  agent_pool_id TEXT REFERENCES agent_pools(id) ON DELETE SET NULL,
  has_changes BOOLEAN NOT NULL,
  input_state_version_id TEXT,                 -- the state that the plan is made for
  triggering_run_id TEXT,
  triggering_workspace_id TEXT,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  confirmed_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  canceled_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  canceled_at TIMESTAMPTZ,                     -- when it was asked to end
  force_cancel_at TIMESTAMPTZ);                -- from when on it can be ended by force
CREATE INDEX runs_workspace ON runs (workspace_id, created_at, id);
CREATE INDEX runs_org ON runs (org_id, created_at, id);
CREATE INDEX runs_open ON runs (org_id, workspace_id) WHERE NOT final;
CREATE INDEX runs_configuration ON runs (configuration_version_id) WHERE configuration_version_id IS NOT NULL;

-- What happened to a run, for people.
CREATE TABLE run_events (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  number BIGINT NOT NULL,                      -- from 1, in the order in which it happened
  action TEXT NOT NULL,
  description TEXT NOT NULL,
  actor_id TEXT REFERENCES users(id) ON DELETE SET NULL,
  comment_id TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (run_id, number));

CREATE TABLE run_comments (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  body TEXT NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL);
CREATE INDEX run_comments_run ON run_comments (run_id, created_at, id);

-- The lane of each workspace: runs that want to change it, one at a time.
CREATE TABLE run_queue (
  run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  position BIGINT NOT NULL,                    -- first in, first out
  current BOOLEAN NOT NULL,                    -- it has begun and holds the workspace's lock
  added_at TIMESTAMPTZ NOT NULL,
  UNIQUE (workspace_id, position));
CREATE UNIQUE INDEX run_queue_current ON run_queue (workspace_id) WHERE current;

ALTER TABLE workspaces ADD COLUMN current_run_id TEXT REFERENCES runs(id) ON DELETE SET NULL; -- the last run that was or is current
ALTER TABLE workspaces ADD COLUMN latest_run_id TEXT REFERENCES runs(id) ON DELETE SET NULL;  -- the newest run that may change something
CREATE INDEX workspaces_current_run ON workspaces (current_run_id) WHERE current_run_id IS NOT NULL;
CREATE INDEX workspaces_latest_run ON workspaces (latest_run_id) WHERE latest_run_id IS NOT NULL;
ALTER TABLE configuration_versions ADD COLUMN may_apply BOOLEAN NOT NULL DEFAULT FALSE; -- who made it may apply runs
