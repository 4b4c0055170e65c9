-- +goose Up
-- What an organization sets once for drift detection.
CREATE TABLE drift_settings (
  org_id TEXT PRIMARY KEY REFERENCES organizations(id) ON DELETE CASCADE,
  drift_id TEXT NOT NULL UNIQUE,               -- the organization's id in the API at /drift, 32 hex digits
  external_id TEXT NOT NULL,                   -- what AWS roles ask for (sts:ExternalId)
  time_zone TEXT NOT NULL,                     -- IANA name
  created_at TIMESTAMPTZ NOT NULL);

-- Keys of the API at /drift.
CREATE TABLE drift_keys (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  description TEXT NOT NULL,
  role TEXT NOT NULL,                          -- read, operate, admin
  hash TEXT NOT NULL UNIQUE,                   -- SHA-256 of the key, in hex
  hint TEXT NOT NULL,                          -- the last four characters, to tell keys apart
  created_by TEXT NOT NULL,                    -- id of who made it
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ,
  last_used_at TIMESTAMPTZ);
CREATE INDEX drift_keys_org ON drift_keys (org_id, created_at);

-- Requests with an Idempotency-Key, whose answers are repeated for a day.
CREATE TABLE drift_requests (
  key_id TEXT NOT NULL REFERENCES drift_keys(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  request TEXT NOT NULL,
  status BIGINT NOT NULL,
  answer TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (key_id, name));
CREATE INDEX drift_requests_created ON drift_requests (created_at);
