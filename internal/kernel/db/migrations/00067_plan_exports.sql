-- +goose Up
CREATE TABLE plan_exports (
  id TEXT PRIMARY KEY,
  plan_id TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  data_type TEXT NOT NULL,
  status TEXT NOT NULL,                        -- planexports.Status
  error_message TEXT NOT NULL,
  object TEXT NOT NULL,                        -- key of the archive; '' if there is none
  size BIGINT NOT NULL,                        -- of the archive in bytes
  created_at TIMESTAMPTZ NOT NULL,
  queued_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  expired_at TIMESTAMPTZ,                      -- also of what will expire
  canceled_at TIMESTAMPTZ,
  errored_at TIMESTAMPTZ);
-- A plan has one export of a type at a time that is awaited or can be downloaded.
CREATE UNIQUE INDEX plan_exports_live ON plan_exports (plan_id, data_type) WHERE status IN ('pending', 'queued', 'finished');
CREATE INDEX plan_exports_plan ON plan_exports (plan_id);
CREATE INDEX plan_exports_org ON plan_exports (org_id);
CREATE INDEX plan_exports_object ON plan_exports (object) WHERE object <> '';
CREATE INDEX plan_exports_expiry ON plan_exports (expired_at) WHERE status = 'finished';
