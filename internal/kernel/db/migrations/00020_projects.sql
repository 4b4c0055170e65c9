-- +goose Up
CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  description TEXT NOT NULL,
  is_default BOOLEAN NOT NULL,
  default_execution_mode TEXT NOT NULL,        -- remote, local, agent; '' is the organization's
  default_agent_pool_id TEXT,                  -- of mode agent, as the check below says
  auto_destroy_activity_duration TEXT,         -- such as 14d or 6h; NULL: never
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, name_lower),
  CHECK ((default_execution_mode = 'agent') = (default_agent_pool_id IS NOT NULL)),
  FOREIGN KEY (default_agent_pool_id, org_id) REFERENCES agent_pools (id, org_id));
CREATE INDEX projects_agent_pool ON projects (default_agent_pool_id) WHERE default_agent_pool_id IS NOT NULL;
CREATE UNIQUE INDEX projects_default ON projects (org_id) WHERE is_default;
CREATE INDEX projects_org ON projects (org_id, name, id);
