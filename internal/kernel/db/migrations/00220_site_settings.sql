-- +goose Up
-- What site administrators have set, as JSON. What a row does not name is as the server was started.
CREATE TABLE site_settings (
  id TEXT PRIMARY KEY CHECK (id IN ('general', 'smtp', 'customization')),
  chosen TEXT NOT NULL,
  secret BYTEA,                                -- sealed password of the mail server; NULL is none
  updated_at TIMESTAMPTZ NOT NULL);
INSERT INTO site_settings (id, chosen, updated_at) VALUES
  ('general', '{}', '2000-01-01T00:00:00.000000Z'), ('smtp', '{}', '2000-01-01T00:00:00.000000Z'), ('customization', '{}', '2000-01-01T00:00:00.000000Z');
