-- +goose Up
CREATE TABLE workspaces (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects(id),
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  description TEXT NOT NULL,
  execution_mode TEXT NOT NULL,                -- remote, local, agent; '' is the project's or organization's
  agent_pool_id TEXT,                          -- of mode agent, as the check below says
  terraform_version TEXT NOT NULL,             -- a version, a constraint or "latest"
  working_directory TEXT NOT NULL,
  trigger_prefixes TEXT NOT NULL,              -- JSON list; at most one of the two lists has members
  trigger_patterns TEXT NOT NULL,              -- JSON list
  allow_destroy_plan BOOLEAN NOT NULL,
  assessments_enabled BOOLEAN NOT NULL,
  auto_apply BOOLEAN NOT NULL,
  auto_apply_run_trigger BOOLEAN NOT NULL,
  file_triggers_enabled BOOLEAN NOT NULL,
  queue_all_runs BOOLEAN NOT NULL,
  speculative_enabled BOOLEAN NOT NULL,
  structured_run_output_enabled BOOLEAN NOT NULL,
  inherits_project_auto_destroy BOOLEAN NOT NULL,
  auto_destroy_at TIMESTAMPTZ,
  auto_destroy_activity_duration TEXT,
  source TEXT NOT NULL,
  source_name TEXT NOT NULL,
  source_url TEXT NOT NULL,
  migration_environment TEXT NOT NULL,
  locked_by_kind TEXT NOT NULL,                -- '' (not locked), user, team, organization, run
  locked_by_id TEXT NOT NULL,
  lock_reason TEXT NOT NULL,
  global_remote_state BOOLEAN NOT NULL,
  project_remote_state BOOLEAN NOT NULL,
  data_retention TEXT NOT NULL,                -- JSON, package retention
  current_state_version_id TEXT,
  resources_state_version_id TEXT,             -- the state whose resources are known
  resources_digest TEXT NOT NULL DEFAULT '',   -- of those resources; 'changing' while they do
  resource_count BIGINT NOT NULL,
  latest_change_at TIMESTAMPTZ NOT NULL,       -- of what is managed: states and runs
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name_lower),
  CHECK ((execution_mode = 'agent') = (agent_pool_id IS NOT NULL)),
  FOREIGN KEY (agent_pool_id, org_id) REFERENCES agent_pools (id, org_id));
CREATE INDEX workspaces_agent_pool ON workspaces (agent_pool_id) WHERE agent_pool_id IS NOT NULL;
CREATE INDEX workspaces_org ON workspaces (org_id, name, id, name_lower); -- a search reads no row that it leaves out
CREATE INDEX workspaces_project ON workspaces (project_id, name);

CREATE TABLE remote_state_consumers (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  consumer_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  PRIMARY KEY (workspace_id, consumer_id));
CREATE INDEX remote_state_consumers_consumer ON remote_state_consumers (consumer_id);
