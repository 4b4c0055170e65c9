-- +goose Up
CREATE TABLE varsets (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  project_id TEXT REFERENCES projects(id) ON DELETE CASCADE, -- the owner; NULL: the organization
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  description TEXT NOT NULL,
  is_global BOOLEAN NOT NULL,
  priority BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  CHECK (project_id IS NULL OR NOT is_global));
CREATE UNIQUE INDEX varsets_organization_name ON varsets (org_id, name) WHERE project_id IS NULL;
CREATE UNIQUE INDEX varsets_project_name ON varsets (project_id, name) WHERE project_id IS NOT NULL;

CREATE TABLE varset_workspaces (
  varset_id TEXT NOT NULL REFERENCES varsets(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  PRIMARY KEY (varset_id, workspace_id));
CREATE INDEX varset_workspaces_workspace ON varset_workspaces (workspace_id);

CREATE TABLE varset_projects (
  varset_id TEXT NOT NULL REFERENCES varsets(id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
  PRIMARY KEY (varset_id, project_id));
CREATE INDEX varset_projects_project ON varset_projects (project_id);
