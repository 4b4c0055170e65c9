-- +goose Up
CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE REFERENCES runs(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  status TEXT NOT NULL,                        -- progress.Status
  execution TEXT NOT NULL,                     -- JSON of progress.Execution: who carries it out
  structured BOOLEAN NOT NULL,                 -- the log has one JSON object a line
  engine_version TEXT NOT NULL,                -- '' until it is finished
  has_changes BOOLEAN NOT NULL,
  generated BOOLEAN NOT NULL,                  -- it generated configuration
  additions BIGINT,                            -- of resources; NULL until it is finished
  changes BIGINT,
  destructions BIGINT,
  imports BIGINT,
  actions BIGINT,
  created_at TIMESTAMPTZ NOT NULL,
  queued_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  errored_at TIMESTAMPTZ,
  canceled_at TIMESTAMPTZ,
  force_canceled_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,                      -- of the backing data, which can be restored for a while
  destroyed_at TIMESTAMPTZ);                   -- of the backing data, for good
CREATE INDEX plans_org ON plans (org_id);
CREATE INDEX plans_workspace ON plans (workspace_id);
CREATE INDEX plans_deleted ON plans (deleted_at) WHERE deleted_at IS NOT NULL AND destroyed_at IS NULL;

CREATE TABLE applies (
  id TEXT PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE REFERENCES runs(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  status TEXT NOT NULL,                        -- progress.Status
  execution TEXT NOT NULL,                     -- JSON of progress.Execution: who carries it out
  engine_version TEXT NOT NULL,
  additions BIGINT,                            -- of resources; NULL until it has ended
  changes BIGINT,
  destructions BIGINT,
  imports BIGINT,
  actions BIGINT,
  created_at TIMESTAMPTZ NOT NULL,
  queued_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  errored_at TIMESTAMPTZ,
  canceled_at TIMESTAMPTZ,
  force_canceled_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,                      -- of the backing data, which can be restored for a while
  destroyed_at TIMESTAMPTZ);                   -- of the backing data, for good
CREATE INDEX applies_org ON applies (org_id);
CREATE INDEX applies_workspace ON applies (workspace_id);
CREATE INDEX applies_deleted ON applies (deleted_at) WHERE deleted_at IS NOT NULL AND destroyed_at IS NULL;

-- What plans and applies leave beside their log: the plan file, its JSON, …
CREATE TABLE outputs (
  subject TEXT NOT NULL,                       -- id of the plan or apply
  name TEXT NOT NULL,                          -- as in executor/proto
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  object TEXT NOT NULL,                        -- key
  size BIGINT NOT NULL,                        -- in bytes
  sha256 TEXT NOT NULL,                        -- in hex
  PRIMARY KEY (subject, name));
CREATE INDEX outputs_org ON outputs (org_id);
CREATE INDEX outputs_workspace ON outputs (workspace_id);
CREATE INDEX outputs_object ON outputs (object);
