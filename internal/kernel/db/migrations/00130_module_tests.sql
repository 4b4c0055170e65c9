-- +goose Up
-- Configuration versions are of a workspace or of a module that is tested. A column cannot
-- be made nullable in the SQL that both databases have, so another takes its place.
ALTER TABLE configuration_versions ADD COLUMN of_workspace TEXT REFERENCES workspaces(id) ON DELETE CASCADE;
UPDATE configuration_versions SET of_workspace = workspace_id;
DROP INDEX configuration_versions_workspace;
ALTER TABLE configuration_versions DROP COLUMN workspace_id;
ALTER TABLE configuration_versions RENAME COLUMN of_workspace TO workspace_id;
ALTER TABLE configuration_versions ADD COLUMN module_id TEXT REFERENCES registry_modules(id) ON DELETE CASCADE CHECK ((module_id IS NULL) <> (workspace_id IS NULL));
CREATE INDEX configuration_versions_workspace ON configuration_versions (workspace_id, created_at, id);
CREATE INDEX configuration_versions_module ON configuration_versions (module_id, created_at, id) WHERE module_id IS NOT NULL;

-- Runs of the tests of modules.
CREATE TABLE test_runs (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  module_id TEXT NOT NULL REFERENCES registry_modules(id) ON DELETE CASCADE,
  configuration_version_id TEXT NOT NULL REFERENCES configuration_versions(id) ON DELETE CASCADE,
  status TEXT NOT NULL,                        -- testruns.Status
  source TEXT NOT NULL,                        -- tfe-api, terraform or tfe-configuration-version
  message TEXT NOT NULL,
  is_verbose BOOLEAN NOT NULL,                 -- "verbose" is a word of PostgreSQL
  test_directory TEXT NOT NULL,
  filters TEXT NOT NULL,                       -- JSON: paths of test files
  parallelism BIGINT,
  variables BYTEA NOT NULL,                    -- sealed JSON: keys and expressions
  test_status TEXT NOT NULL,                   -- pass, fail, error, skip; '' before the end
  tests_passed BIGINT,
  tests_failed BIGINT,
  tests_errored BIGINT,
  tests_skipped BIGINT,
  error TEXT NOT NULL,                         -- why it errored, one line for people
  cancel_asked BOOLEAN NOT NULL,
  created_by TEXT REFERENCES users(id) ON DELETE SET NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  queued_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  errored_at TIMESTAMPTZ,
  canceled_at TIMESTAMPTZ,
  force_canceled_at TIMESTAMPTZ);
CREATE INDEX test_runs_list ON test_runs (module_id, created_at, id);
CREATE INDEX test_runs_org ON test_runs (org_id);
CREATE INDEX test_runs_configuration ON test_runs (configuration_version_id);

-- Variables of the environment of a module's tests.
CREATE TABLE test_variables (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  module_id TEXT NOT NULL REFERENCES registry_modules(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  category TEXT NOT NULL CHECK (category = 'env'),
  description TEXT NOT NULL,
  hcl BOOLEAN NOT NULL,
  sensitive BOOLEAN NOT NULL,
  value BYTEA NOT NULL,                        -- sealed, sensitive or not
  version_id TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (module_id, key));
CREATE INDEX test_variables_org ON test_variables (org_id);

-- Of the token of a test run: the module that is tested.
ALTER TABLE tokens ADD COLUMN module_id TEXT;
