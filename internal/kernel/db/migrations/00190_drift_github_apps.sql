-- +goose Up
-- GitHub apps, by whose installations repositories are read; '' for other types.
ALTER TABLE drift_repositories ADD COLUMN app_id TEXT NOT NULL DEFAULT '';
ALTER TABLE drift_repositories ADD COLUMN installation_id TEXT NOT NULL DEFAULT '';
