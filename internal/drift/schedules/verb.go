package schedules

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Endpoint is /drift/config.
func (f *Feature) Endpoint() verbs.Endpoint {
	return verbs.Endpoint{Path: "/config",
		Verbs: map[string]verbs.Verb{"save": {Do: f.saveVerb}, "list": {Do: f.listVerb}, "get": {Do: f.getVerb}, "delete": {Do: f.deleteVerb},
			"activate": {Do: f.activateVerb}, "test": {Do: f.testVerb}},
		Fields: map[string]string{"folders": "state_files", "repository": "state", "connections": "infra", "alerts": "alert"}}
}

// fields are those of save. The tweaks are other names of alert_on_change_only,
// alert_on_error and alert_on_pending.
type fields struct {
	ID           jsonapi.Opt[verbs.ID]          `json:"config_id"`
	Repository   jsonapi.Opt[verbs.ID]          `json:"state"`
	Connections  jsonapi.Opt[verbs.List]        `json:"infra"`
	Alerts       jsonapi.Opt[verbs.List]        `json:"alert"`
	Name         jsonapi.Opt[string]            `json:"name"`
	Branch       jsonapi.Opt[string]            `json:"branch"`
	Folders      jsonapi.Opt[verbs.List]        `json:"state_files"`
	Frequency    jsonapi.Opt[string]            `json:"frequency"`
	Offset       jsonapi.Opt[verbs.Text]        `json:"frequency_offset"`
	Tweak1       jsonapi.Opt[verbs.Bool]        `json:"alert_tweak_1"`
	Tweak2       jsonapi.Opt[verbs.Bool]        `json:"alert_tweak_2"`
	Tweak3       jsonapi.Opt[verbs.Bool]        `json:"alert_tweak_3"`
	OnChangeOnly jsonapi.Opt[verbs.Bool]        `json:"alert_on_change_only"`
	OnError      jsonapi.Opt[verbs.Bool]        `json:"alert_on_error"`
	OnPending    jsonapi.Opt[verbs.Bool]        `json:"alert_on_pending"`
	OnResolved   jsonapi.Opt[verbs.Bool]        `json:"alert_on_resolved"`
	Tool         jsonapi.Opt[string]            `json:"tool"`
	ToolVersion  jsonapi.Opt[verbs.Text]        `json:"tool_version"`
	Workspace    jsonapi.Opt[string]            `json:"workspace"`
	VarFiles     jsonapi.Opt[verbs.List]        `json:"var_files"`
	Env          jsonapi.Opt[map[string]string] `json:"env"`
	Mode         jsonapi.Opt[string]            `json:"mode"`
	MinSeverity  jsonapi.Opt[string]            `json:"min_severity"`
	Timeout      jsonapi.Opt[verbs.Number]      `json:"timeout"`
	Active       jsonapi.Opt[verbs.Bool]        `json:"active"`
}

// request are the fields as the rest of this package knows them.
func (in fields) request(skipCheck bool) request {
	return request{Name: in.Name, Branch: in.Branch, Folders: as(in.Folders, func(l verbs.List) []string { return l }), Frequency: in.Frequency, Offset: as(in.Offset, text),
		Tool: in.Tool, ToolVersion: as(in.ToolVersion, text), Workspace: in.Workspace, VarFiles: as(in.VarFiles, func(l verbs.List) []string { return l }), Env: in.Env,
		Mode: in.Mode, MinSeverity: in.MinSeverity, Timeout: as(in.Timeout, func(n verbs.Number) int64 { return int64(n) }),
		AlertOnChangeOnly: either(in.OnChangeOnly, in.Tweak1), AlertOnError: either(in.OnError, in.Tweak2), AlertOnPending: either(in.OnPending, in.Tweak3),
		AlertOnResolved: as(in.OnResolved, truth), Active: as(in.Active, truth), SkipCheck: jsonapi.Opt[bool]{Set: true, V: skipCheck}}
}

func text(t verbs.Text) string { return string(t) }

func truth(b verbs.Bool) bool { return bool(b) }

// as gives an attribute another type.
func as[A, B any](o jsonapi.Opt[A], convert func(A) B) jsonapi.Opt[B] {
	return jsonapi.Opt[B]{Set: o.Set, Null: o.Null, V: convert(o.V)}
}

