-- +goose Up
CREATE TABLE drift_alerts (
  id TEXT PRIMARY KEY,                         -- UUIDv4, 32 hex digits
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  type TEXT NOT NULL,                          -- other, email, github-issue, gitlab-issue, slack, teams, shoutrrr
  url BYTEA,                                   -- sealed
  headers BYTEA,                               -- sealed
  secret BYTEA,                                -- sealed; signs what is posted
  recipients TEXT NOT NULL,                    -- JSON list of addresses
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  min_severity TEXT NOT NULL,                  -- '' is every severity
  last_sent_at TIMESTAMPTZ,
  last_status TEXT NOT NULL,                   -- '' (never), sent, failed
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_alerts_org ON drift_alerts (org_id, name, id);

-- What alerts have to say, and what became of it.
CREATE TABLE drift_alert_deliveries (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  alert_id TEXT NOT NULL REFERENCES drift_alerts(id) ON DELETE CASCADE,
  event TEXT NOT NULL,                         -- new, changed, raised, resolved, error, test, digest
  schedule_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  folder TEXT NOT NULL,
  scan_id TEXT NOT NULL,
  batch_id TEXT NOT NULL,                      -- scans that began together: the cap counts in it
  episode_id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  severity TEXT NOT NULL,
  summary TEXT NOT NULL,
  payload BYTEA NOT NULL,                      -- sealed: the event
  status TEXT NOT NULL,                        -- pending, sent, dead, superseded, digested (told by the digest of its batch)
  attempts BIGINT NOT NULL,
  next_attempt_at TIMESTAMPTZ,
  error TEXT NOT NULL,                         -- of the last attempt
  created_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ);
-- A scan that reports twice alerts once.
CREATE UNIQUE INDEX drift_alert_deliveries_once ON drift_alert_deliveries (alert_id, scan_id, folder, event) WHERE event NOT IN ('test', 'digest');
-- One digest of a batch waits at a time.
CREATE UNIQUE INDEX drift_alert_deliveries_digest ON drift_alert_deliveries (alert_id, batch_id) WHERE event = 'digest' AND status = 'pending';
CREATE INDEX drift_alert_deliveries_episode ON drift_alert_deliveries (alert_id, episode_id, created_at);
CREATE INDEX drift_alert_deliveries_batch ON drift_alert_deliveries (alert_id, batch_id);
CREATE INDEX drift_alert_deliveries_org ON drift_alert_deliveries (org_id, created_at, id);

-- The issue of each folder of a schedule, so that it need not be searched for, and that nobody else
-- is at it.
CREATE TABLE drift_issues (
  alert_id TEXT NOT NULL REFERENCES drift_alerts(id) ON DELETE CASCADE,
  schedule_id TEXT NOT NULL,
  folder TEXT NOT NULL,
  number BIGINT NOT NULL,                      -- 0: none yet
  url TEXT NOT NULL,
  claimed_at TIMESTAMPTZ,                      -- somebody is at it since
  closed_at TIMESTAMPTZ,                       -- NULL: open
  PRIMARY KEY (alert_id, schedule_id, folder));
