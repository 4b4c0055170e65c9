-- +goose Up
-- Public keys with which the providers of an organization are signed.
CREATE TABLE gpg_keys (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  key_id TEXT NOT NULL,                        -- the last 8 bytes of the fingerprint: 16 upper-case hex digits
  ascii_armor TEXT NOT NULL,                   -- as it was sent
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, key_id));
