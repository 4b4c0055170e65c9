-- +goose Up
CREATE TABLE notification_configurations (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  project_id TEXT REFERENCES projects(id) ON DELETE CASCADE,
  team_id TEXT REFERENCES teams(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  destination TEXT NOT NULL,                   -- generic, slack, microsoft-teams, email
  url BYTEA,                                   -- sealed
  token BYTEA,                                 -- sealed
  enabled BOOLEAN NOT NULL,
  triggers TEXT NOT NULL,                      -- JSON list
  email_addresses TEXT NOT NULL,               -- JSON list
  response BYTEA,                              -- sealed JSON: what the last request was answered
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  CHECK ((workspace_id IS NOT NULL AND project_id IS NULL AND team_id IS NULL)
      OR (workspace_id IS NULL AND project_id IS NOT NULL AND team_id IS NULL)
      OR (workspace_id IS NULL AND project_id IS NULL AND team_id IS NOT NULL)));
CREATE INDEX notification_configurations_workspace ON notification_configurations (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX notification_configurations_project ON notification_configurations (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX notification_configurations_team ON notification_configurations (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX notification_configurations_org ON notification_configurations (org_id);

-- Who gets the mail of a configuration.
CREATE TABLE notification_users (
  configuration_id TEXT NOT NULL REFERENCES notification_configurations(id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  PRIMARY KEY (configuration_id, user_id));
CREATE INDEX notification_users_user ON notification_users (user_id);
