-- +goose Up
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL,                      -- '' until somebody who was invited signs up
  username_lower TEXT NOT NULL,
  email TEXT NOT NULL,
  email_lower TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,                 -- argon2id in PHC form; '' cannot log in
  site_admin BOOLEAN NOT NULL,
  suspended BOOLEAN NOT NULL,
  service_account BOOLEAN NOT NULL,
  totp_secret BYTEA,                           -- sealed; NULL: no second factor
  totp_verified BOOLEAN NOT NULL,
  totp_step BIGINT NOT NULL,                   -- the last time step whose code was used
  created_at TIMESTAMPTZ NOT NULL);
CREATE UNIQUE INDEX users_username ON users (username_lower) WHERE username_lower <> '';
CREATE INDEX users_created ON users (created_at, id);
