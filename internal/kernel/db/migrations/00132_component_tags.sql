-- +goose Up
CREATE TABLE registry_component_tags (
  id TEXT PRIMARY KEY,
  component_id TEXT NOT NULL REFERENCES registry_components(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (component_id, key));
