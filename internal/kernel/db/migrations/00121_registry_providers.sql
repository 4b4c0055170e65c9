-- +goose Up
-- Providers of an organization's registry: its own, and records of public ones.
CREATE TABLE registry_providers (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  registry TEXT NOT NULL,                      -- public or private
  namespace TEXT NOT NULL,                     -- of a public one; '' stands for the organization's name
  namespace_lower TEXT NOT NULL,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, registry, namespace_lower, name_lower));

CREATE TABLE registry_provider_versions (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  provider_id TEXT NOT NULL REFERENCES registry_providers(id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  key_id TEXT NOT NULL,                        -- as the client named it
  protocols TEXT NOT NULL,                     -- JSON list
  shasums TEXT,                                -- the file SHA256SUMS
  signature BYTEA,                             -- of shasums, verified once both are there
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (provider_id, version));

CREATE TABLE registry_provider_platforms (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  version_id TEXT NOT NULL REFERENCES registry_provider_versions(id) ON DELETE CASCADE,
  os TEXT NOT NULL,
  arch TEXT NOT NULL,
  filename TEXT NOT NULL,
  shasum TEXT NOT NULL,                        -- SHA-256 of the archive in hex, as the client named it
  object TEXT NOT NULL,                        -- key of the archive; '' until it is uploaded
  size BIGINT NOT NULL,                        -- of the archive, in bytes
  h1 TEXT NOT NULL,                            -- "h1:" hash of what is in the archive; '' until a job has made it
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (version_id, os, arch));
CREATE INDEX registry_provider_platforms_object ON registry_provider_platforms (object) WHERE object <> '';
