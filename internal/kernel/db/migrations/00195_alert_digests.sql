-- +goose Up
-- '' tells of each folder by itself, scan of all folders of a scan together, daily once a day.
ALTER TABLE drift_alerts ADD COLUMN digest TEXT NOT NULL DEFAULT '';
-- The digest that has told of it; '' while it waits for one.
ALTER TABLE drift_alert_deliveries ADD COLUMN digest_id TEXT NOT NULL DEFAULT '';
CREATE INDEX drift_alert_deliveries_in_digest ON drift_alert_deliveries (digest_id) WHERE digest_id <> '';
CREATE INDEX drift_alert_deliveries_dead ON drift_alert_deliveries (alert_id) WHERE status = 'dead';
