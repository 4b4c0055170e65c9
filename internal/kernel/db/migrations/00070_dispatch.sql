-- +goose Up
CREATE TABLE dispatch_jobs (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE, -- NULL: of none
  pool_id TEXT,                                -- whose agents take it; NULL: the workers of the server. No foreign key: a job outlives its pool until it is swept
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,                       -- id of the plan, apply, … that it is for
  log TEXT NOT NULL,                           -- id of its log stream, '' has none
  priority BIGINT NOT NULL,                    -- the highest first
  prefer TEXT NOT NULL,                        -- executor that takes it most cheaply, '' is any
  status TEXT NOT NULL,                        -- queued, claimed, ended
  attempt BIGINT NOT NULL,                     -- how often it was claimed
  losses BIGINT NOT NULL,                      -- how often it was queued again
  executor_id TEXT NOT NULL,                   -- of the last attempt, '' has none
  ref TEXT NOT NULL,                           -- the claim that it was given to, so that a repeated one gets it again
  cancel TEXT NOT NULL,                        -- '', interrupt, kill
  lease_until TIMESTAMPTZ,                     -- while claimed
  outcome TEXT NOT NULL,                       -- when ended: finished, errored, canceled, lost
  queued_at TIMESTAMPTZ NOT NULL,
  claimed_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ);
CREATE UNIQUE INDEX dispatch_jobs_live ON dispatch_jobs (subject) WHERE status <> 'ended';
CREATE INDEX dispatch_jobs_subject ON dispatch_jobs (subject, queued_at);
CREATE INDEX dispatch_jobs_queued ON dispatch_jobs ((COALESCE(pool_id, '')), org_id, priority DESC, queued_at, id) WHERE status = 'queued';
CREATE INDEX dispatch_jobs_claimed ON dispatch_jobs ((COALESCE(pool_id, '')), org_id) WHERE status = 'claimed';
CREATE INDEX dispatch_jobs_held ON dispatch_jobs (executor_id) WHERE status = 'claimed';
CREATE INDEX dispatch_jobs_lease ON dispatch_jobs (lease_until) WHERE status = 'claimed';
CREATE INDEX dispatch_jobs_ended ON dispatch_jobs (ended_at) WHERE status = 'ended';
CREATE INDEX dispatch_jobs_org ON dispatch_jobs (org_id);
CREATE INDEX dispatch_jobs_workspace ON dispatch_jobs (workspace_id) WHERE workspace_id IS NOT NULL;

-- One row for each organization whose jobs were ever limited: a claim holds it while it counts.
CREATE TABLE dispatch_limits (
  org_id TEXT PRIMARY KEY REFERENCES organizations(id) ON DELETE CASCADE);
