-- +goose Up
-- Looks for drift, of workspaces (assessments) and of folders of repositories.
CREATE TABLE drift_scans (
  id TEXT PRIMARY KEY,                         -- asmt-… of a workspace, drsc-… of a schedule
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  schedule_id TEXT,                            -- exactly one of the two
  folder TEXT NOT NULL,                        -- of the repository; '' of a workspace
  target TEXT NOT NULL,                        -- what is looked at: the same for all scans of it
  batch TEXT NOT NULL,                         -- id of the first of those that were started together
  reason TEXT NOT NULL,                        -- scheduled, manual, test, confirm
  status TEXT NOT NULL,                        -- queued, running, confirming, finished, errored, canceled, superseded
  confirms TEXT,                               -- scan whose findings this one confirms
  attempt BIGINT NOT NULL,                     -- how often it was begun anew because the state had moved on
  quiet BOOLEAN NOT NULL,                      -- nobody is alerted of what it finds
  branch TEXT NOT NULL,
  commit_sha TEXT NOT NULL,
  run_id TEXT,                                 -- last run that was applied, of a workspace
  configuration_version_id TEXT,
  state_version_id TEXT,
  engine TEXT NOT NULL,                        -- tofu, terraform
  engine_version TEXT NOT NULL,
  job_id TEXT NOT NULL,
  executor_id TEXT NOT NULL,
  resources BIGINT NOT NULL,                   -- managed instances
  drifted BIGINT NOT NULL,
  undrifted BIGINT NOT NULL,
  pending BIGINT NOT NULL,                     -- findings that are code not applied yet
  state_only BIGINT NOT NULL,                  -- findings that need nothing
  checks_passed BIGINT NOT NULL,
  checks_failed BIGINT NOT NULL,
  checks_errored BIGINT NOT NULL,
  checks_unknown BIGINT NOT NULL,
  severity TEXT NOT NULL,                      -- '' as long as nothing is known
  summary TEXT NOT NULL,
  fingerprint TEXT NOT NULL,                   -- of all findings that are drift, and failed checks
  warm BOOLEAN NOT NULL,
  refreshed BOOLEAN NOT NULL,                  -- there was a second pass for checks
  error TEXT NOT NULL,
  verdict BYTEA,                               -- sealed JSON: findings without sensitive values, words
  requested_by TEXT,
  queued_at TIMESTAMPTZ NOT NULL,
  started_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ);
CREATE UNIQUE INDEX drift_scans_ongoing ON drift_scans (target) WHERE status IN ('queued', 'running');
CREATE INDEX drift_scans_of_target ON drift_scans (target, queued_at);
CREATE INDEX drift_scans_of_org ON drift_scans (org_id, queued_at);
CREATE INDEX drift_scans_workspace ON drift_scans (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX drift_scans_schedule ON drift_scans (schedule_id, queued_at) WHERE schedule_id IS NOT NULL;
CREATE INDEX drift_scans_confirming ON drift_scans (ended_at) WHERE status = 'confirming';
CREATE INDEX drift_scans_ended ON drift_scans (ended_at) WHERE ended_at IS NOT NULL;

-- What an organization decides about assessments.
CREATE TABLE assessment_settings (
  org_id TEXT PRIMARY KEY REFERENCES organizations(id) ON DELETE CASCADE,
  minutes BIGINT NOT NULL,                     -- between two assessments of a workspace
  confirm_seconds BIGINT NOT NULL,             -- until what is severe is looked at again; 0: at once believed
  updated_at TIMESTAMPTZ NOT NULL);

-- Where each workspace with assessments stands.
CREATE TABLE workspace_health (
  workspace_id TEXT PRIMARY KEY REFERENCES workspaces(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  state TEXT NOT NULL,                         -- assessments.Health
  reason TEXT NOT NULL,                        -- why there is no assessment, or what the last one failed with
  result_id TEXT,                              -- the last one
  result_at TIMESTAMPTZ,
  succeeded_at TIMESTAMPTZ,                    -- of the last one that succeeded, or when it began to be due
  next_at TIMESTAMPTZ NOT NULL,
  told_at TIMESTAMPTZ);                        -- when it was last said that there is none
CREATE INDEX workspace_health_due ON workspace_health (next_at);
CREATE INDEX workspace_health_org ON workspace_health (org_id);

-- Results of assessments, as clients see them.
CREATE TABLE assessment_results (
  id TEXT PRIMARY KEY,
  assessment_id TEXT NOT NULL,                 -- drift_scans
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  succeeded BOOLEAN NOT NULL,
  drifted BOOLEAN NOT NULL,
  resources_drifted BIGINT NOT NULL,
  resources_undrifted BIGINT NOT NULL,
  checks_passed BIGINT NOT NULL,
  checks_failed BIGINT NOT NULL,
  checks_errored BIGINT NOT NULL,
  checks_unknown BIGINT NOT NULL,
  severity TEXT NOT NULL,
  fingerprint TEXT NOT NULL,                   -- of the drift
  check_fingerprint TEXT NOT NULL,             -- of the checks that do not pass
  error_message TEXT NOT NULL,
  status TEXT NOT NULL,                        -- progress.Status of the assessment, for its backing data
  created_at TIMESTAMPTZ NOT NULL,
  deleted_at TIMESTAMPTZ,                      -- of the backing data, which can be restored for a while
  destroyed_at TIMESTAMPTZ);                   -- of the backing data, for good
CREATE UNIQUE INDEX assessment_results_assessment ON assessment_results (assessment_id);
CREATE INDEX assessment_results_workspace ON assessment_results (workspace_id, created_at);
CREATE INDEX assessment_results_org ON assessment_results (org_id);
CREATE INDEX assessment_results_deleted ON assessment_results (deleted_at) WHERE deleted_at IS NOT NULL AND destroyed_at IS NULL;
