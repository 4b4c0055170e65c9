-- +goose Up
-- While an apply goes on, its state is kept from time to time: such a version gives way to the next.
ALTER TABLE state_versions ADD COLUMN intermediate BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX state_versions_run ON state_versions (run_id, created_at, id) WHERE run_id IS NOT NULL;

-- Which make of engine runs in a workspace: opentofu, terraform; '' is the server's own choice.
ALTER TABLE workspaces ADD COLUMN engine TEXT NOT NULL DEFAULT '';

-- The job whose run token it is, so that both end together.
ALTER TABLE tokens ADD COLUMN job_id TEXT NOT NULL DEFAULT '';
CREATE INDEX tokens_job ON tokens (job_id) WHERE job_id <> '';
