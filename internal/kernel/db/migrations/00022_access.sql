-- +goose Up
CREATE TABLE team_projects (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  access TEXT NOT NULL,                        -- read, write, maintain, admin, custom
  project_access TEXT NOT NULL,                -- JSON, authz.ProjectPermissions
  workspace_access TEXT NOT NULL,              -- JSON, authz.WorkspacePermissions
  UNIQUE (team_id, project_id));
CREATE INDEX team_projects_project ON team_projects (project_id);

CREATE TABLE team_workspaces (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  access TEXT NOT NULL,                        -- read, plan, write, admin, custom
  permissions TEXT NOT NULL,                   -- JSON, authz.WorkspacePermissions
  UNIQUE (team_id, workspace_id));
CREATE INDEX team_workspaces_workspace ON team_workspaces (workspace_id);
