-- +goose Up
-- What was asked of a language model, and what became of it: for audits, and to ask once only.
CREATE TABLE drift_model_requests (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  scan_id TEXT NOT NULL,
  question TEXT NOT NULL,                      -- hash of the verdict that was to be put into words
  request BYTEA,                               -- sealed body, as it was sent
  answer BYTEA,                                -- sealed JSON of the severity and the words; NULL is no answer
  tokens BIGINT NOT NULL,
  error TEXT NOT NULL,                         -- why there is no answer
  created_at TIMESTAMPTZ NOT NULL);
CREATE INDEX drift_model_requests_of_org ON drift_model_requests (org_id, created_at);
CREATE INDEX drift_model_requests_question ON drift_model_requests (org_id, question) WHERE answer IS NOT NULL;
