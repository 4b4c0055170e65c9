-- +goose Up
CREATE TABLE agent_pools (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  organization_scoped BOOLEAN NOT NULL,        -- every workspace may use it that is not excluded
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (id, org_id), UNIQUE (org_id, name_lower));

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  pool_id TEXT NOT NULL REFERENCES agent_pools(id) ON DELETE CASCADE,
  name TEXT NOT NULL,                          -- '' has none
  ip_address TEXT NOT NULL,
  status TEXT NOT NULL,                        -- idle, busy, unknown, errored, exited
  last_ping_at TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL);
CREATE INDEX agents_pool ON agents (pool_id, created_at);

ALTER TABLE tokens ADD COLUMN agent_pool_id TEXT REFERENCES agent_pools(id) ON DELETE CASCADE; -- of kind agent
CREATE INDEX tokens_agent_pool ON tokens (agent_pool_id) WHERE agent_pool_id IS NOT NULL;

-- The organization of a pool that is a default is checked by package orgs.
ALTER TABLE organizations ADD COLUMN default_agent_pool_id TEXT REFERENCES agent_pools(id); -- of mode agent
CREATE INDEX organizations_agent_pool ON organizations (default_agent_pool_id) WHERE default_agent_pool_id IS NOT NULL;
