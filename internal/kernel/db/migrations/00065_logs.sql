-- +goose Up
-- What plans, applies and other work of executors print. While a log grows it is
-- chunks; some time after its end they are joined into objects.
CREATE TABLE log_streams (
  id TEXT PRIMARY KEY,                         -- of the plan, the apply, … whose log it is
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  base BIGINT NOT NULL,                        -- where the first byte of the present writer lies
  size BIGINT NOT NULL,                        -- in bytes, once it is closed
  object TEXT NOT NULL,                        -- prefix of the keys of the objects; '': it is still chunks
  created_at TIMESTAMPTZ NOT NULL,
  closed_at TIMESTAMPTZ);
CREATE INDEX log_streams_org ON log_streams (org_id);
CREATE INDEX log_streams_workspace ON log_streams (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX log_streams_object ON log_streams (object) WHERE object <> '';

-- The chunks of a stream lie end to end: each is inserted where the last one was seen
-- to end, and the primary key lets only one writer do so.
CREATE TABLE log_chunks (
  stream_id TEXT NOT NULL REFERENCES log_streams(id) ON DELETE CASCADE,
  start BIGINT NOT NULL,                       -- offset of its first byte in the stream
  size BIGINT NOT NULL,
  text BYTEA NOT NULL,
  PRIMARY KEY (stream_id, start));
