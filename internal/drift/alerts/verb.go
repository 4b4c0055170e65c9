package alerts

import (
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Endpoint is /drift/alert.
func (f *Feature) Endpoint() verbs.Endpoint {
	return verbs.Endpoint{Path: "/alert",
		Verbs: map[string]verbs.Verb{"save": {Do: f.saveVerb}, "list": {Do: f.listVerb}, "get": {Do: f.getVerb}, "delete": {Do: f.deleteVerb}, "test": {Do: f.testVerb}},
		Fields: map[string]string{"name": "alert_name", "type": "alert_type", "url": "alert_url", "headers": "alert_headers", "secret": "alert_secret", "recipients": "alert_recipients",
			"subject": "alert_subject", "body": "alert_body", "min-severity": "min_severity", "digest": "digest"}}
}

// fields are those of save.
type fields struct {
	ID          jsonapi.Opt[verbs.ID]     `json:"alert_id"`
	Name        jsonapi.Opt[string]       `json:"alert_name"`
	Type        jsonapi.Opt[string]       `json:"alert_type"`
	URL         jsonapi.Opt[crypt.Secret] `json:"alert_url"`
	Headers     jsonapi.Opt[crypt.Secret] `json:"alert_headers"`
	Secret      jsonapi.Opt[crypt.Secret] `json:"alert_secret"`
	Recipients  jsonapi.Opt[addresses]    `json:"alert_recipients"`
	Subject     jsonapi.Opt[string]       `json:"alert_subject"`
	Body        jsonapi.Opt[string]       `json:"alert_body"`
	MinSeverity jsonapi.Opt[string]       `json:"min_severity"`
	Digest      jsonapi.Opt[string]       `json:"digest"`
}

func (f *Feature) saveVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in fields
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	a, isNew := newAlert(c.OrgID), in.ID.V == ""
	if !isNew {
		var err error
		if a, err = f.Of(ctx, c.OrgID, string(in.ID.V)); err != nil {
			return nil, err
		}
	} else if !in.Type.Set {
		return nil, verbs.Missing("alert_type")
	}
	err := f.apply(ctx, &a, request{Name: in.Name, Type: in.Type, URL: in.URL, Headers: in.Headers, Secret: in.Secret, Recipients: in.Recipients, Subject: in.Subject, Body: in.Body,
		MinSeverity: in.MinSeverity, Digest: in.Digest})
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, f.DB, "drift-alerts", a.ID, func(ctx context.Context) error { return f.store(ctx, a, isNew) })
	return verbs.Answer{"alert_id": a.ID}, err
}

func (f *Feature) listVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	rows, err := db.All[Alert](ctx, f.DB, selectAlerts+` WHERE a.org_id = ? ORDER BY lower(a.name), a.id`, c.OrgID)
	items := make([]verbs.Answer, len(rows))
	for i, a := range rows {
		items[i] = verbs.Answer{"id": a.ID, "name": a.Name, "type": a.Type, "created": a.CreatedAt, "last_sent_at": a.LastSentAt, "last_status": a.LastStatus}
	}
	return verbs.Answer{"items": items}, err
}

func (f *Feature) getVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	a, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	if a, err = f.show(ctx, a); err != nil {
		return nil, err
	}
	return verbs.Answer{"payload": verbs.Answer{"id": a.ID, "org_id": c.DriftID, "name_of_thing": "alert", "name": a.Name, "type": a.Type, "url": a.shown.url,
		"header_names": jsonapi.List(a.shown.headers), "has_secret": len(a.SealedSecret) > 0, "recipients": jsonapi.List(a.Recipients.V), "subject": a.Subject, "body": a.Body, "min_severity": a.MinSeverity, "digest": a.Digest,
		"created": a.CreatedAt, "last_sent_at": a.LastSentAt, "last_status": a.LastStatus}}, nil
}

func (f *Feature) deleteVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	a, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, f.DB, "drift-alerts", a.ID, func(ctx context.Context) error { return f.remove(ctx, a, c.Truthy("force")) })
	return verbs.Answer{}, verbs.Deleted(err, "alert_id")
}

// testVerb sends a message with sample values. An alert that makes issues needs state_id; without
// it, the repository of the first schedule that uses the alert is taken.
func (f *Feature) testVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	a, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	repository := ""
	if a.Issues() {
		if repository, err = f.testRepository(ctx, c, a); err != nil {
			return nil, err
		}
	}
	err = f.Try(ctx, a, repository)
	if bad, ok := errors.AsType[tried](err); ok {
		return nil, verbs.Failed("test_failed", "%s", bad.why)
	}
	return verbs.Answer{}, err
}

func (f *Feature) testRepository(ctx context.Context, c verbs.Call, a Alert) (string, error) {
	if c.Has("state_id") {
		id, err := c.OneID("state_id")
		if err != nil {
			return "", err
		}
		return id, f.mayUse(ctx, c.OrgID, id)
	}
	if f.RepositoryOf != nil {
		id, err := f.RepositoryOf(ctx, a.ID)
		if err != nil || id != "" {
			return id, err
		}
	}
	return "", verbs.Missing("state_id")
}

// named returns the alert that alert_id names.
func (f *Feature) named(ctx context.Context, c verbs.Call) (Alert, error) {
	id, err := c.OneID("alert_id")
	if err != nil {
		return Alert{}, err
	}
	return f.Of(ctx, c.OrgID, id)
}
