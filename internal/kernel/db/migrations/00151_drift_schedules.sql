-- +goose Up
-- Git repositories whose code is scanned.
CREATE TABLE drift_repositories (
  id TEXT PRIMARY KEY,                         -- 32 hex digits
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  type TEXT NOT NULL,                          -- repositories.Type
  url TEXT NOT NULL,                           -- without user, .git and slash at its end
  full_name TEXT NOT NULL,
  repo_id TEXT NOT NULL,                       -- number at the host, '' if it did not tell
  private BOOLEAN NOT NULL,
  username TEXT NOT NULL,                      -- for the token, '' is the type's
  secret BYTEA,                                -- token or SSH key, sealed
  known_hosts TEXT NOT NULL,                   -- of SSH
  default_branch TEXT NOT NULL,
  branches TEXT NOT NULL,                      -- JSON list
  check_status TEXT NOT NULL,                  -- pending, ok, failed
  check_message TEXT NOT NULL,
  checked_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, url, type));

-- Credentials for scans.
CREATE TABLE drift_connections (
  id TEXT PRIMARY KEY,                         -- 32 hex digits
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  type TEXT NOT NULL,                          -- connections.Type
  details TEXT NOT NULL,                       -- JSON of what may be shown
  secret BYTEA,                                -- sealed
  test_status TEXT NOT NULL,                   -- '' is never, good, bad
  test_message TEXT NOT NULL,
  tested_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_connections_org ON drift_connections (org_id, name);

-- Workload identity providers, each of one organization: the server's identity is the same
-- for all, so another one could otherwise use what the first has set up.
CREATE TABLE drift_audiences (
  audience TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE);

-- What is scanned when.
CREATE TABLE drift_schedules (
  id TEXT PRIMARY KEY,                         -- 32 hex digits
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  repository_id TEXT REFERENCES drift_repositories(id) ON DELETE SET NULL,
  branch TEXT NOT NULL,
  folders TEXT NOT NULL,                       -- JSON list of folders and patterns
  frequency TEXT NOT NULL,
  frequency_offset TEXT NOT NULL,              -- as it was given, '' is by the id
  tool TEXT NOT NULL,                          -- auto, tofu, terraform
  tool_version TEXT NOT NULL,                  -- '' is by the code
  workspace TEXT NOT NULL,                     -- '' is default
  var_files TEXT NOT NULL,                     -- JSON list
  env BYTEA,                                   -- JSON object, sealed
  mode TEXT NOT NULL,                          -- plan, refresh-only
  min_severity TEXT NOT NULL,
  timeout_seconds BIGINT NOT NULL,
  alert_on_change_only BOOLEAN NOT NULL,
  alert_on_error BOOLEAN NOT NULL,
  alert_on_pending BOOLEAN NOT NULL,
  alert_on_resolved BOOLEAN NOT NULL,
  active BOOLEAN NOT NULL,
  inactive_reason TEXT NOT NULL,               -- '' if somebody deactivated it
  next_at TIMESTAMPTZ,                         -- of an active schedule that has a frequency
  catch_up BOOLEAN NOT NULL,                   -- next_at is for a scan that was missed
  last_at TIMESTAMPTZ,
  skipped_overlap BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_schedules_org ON drift_schedules (org_id, name);
CREATE INDEX drift_schedules_repository ON drift_schedules (repository_id);
CREATE INDEX drift_schedules_due ON drift_schedules (next_at) WHERE active AND next_at IS NOT NULL;

CREATE TABLE drift_schedule_connections (
  schedule_id TEXT NOT NULL REFERENCES drift_schedules(id) ON DELETE CASCADE,
  connection_id TEXT NOT NULL REFERENCES drift_connections(id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, connection_id));
CREATE INDEX drift_schedule_connections_connection ON drift_schedule_connections (connection_id);

CREATE TABLE drift_schedule_alerts (
  schedule_id TEXT NOT NULL REFERENCES drift_schedules(id) ON DELETE CASCADE,
  alert_id TEXT NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, alert_id));
CREATE INDEX drift_schedule_alerts_alert ON drift_schedule_alerts (alert_id);

-- Folders whose alerts are silent for a while.
CREATE TABLE drift_snoozes (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  schedule_id TEXT NOT NULL REFERENCES drift_schedules(id) ON DELETE CASCADE,
  folder TEXT NOT NULL,
  until_at TIMESTAMPTZ NOT NULL,
  severity TEXT NOT NULL,                      -- of the drift when it was silenced, '' if there was none
  fingerprint TEXT NOT NULL,
  created_by TEXT NOT NULL,                    -- id of who did, '' is by a link
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (schedule_id, folder));
CREATE INDEX drift_snoozes_org ON drift_snoozes (org_id, until_at);
