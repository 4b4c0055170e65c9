-- +goose Up
CREATE TABLE ssh_keys (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value BYTEA NOT NULL,                        -- the private key, sealed
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name));