func either(named, tweak jsonapi.Opt[verbs.Bool]) jsonapi.Opt[bool] {
	if named.Set {
		return as(named, truth)
	}
	return as(tweak, truth)
}

func (in fields) links() links {
	var out links
	if in.Repository.Set {
		id := string(in.Repository.V)
		out.Repository = &id
	}
	if in.Connections.Set {
		ids := in.Connections.V.IDs()
		out.Connections = &ids
	}
	if in.Alerts.Set {
		ids := in.Alerts.V.IDs()
		out.Alerts = &ids
	}
	return out
}

func (f *Feature) saveVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in fields
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	s := fresh(c.OrgID, c.OrgName)
	if in.ID.V != "" {
		var err error
		if s, err = f.Of(ctx, c.OrgID, string(in.ID.V)); err != nil {
			return nil, err
		}
	} else if in.Repository.V == "" {
		return nil, verbs.Missing("state")
	}
	d, err := f.prepare(ctx, s, in.request(c.Truthy("skip_check")), in.links())
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, f.DB, "drift-schedules", d.ID, func(ctx context.Context) error {
		s, err = f.store(ctx, d)
		return err
	})
	return verbs.Answer{"config_id": s.ID}, err
}

func (f *Feature) listVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	rows, err := f.filled(ctx)(db.All[Schedule](ctx, f.DB, selectSchedules+` WHERE s.org_id = ? ORDER BY lower(s.name), s.id`, c.OrgID))
	if err != nil {
		return nil, err
	}
	items, err := f.items(ctx, c, rows)
	return verbs.Answer{"items": items}, err
}

func (f *Feature) getVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	items, err := f.items(ctx, c, []Schedule{s})
	if err != nil {
		return nil, err
	}
	payload := items[0]
	payload["org_id"], payload["name_of_thing"], payload["last_result"] = c.DriftID, "config", nil
	if f.LastResult != nil {
		payload["last_result"], err = f.LastResult(ctx, s.ID)
	}
	return verbs.Answer{"payload": payload}, err
}

func (f *Feature) deleteVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, c.Change(ctx, f.DB, "drift-schedules", s.ID, func(ctx context.Context) error { return f.delete(ctx, s) })
}

