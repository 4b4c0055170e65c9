-- +goose Up
ALTER TABLE workspaces ADD COLUMN ssh_key_id TEXT REFERENCES ssh_keys(id) ON DELETE SET NULL;
CREATE INDEX workspaces_ssh_key ON workspaces (ssh_key_id) WHERE ssh_key_id IS NOT NULL;
