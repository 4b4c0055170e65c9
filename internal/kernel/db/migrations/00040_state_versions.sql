-- +goose Up
CREATE TABLE state_versions (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  status TEXT NOT NULL,                        -- pending, finalized, discarded, backing_data_soft_deleted, backing_data_permanently_deleted
  position BIGINT,                             -- place in the workspace's history, from 1; NULL: was never current
  serial BIGINT NOT NULL,
  lineage TEXT NOT NULL,
  md5 TEXT NOT NULL,                           -- of the state, in hex
  size BIGINT NOT NULL,                        -- of the state, in bytes
  forced BOOLEAN NOT NULL,                     -- neither serial nor lineage were compared
  lock_kind TEXT NOT NULL,                     -- who held the workspace's lock when it was created
  lock_id TEXT NOT NULL,
  object TEXT NOT NULL,                        -- key of the state; '' while it is awaited, and after it was deleted
  json_object TEXT NOT NULL,                   -- key of the external representation, '' if there is none
  json_md5 TEXT NOT NULL,
  json_size BIGINT NOT NULL,
  format_version BIGINT NOT NULL,              -- 4; 0 is unknown
  terraform_version TEXT NOT NULL,
  billable BIGINT NOT NULL,                    -- managed resource instances
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  run_id TEXT,
  rollback_of TEXT,                            -- the state version that this is a copy of
  created_at TIMESTAMPTZ NOT NULL,
  finalized_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,                      -- of the backing data
  UNIQUE (workspace_id, position));
CREATE INDEX state_versions_workspace ON state_versions (workspace_id, created_at, id);
CREATE INDEX state_versions_org ON state_versions (org_id);
CREATE INDEX state_versions_object ON state_versions (object) WHERE object <> '';
CREATE INDEX state_versions_json_object ON state_versions (json_object) WHERE json_object <> '';
CREATE INDEX state_versions_deleted ON state_versions (deleted_at) WHERE status = 'backing_data_soft_deleted';

-- What a state is made of, as JSON for clients; apart, because it may be big.
CREATE TABLE state_version_details (
  state_version_id TEXT PRIMARY KEY REFERENCES state_versions(id) ON DELETE CASCADE,
  bytes BIGINT NOT NULL,
  resources TEXT NOT NULL,
  modules TEXT NOT NULL,
  providers TEXT NOT NULL);

CREATE TABLE state_version_outputs (
  id TEXT PRIMARY KEY,
  state_version_id TEXT NOT NULL REFERENCES state_versions(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL,
  name TEXT NOT NULL,
  sensitive BOOLEAN NOT NULL,
  type TEXT NOT NULL,                          -- string, number, bool, array, object
  detailed_type TEXT,                          -- JSON, such as ["list","string"]; NULL: read the state
  value BYTEA,                                 -- JSON, sealed; NULL: read the state
  UNIQUE (state_version_id, name));
