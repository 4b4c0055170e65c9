-- +goose Up
CREATE TABLE registry_modules (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  registry_name TEXT NOT NULL CHECK (registry_name IN ('private', 'public')),
  namespace TEXT NOT NULL,                     -- of a public module; '' is the organization's name
  namespace_lower TEXT NOT NULL,
  name TEXT NOT NULL,
  name_lower TEXT NOT NULL,
  provider TEXT NOT NULL,
  status TEXT NOT NULL,                        -- modules.Status
  publishing TEXT NOT NULL,                    -- non_vcs, git_tag or branch
  vcs_repo TEXT NOT NULL,                      -- JSON of modules.Repo; 'null' without a VCS
  no_code_id TEXT UNIQUE,                      -- of the no-code module that it is; NULL if it is none
  test_config_id TEXT,                         -- NULL: nobody has configured tests
  tests_enabled BOOLEAN NOT NULL,
  test_execution_mode TEXT NOT NULL,           -- remote or agent
  test_agent_pool_id TEXT,                     -- of mode agent
  latest_version TEXT NOT NULL,                -- the newest version that can be installed; '' is none
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (org_id, registry_name, namespace_lower, name_lower, provider),
  CHECK ((test_execution_mode = 'agent') = (test_agent_pool_id IS NOT NULL)),
  FOREIGN KEY (test_agent_pool_id, org_id) REFERENCES agent_pools (id, org_id));
CREATE INDEX registry_modules_list ON registry_modules (org_id, name_lower, provider, id);
CREATE INDEX registry_modules_agent_pool ON registry_modules (test_agent_pool_id) WHERE test_agent_pool_id IS NOT NULL;

CREATE TABLE registry_module_versions (
  id TEXT PRIMARY KEY,
  module_id TEXT NOT NULL REFERENCES registry_modules(id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  sort_key TEXT NOT NULL,                      -- text in the order of semver's precedence
  source TEXT NOT NULL,                        -- tfe-api, or the kind of the VCS
  status TEXT NOT NULL,                        -- modules.VersionStatus
  error TEXT NOT NULL,                         -- why it failed, for people; '' is no reason
  commit_sha TEXT,
  branch TEXT,
  object TEXT NOT NULL,                        -- key of the archive; '' if there is none
  sha256 TEXT NOT NULL,                        -- of the archive, in hex
  size BIGINT NOT NULL,                        -- of the archive, in bytes
  outline TEXT NOT NULL,                       -- JSON of details.Outline
  deprecation_id TEXT UNIQUE,                  -- NULL: not deprecated
  deprecation_reason TEXT NOT NULL,
  deprecation_link TEXT NOT NULL,
  revoked_at TIMESTAMPTZ,
  revocation_message TEXT NOT NULL,
  revocation_link TEXT NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (module_id, version),
  CHECK (revoked_at IS NULL OR deprecation_id IS NOT NULL));
CREATE INDEX registry_module_versions_object ON registry_module_versions (object) WHERE object <> '';
CREATE INDEX registry_module_versions_awaited ON registry_module_versions (created_at) WHERE status IN ('pending', 'reg_ingressing');

-- What the files of a version say: JSON of details.Module.
CREATE TABLE registry_module_details (
  version_id TEXT PRIMARY KEY REFERENCES registry_module_versions(id) ON DELETE CASCADE,
  details TEXT NOT NULL);

-- Who has installed a version: the workspace of a run, or the owner of a token.
CREATE TABLE registry_module_consumers (
  version_id TEXT NOT NULL REFERENCES registry_module_versions(id) ON DELETE CASCADE,
  consumer TEXT NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (version_id, consumer));

CREATE TABLE registry_module_tags (
  id TEXT PRIMARY KEY,
  module_id TEXT NOT NULL REFERENCES registry_modules(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (module_id, key));
