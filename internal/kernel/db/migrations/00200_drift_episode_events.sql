-- +goose Up
-- What happened to episodes, and who did it.
CREATE TABLE drift_episode_events (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  episode_id TEXT NOT NULL REFERENCES drift_episodes(id) ON DELETE CASCADE,
  kind TEXT NOT NULL,                          -- findings.Happening
  severity TEXT NOT NULL,                      -- of the episode then, '' where that says nothing
  findings BIGINT NOT NULL,                    -- open ones then, or those that it is about
  detail TEXT NOT NULL,                        -- a reason, a name, a time; '' is none
  scan_id TEXT,                                -- by which it became known
  actor_id TEXT,                               -- user; NULL: the server
  subject_id TEXT,                             -- user to whom it was assigned
  at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_episode_events_episode ON drift_episode_events (episode_id, at);
CREATE INDEX drift_episode_events_org ON drift_episode_events (org_id);
INSERT INTO drift_episode_events (id, org_id, episode_id, kind, severity, findings, detail, scan_id, actor_id, subject_id, at)
  SELECT 'dree-a' || substr(id, 6), org_id, id, 'opened', worst, 0, '', first_scan_id, NULL, NULL, opened_at FROM drift_episodes;
INSERT INTO drift_episode_events (id, org_id, episode_id, kind, severity, findings, detail, scan_id, actor_id, subject_id, at)
  SELECT 'dree-b' || substr(id, 6), org_id, id, 'acknowledged', '', 0, '', NULL, acknowledged_by, NULL, acknowledged_at FROM drift_episodes WHERE acknowledged_at IS NOT NULL;
INSERT INTO drift_episode_events (id, org_id, episode_id, kind, severity, findings, detail, scan_id, actor_id, subject_id, at)
  SELECT 'dree-c' || substr(id, 6), org_id, id, 'resolved', '', 0, '', last_scan_id, NULL, NULL, resolved_at FROM drift_episodes WHERE resolved_at IS NOT NULL;
-- Days that findings were open on, for the heat map.
CREATE INDEX drift_findings_seen ON drift_findings (org_id, first_seen_at);
