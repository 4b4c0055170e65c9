-- +goose Up
-- By these the trail is filtered, and its different actions and types are found.
CREATE INDEX audit_events_action ON audit_events (org_id, action, at);
CREATE INDEX audit_events_type ON audit_events (org_id, resource_type, at);
