-- +goose Up
-- Keysets of organizations, wrapped by the root key (package crypt).
CREATE TABLE keysets (
  owner TEXT PRIMARY KEY,
  wrapped BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL);

-- Singletons of a cluster: whoever holds the row until the time does the work.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until TIMESTAMPTZ NOT NULL);

-- Who did what (package audit). No foreign keys: the trail outlives what it tells of.
CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  token_id TEXT NOT NULL,
  action TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  changed TEXT NOT NULL,
  ip TEXT NOT NULL,
  request_id TEXT NOT NULL,
  at TIMESTAMPTZ NOT NULL);
CREATE INDEX audit_events_org ON audit_events (org_id, at);
