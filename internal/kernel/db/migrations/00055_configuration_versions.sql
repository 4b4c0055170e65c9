-- +goose Up
CREATE TABLE configuration_versions (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  status TEXT NOT NULL,                        -- configversions.Status
  source TEXT NOT NULL,                        -- tfe-api, terraform, or the kind of the VCS
  auto_queue_runs BOOLEAN NOT NULL,
  speculative BOOLEAN NOT NULL,
  provisional BOOLEAN NOT NULL,
  error TEXT NOT NULL,                         -- a code; '' is none
  error_message TEXT NOT NULL,
  object TEXT NOT NULL,                        -- key of the archive; '' if there is none
  sha256 TEXT NOT NULL,                        -- of the archive, in hex
  size BIGINT NOT NULL,                        -- of the archive, in bytes
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  fetching_at TIMESTAMPTZ,
  uploaded_at TIMESTAMPTZ,
  errored_at TIMESTAMPTZ,
  archived_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,                      -- of the backing data
  restored_at TIMESTAMPTZ,
  destroyed_at TIMESTAMPTZ);
CREATE INDEX configuration_versions_workspace ON configuration_versions (workspace_id, created_at, id);
CREATE INDEX configuration_versions_org ON configuration_versions (org_id);
CREATE INDEX configuration_versions_object ON configuration_versions (object) WHERE object <> '';
CREATE INDEX configuration_versions_pending ON configuration_versions (created_at) WHERE status = 'pending';
CREATE INDEX configuration_versions_deleted ON configuration_versions (deleted_at) WHERE status = 'backing_data_soft_deleted';

-- The commit that a configuration version from a VCS is made of.
CREATE TABLE ingress_attributes (
  id TEXT PRIMARY KEY,
  configuration_version_id TEXT NOT NULL UNIQUE REFERENCES configuration_versions(id) ON DELETE CASCADE,
  branch TEXT NOT NULL,
  clone_url TEXT NOT NULL,
  commit_message TEXT NOT NULL,
  commit_sha TEXT NOT NULL,
  commit_url TEXT NOT NULL,
  compare_url TEXT NOT NULL,
  identifier TEXT NOT NULL,                    -- of the repository
  is_pull_request BOOLEAN NOT NULL,
  on_default_branch BOOLEAN NOT NULL,
  pull_request_number BIGINT,
  pull_request_url TEXT,
  pull_request_title TEXT,
  pull_request_body TEXT,
  tag TEXT,
  sender_username TEXT NOT NULL,
  sender_avatar_url TEXT NOT NULL,
  sender_html_url TEXT NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL);

ALTER TABLE workspaces ADD COLUMN current_configuration_version_id TEXT REFERENCES configuration_versions(id) ON DELETE SET NULL;
CREATE INDEX workspaces_current_configuration ON workspaces (current_configuration_version_id) WHERE current_configuration_version_id IS NOT NULL;

-- What a workspace says of itself: the README.md of its current configuration.
CREATE TABLE workspace_readmes (
  id TEXT PRIMARY KEY,
  workspace_id TEXT NOT NULL UNIQUE REFERENCES workspaces(id) ON DELETE CASCADE,
  markdown TEXT NOT NULL);
