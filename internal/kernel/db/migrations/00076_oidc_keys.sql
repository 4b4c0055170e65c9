-- +goose Up
CREATE TABLE oidc_keys (
  id TEXT PRIMARY KEY,                         -- kid: the thumbprint of the public key (RFC 7638)
  generation BIGINT NOT NULL UNIQUE,           -- each key follows another, so that two nodes do not make one at once
  public TEXT NOT NULL,                        -- JWK
  private BYTEA NOT NULL,                      -- PKCS #8, sealed
  signs_at TIMESTAMPTZ NOT NULL,               -- it is published before it signs
  created_at TIMESTAMPTZ NOT NULL);
