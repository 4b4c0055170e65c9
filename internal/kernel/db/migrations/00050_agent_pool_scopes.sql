-- +goose Up
CREATE TABLE agent_pool_workspaces (
  pool_id TEXT NOT NULL REFERENCES agent_pools(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  excluded BOOLEAN NOT NULL,                   -- may not use the pool, whatever else says so
  PRIMARY KEY (pool_id, workspace_id, excluded));
CREATE INDEX agent_pool_workspaces_workspace ON agent_pool_workspaces (workspace_id);

CREATE TABLE agent_pool_projects (
  pool_id TEXT NOT NULL REFERENCES agent_pools(id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  PRIMARY KEY (pool_id, project_id));
CREATE INDEX agent_pool_projects_project ON agent_pool_projects (project_id);
