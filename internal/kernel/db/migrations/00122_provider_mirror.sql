-- +goose Up
-- What the network mirror knows of providers of other registries. It belongs to the site.
CREATE TABLE mirror_providers (
  id TEXT PRIMARY KEY,
  hostname TEXT NOT NULL,
  namespace TEXT NOT NULL,
  type TEXT NOT NULL,
  listing TEXT NOT NULL,                       -- JSON: the versions that the origin offers, with platforms
  listed_at TIMESTAMPTZ NOT NULL,
  UNIQUE (hostname, namespace, type));

CREATE TABLE mirror_versions (
  id TEXT PRIMARY KEY,
  provider_id TEXT NOT NULL REFERENCES mirror_providers(id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  shasums TEXT NOT NULL,                       -- the file SHA256SUMS, whose signature was good
  key_id TEXT NOT NULL,                        -- of the key that signed it
  verified_at TIMESTAMPTZ NOT NULL,
  UNIQUE (provider_id, version));

CREATE TABLE mirror_packages (
  id TEXT PRIMARY KEY,
  version_id TEXT NOT NULL REFERENCES mirror_versions(id) ON DELETE CASCADE,
  os TEXT NOT NULL,
  arch TEXT NOT NULL,
  filename TEXT NOT NULL,
  sha256 TEXT NOT NULL,                        -- in hex
  object TEXT NOT NULL,                        -- key of the archive
  size BIGINT NOT NULL,                        -- of the archive, in bytes
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (version_id, os, arch));
CREATE INDEX mirror_packages_object ON mirror_packages (object);
