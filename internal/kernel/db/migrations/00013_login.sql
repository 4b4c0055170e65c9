-- +goose Up
-- Short-lived secrets of the login pages (package login), kept as their SHA-256.
CREATE TABLE login_codes (
  hash BYTEA PRIMARY KEY,
  kind TEXT NOT NULL,                          -- setup, account, second-factor, authorization
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,                     -- of kind authorization, as the next two
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,                     -- PKCE S256
  token_id TEXT,                               -- what the code was exchanged for
  used_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ NOT NULL);
CREATE INDEX login_codes_expiry ON login_codes (expires_at);