func (f *Feature) activateVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	var in struct {
		On jsonapi.Opt[verbs.Bool] `json:"onoff"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if !in.On.Set {
		return nil, verbs.Missing("onoff")
	}
	return nil, c.Change(ctx, f.DB, "drift-schedules", s.ID, func(ctx context.Context) error {
		_, err := f.Activate(ctx, s, bool(in.On.V))
		return err
	})
}

func (f *Feature) testVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	why := Test
	if c.Has("alert") && !c.Truthy("alert") {
		why = Quiet
	}
	id, err := f.startTx(ctx, s, why, func(ctx context.Context) error { return c.Record(ctx, f.DB, "drift-schedules", s.ID) })
	return verbs.Answer{"scan_id": id}, err
}

// startTx starts a scan in a transaction of its own, with what else belongs to it.
func (f *Feature) startTx(ctx context.Context, s Schedule, why Reason, also func(context.Context) error) (id string, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		if id, err = f.start(ctx, s, why); err != nil || also == nil {
			return err
		}
		return also(ctx)
	})
	if errors.Is(err, ErrBusy) {
		err = busy()
	}
	return id, err
}

// named returns the schedule that config_id names.
func (f *Feature) named(ctx context.Context, c verbs.Call) (Schedule, error) {
	id, err := c.OneID("config_id")
	if err != nil {
		return Schedule{}, err
	}
	return f.Of(ctx, c.OrgID, id)
}

// names are what the ids of schedules mean.
type names struct {
	repositories, connections, alerts map[string]string
	branches                          map[string][]string
	snoozes                           map[string]map[string]time.Time
	settings                          settings.Settings
}

func (f *Feature) names(ctx context.Context, c verbs.Call, rows []Schedule) (n names, err error) {
	n = names{repositories: map[string]string{}, connections: map[string]string{}, alerts: map[string]string{}, branches: map[string][]string{}}
	var ids, repositories, connections, alerts []string
	for _, s := range rows {
		ids, connections, alerts = append(ids, s.ID), append(connections, s.ConnectionIDs...), append(alerts, s.AlertIDs...)
		if s.RepositoryID != nil {
			repositories = append(repositories, *s.RepositoryID)
		}
	}
	if n.settings, err = f.Settings.Find(ctx, c.OrgID); err != nil {
		return n, err
	}
	found, err := f.Repositories.In(ctx, distinct(repositories))
	if err != nil {
		return n, err
	}
	for _, r := range found {
		n.repositories[r.ID], n.branches[r.ID] = r.FullName, r.Branches.V
	}
	connected, err := f.Connections.In(ctx, distinct(connections))
	if err != nil {
		return n, err
	}
	for _, c := range connected {
		n.connections[c.ID] = c.Name
	}
	if f.Alerts != nil && len(alerts) > 0 {
		list, err := f.Alerts(ctx, c.OrgID, distinct(alerts))
		if err != nil {
			return n, err
		}
		for _, a := range list {
			n.alerts[a.ID] = a.Name
		}
	}
	if f.Snoozes != nil {
		n.snoozes, err = f.Snoozes(ctx, ids)
	}
	return n, err
}

// items are schedules in the form of this API.
func (f *Feature) items(ctx context.Context, c verbs.Call, rows []Schedule) ([]verbs.Answer, error) {
	n, err := f.names(ctx, c, rows)
	if err != nil {
		return nil, err
	}
	out := make([]verbs.Answer, len(rows))
	for i, s := range rows {
		out[i] = s.item(n)
	}
	return out, nil
}

func (s Schedule) item(n names) verbs.Answer {
	var repository any
	label, branches := "", []string{}
	if s.RepositoryID != nil {
		repository, label, branches = *s.RepositoryID, n.repositories[*s.RepositoryID], jsonapi.List(n.branches[*s.RepositoryID])
	}
	snoozed, folders := snoozed(n.snoozes[s.ID])
	return verbs.Answer{
		"id": s.ID, "name": s.Name, "state": repository, "state_label": label,
		"infra": oneOrMany(s.ConnectionIDs), "infra_label": labels(s.ConnectionIDs, n.connections),
		"alert": oneOrMany(s.AlertIDs), "alert_label": labels(s.AlertIDs, n.alerts),
		"alert_tweaks":         []bool{s.AlertOnChangeOnly, s.AlertOnError, s.AlertOnPending},
		"alert_on_change_only": s.AlertOnChangeOnly, "alert_on_error": s.AlertOnError, "alert_on_pending": s.AlertOnPending, "alert_on_resolved": s.AlertOnResolved,
		"branch": s.Branch, "branches": branches, "enabled_files": jsonapi.List(s.Folders.V), "snoozed": snoozed, "snoozes": folders,
		"frequency": s.Frequency, "frequency_label": s.label(n.settings.TimeZone), "frequency_offset": s.Offset,
		"price": "0.00", "paid": true, "active": s.Active, "inactive_reason": s.InactiveReason, "starting": rfc3339(s.NextAt), "created": rfc3339(&s.CreatedAt),
		"last": rfc3339(s.LastAt), "skipped_overlap": s.SkippedOverlap, "timezone": n.settings.TimeZone,
		"tool": s.Tool, "tool_version": s.ToolVersion, "workspace": s.Workspace, "var_files": jsonapi.List(s.VarFiles.V), "mode": s.Mode, "min_severity": s.MinSeverity, "timeout": s.Timeout,
	}
}

// oneOrMany is an id as the client gave it: alone if there is one.
func oneOrMany(ids []string) any {
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return ids[0]
	}
	return ids
}

func labels(ids []string, names map[string]string) string {
	var out []string
	for _, id := range ids {
		if name := names[id]; name != "" {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// snoozed returns the last end of the snoozes of a schedule, and the end of each.
func snoozed(folders map[string]time.Time) (last any, each map[string]string) {
	each = map[string]string{}
	var ends []string
	for folder, until := range folders {
		each[folder] = until.UTC().Format(time.RFC3339)
		ends = append(ends, each[folder])
	}
	if len(ends) == 0 {
		return nil, each
	}
	return slices.Max(ends), each
}

func rfc3339(t *db.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}
