-- +goose Up
-- What an alert told last of a folder, for issues, which are one for each folder.
CREATE INDEX drift_alert_deliveries_folder ON drift_alert_deliveries (alert_id, schedule_id, folder, created_at);
