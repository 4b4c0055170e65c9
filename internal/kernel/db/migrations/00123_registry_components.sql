-- +goose Up
-- Stack component configurations of an organization's registry.
CREATE TABLE registry_components (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name_lower));

CREATE TABLE registry_component_versions (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  component_id TEXT NOT NULL REFERENCES registry_components(id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  status TEXT NOT NULL,                        -- components.Status
  error TEXT NOT NULL,                         -- '' if there is none
  details TEXT NOT NULL,                       -- JSON: what its files say; '' until they are read
  object TEXT NOT NULL,                        -- key of the archive; '' until it is uploaded
  sha256 TEXT NOT NULL,                        -- of the archive, in hex
  published_at TIMESTAMPTZ,                    -- when its files were read
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (component_id, version));
CREATE INDEX registry_component_versions_object ON registry_component_versions (object) WHERE object <> '';
