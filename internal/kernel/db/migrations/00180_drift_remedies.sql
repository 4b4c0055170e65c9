-- +goose Up
-- Runs that re-apply what drifted.
CREATE TABLE drift_reapplies (
  run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
  episode_id TEXT NOT NULL REFERENCES drift_episodes(id) ON DELETE CASCADE,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  findings TEXT NOT NULL,                      -- JSON list of ids, empty is all
  override_reason TEXT NOT NULL,               -- why the guard was passed over, '' if it was not
  created_by TEXT,
  created_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_reapplies_episode ON drift_reapplies (episode_id, created_at);
CREATE INDEX drift_reapplies_org ON drift_reapplies (org_id);

-- Changes of code that adopt what is real: one of each episode.
CREATE TABLE drift_adoptions (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  episode_id TEXT NOT NULL UNIQUE REFERENCES drift_episodes(id) ON DELETE CASCADE,
  chosen TEXT NOT NULL,                        -- JSON list of ids of findings, empty is all
  status TEXT NOT NULL,                        -- ready, opening, open, failed
  commit_sha TEXT NOT NULL,                    -- that the change is for, '' of workspaces
  branch TEXT NOT NULL,                        -- that the pull request is to be merged into
  head TEXT NOT NULL,                          -- branch of the pull request
  number BIGINT NOT NULL,                      -- of the pull request, 0 is none
  url TEXT NOT NULL,
  error TEXT NOT NULL,
  fingerprint TEXT NOT NULL,                   -- of the episode when the change was made
  adopted BIGINT NOT NULL,                     -- findings that the change adopts
  outcomes TEXT NOT NULL,                      -- JSON: what became of each finding
  sealed BYTEA NOT NULL,                       -- JSON of the patch and the files, sealed
  created_by TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_adoptions_org ON drift_adoptions (org_id);
