-- +goose Up
-- The processes of the server that are or were there lately.
CREATE TABLE nodes (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,                          -- of the machine
  version TEXT NOT NULL,
  workers BIGINT NOT NULL,                     -- runs at a time that it executes itself
  started_at TIMESTAMPTZ NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL);

-- What an agent said of itself when it joined.
ALTER TABLE agents ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN platform TEXT NOT NULL DEFAULT ''; -- such as linux/amd64
