-- +goose Up
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL,
  username_lower TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  email_lower TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,                 -- argon2id in PHC form; '' cannot log in
  site_admin BOOLEAN NOT NULL,
  suspended BOOLEAN NOT NULL,
  service_account BOOLEAN NOT NULL,
  totp_secret BYTEA,                           -- sealed; NULL: no second factor
  totp_verified BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL);
