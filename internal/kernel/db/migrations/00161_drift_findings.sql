-- +goose Up
-- A time during which something has drift: from the scan that saw it first until one sees none.
CREATE TABLE drift_episodes (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  schedule_id TEXT,
  folder TEXT NOT NULL,
  target TEXT NOT NULL,
  status TEXT NOT NULL,                        -- open, resolved
  severity TEXT NOT NULL,                      -- now, or when it was resolved
  worst TEXT NOT NULL,                         -- the worst that it ever had
  summary TEXT NOT NULL,
  fingerprint TEXT NOT NULL,                   -- of all findings
  findings BIGINT NOT NULL,                    -- open ones
  resources BIGINT NOT NULL,                   -- objects that they are of
  checks BIGINT NOT NULL,                      -- failed ones among the findings
  flaps BIGINT NOT NULL,                       -- how often it was resolved and came back
  told BIGINT NOT NULL,                        -- how often somebody was to hear of it
  first_scan_id TEXT NOT NULL,
  last_scan_id TEXT NOT NULL,
  opened_at TIMESTAMPTZ NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  told_at TIMESTAMPTZ,
  resolved_at TIMESTAMPTZ,
  acknowledged_at TIMESTAMPTZ,
  acknowledged_by TEXT,
  assigned_to TEXT);
CREATE UNIQUE INDEX drift_episodes_open ON drift_episodes (target) WHERE status = 'open';
CREATE INDEX drift_episodes_target ON drift_episodes (target, opened_at);
CREATE INDEX drift_episodes_org ON drift_episodes (org_id, opened_at);
CREATE INDEX drift_episodes_workspace ON drift_episodes (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX drift_episodes_schedule ON drift_episodes (schedule_id) WHERE schedule_id IS NOT NULL;

-- What differs: an attribute of an object, an object that is gone, a check that fails.
CREATE TABLE drift_findings (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE,
  schedule_id TEXT,
  folder TEXT NOT NULL,
  target TEXT NOT NULL,
  episode_id TEXT REFERENCES drift_episodes(id) ON DELETE CASCADE, -- NULL: pending configuration, or ignored from the first
  status TEXT NOT NULL,                        -- open, ignored, resolved
  address TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  module TEXT NOT NULL,
  path TEXT NOT NULL,                          -- '' is the object as a whole
  kind TEXT NOT NULL,                          -- classify.Kind, or check
  severity TEXT NOT NULL,
  title TEXT NOT NULL,
  why TEXT NOT NULL,
  fix TEXT NOT NULL,
  rules TEXT NOT NULL,                         -- JSON list of ids
  actions TEXT NOT NULL,                       -- JSON list: of the next apply
  masked BOOLEAN NOT NULL,
  stateful BOOLEAN NOT NULL,
  fingerprint TEXT NOT NULL,
  sealed BYTEA,                                -- JSON of the values, sealed; NULL if masked
  ignored_by TEXT,                             -- rule
  acknowledged_at TIMESTAMPTZ,
  acknowledged_by TEXT,
  assigned_to TEXT,
  first_scan_id TEXT NOT NULL,
  last_scan_id TEXT NOT NULL,
  first_seen_at TIMESTAMPTZ NOT NULL,
  last_seen_at TIMESTAMPTZ NOT NULL,
  resolved_at TIMESTAMPTZ);
CREATE UNIQUE INDEX drift_findings_present ON drift_findings (target, address, path, kind) WHERE status <> 'resolved';
CREATE INDEX drift_findings_org ON drift_findings (org_id, status, first_seen_at);
CREATE INDEX drift_findings_episode ON drift_findings (episode_id);
CREATE INDEX drift_findings_workspace ON drift_findings (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX drift_findings_schedule ON drift_findings (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX drift_findings_resolved ON drift_findings (resolved_at) WHERE resolved_at IS NOT NULL;

-- What is not to be told of.
CREATE TABLE drift_ignore_rules (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  workspace_id TEXT REFERENCES workspaces(id) ON DELETE CASCADE, -- NULL with schedule_id NULL: everywhere
  schedule_id TEXT,
  folder TEXT NOT NULL,                        -- glob, '' is any
  address TEXT NOT NULL,                       -- glob of addresses
  path TEXT NOT NULL,                          -- glob of attributes
  kinds TEXT NOT NULL,                         -- JSON list, empty is any
  reason TEXT NOT NULL,
  created_by TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ);
CREATE INDEX drift_ignore_rules_org ON drift_ignore_rules (org_id);
CREATE INDEX drift_ignore_rules_workspace ON drift_ignore_rules (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX drift_ignore_rules_schedule ON drift_ignore_rules (schedule_id) WHERE schedule_id IS NOT NULL;

-- How many there were at the end of each day.
CREATE TABLE drift_days (
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  day TEXT NOT NULL,                           -- 2026-11-21, UTC
  dimension TEXT NOT NULL,                     -- total, severity, provider, workspace, schedule, kind
  name TEXT NOT NULL,                          -- '' of total
  targets BIGINT NOT NULL,                     -- workspaces and folders with open drift
  findings BIGINT NOT NULL,                    -- open ones
  PRIMARY KEY (org_id, day, dimension, name));
