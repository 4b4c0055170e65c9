-- +goose Up
ALTER TABLE workspaces ADD COLUMN locked_at TIMESTAMPTZ; -- while locked; NULL for locks that are older than the column
