-- +goose Up
-- What is counted whenever the server is asked how drift detection does.
CREATE INDEX drift_findings_open ON drift_findings (severity) WHERE status = 'open';
CREATE INDEX drift_episodes_severity ON drift_episodes (severity) WHERE status = 'open';
CREATE INDEX drift_scans_ongoing_status ON drift_scans (status) WHERE status IN ('queued', 'running', 'confirming');
CREATE INDEX drift_alert_deliveries_left ON drift_alert_deliveries (status) WHERE status IN ('pending', 'dead');
CREATE INDEX workspace_health_state ON workspace_health (state);
