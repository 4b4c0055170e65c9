package schedules

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request are the attributes that clients send.
type request struct {
	Name              jsonapi.Opt[string]            `json:"name"`
	Branch            jsonapi.Opt[string]            `json:"branch"`
	Folders           jsonapi.Opt[[]string]          `json:"folders"`
	Frequency         jsonapi.Opt[string]            `json:"frequency"`
	Offset            jsonapi.Opt[string]            `json:"frequency-offset"`
	Tool              jsonapi.Opt[string]            `json:"tool"`
	ToolVersion       jsonapi.Opt[string]            `json:"tool-version"`
	Workspace         jsonapi.Opt[string]            `json:"workspace"`
	VarFiles          jsonapi.Opt[[]string]          `json:"var-files"`
	Env               jsonapi.Opt[map[string]string] `json:"env"`
	Mode              jsonapi.Opt[string]            `json:"mode"`
	MinSeverity       jsonapi.Opt[string]            `json:"min-severity"`
	Timeout           jsonapi.Opt[int64]             `json:"timeout"` // seconds
	AlertOnChangeOnly jsonapi.Opt[bool]              `json:"alert-on-change-only"`
	AlertOnError      jsonapi.Opt[bool]              `json:"alert-on-error"`
	AlertOnPending    jsonapi.Opt[bool]              `json:"alert-on-pending"`
	AlertOnResolved   jsonapi.Opt[bool]              `json:"alert-on-resolved"`
	Active            jsonapi.Opt[bool]              `json:"active"`
	SkipCheck         jsonapi.Opt[bool]              `json:"skip-check"`
}

// links are what a schedule joins; nil is as it was.
type links struct {
	Repository          *string
	Connections, Alerts *[]string
}

// Limits of a schedule.
const (
	maxName    = 255
	maxFolders = 1000
	maxLinks   = 20
	maxPath    = 500
	maxEnv     = 64 << 10
	minTimeout = 30 // seconds
	maxTimeout = 4 * 60 * 60
)

// draft is a schedule as a request wants it, and what is not in its row yet.
type draft struct {
	Schedule
	env        *map[string]string
	repository repositories.Repository
	isNew      bool
}

// fresh is a schedule with the defaults. New ones are active: a client that activates them
// afterwards sees no difference.
func fresh(orgID, orgName string) Schedule {
	return Schedule{OrgID: orgID, OrgName: orgName, Frequency: "daily", Tool: "auto", Mode: "plan", MinSeverity: "info", Timeout: 1800, AlertOnChangeOnly: true, AlertOnResolved: true, Active: true}
}

// prepare checks a request. It asks the network whether the branch is there.
func (f *Feature) prepare(ctx context.Context, s Schedule, in request, to links) (draft, error) {
	d := draft{Schedule: s, isNew: s.ID == ""}
	if d.isNew {
		d.ID = verbs.NewID()
	}
	if err := d.join(to); err != nil {
		return d, err
	}
	if err := d.apply(in); err != nil {
		return d, err
	}
	if err := d.engine(in); err != nil {
		return d, err
	}
	if d.RepositoryID == nil {
		return d, problem.InvalidRelation("repository", "A schedule must have a repository").WithCode("field_required")
	}
	var err error
	if d.repository, err = f.Repositories.Of(ctx, d.OrgID, *d.RepositoryID); errors.Is(err, problem.NotFound) {
		return d, problem.InvalidRelation("repository", "The repository %s is not in this organization", *d.RepositoryID).WithCode("not_found")
	} else if err != nil {
		return d, err
	}
	if err := f.checkLinks(ctx, d); err != nil {
		return d, err
	}
	return d, f.checkBranch(ctx, &d, in, db.Text(s.RepositoryID) == d.repository.ID)
}

func (d *draft) join(to links) error {
	if to.Repository != nil {
		d.RepositoryID = to.Repository
	}
	if to.Connections != nil {
		d.ConnectionIDs = distinct(*to.Connections)
	}
	if to.Alerts != nil {
		d.AlertIDs = distinct(*to.Alerts)
	}
	if len(d.ConnectionIDs) > maxLinks {
		return problem.InvalidRelation("connections", "A schedule has at most %d connections", maxLinks)
	}
	if len(d.AlertIDs) > maxLinks {
		return problem.InvalidRelation("alerts", "A schedule has at most %d alerts", maxLinks)
	}
	return nil
}

func distinct(ids []string) []string {
	var out []string
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

var severities = []string{"info", "low", "medium", "high", "critical"}

// apply takes in what says what is scanned when.
func (d *draft) apply(in request) error {
	in.Name.Into(&d.Name)
	in.Branch.Into(&d.Branch)
	in.Folders.Into(&d.Folders.V)
	in.Frequency.Into(&d.Frequency)
	if in.Frequency.Set && !in.Offset.Set {
		d.Offset = "" // of another frequency
	}
	in.Offset.Into(&d.Offset)
	in.MinSeverity.Into(&d.MinSeverity)
	in.AlertOnChangeOnly.Into(&d.AlertOnChangeOnly)
	in.AlertOnError.Into(&d.AlertOnError)
	in.AlertOnPending.Into(&d.AlertOnPending)
	in.AlertOnResolved.Into(&d.AlertOnResolved)
	in.Active.Into(&d.Active)
	d.Name, d.Branch = strings.TrimSpace(d.Name), strings.TrimSpace(d.Branch)
	if _, err := NewClock(d.Frequency, d.Offset, d.ID); err != nil {
		return err
	}
	var err error
	if d.Folders.V, err = paths("folders", d.Folders.V, true); err != nil {
		return err
	}
	switch {
	case len(d.Folders.V) == 0:
		return problem.Invalid("folders", "Folders must name at least one folder; the root of the repository is \".\"").WithCode("field_required")
	case utf8.RuneCountInString(d.Name) > maxName:
		return problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	case len(d.Offset) > 50:
		return problem.Invalid("frequency-offset", "The offset is too long").WithCode("invalid_offset")
	case !slices.Contains(severities, d.MinSeverity):
		return problem.Invalid("min-severity", "Min severity must be one of %s", strings.Join(severities, ", "))
	}
	return nil
}

// engine takes in what says how it is scanned.
func (d *draft) engine(in request) error {
	in.Tool.Into(&d.Tool)
	in.ToolVersion.Into(&d.ToolVersion)
	in.Workspace.Into(&d.Workspace)
	in.VarFiles.Into(&d.VarFiles.V)
	in.Mode.Into(&d.Mode)
	in.Timeout.Into(&d.Timeout)
	var err error
	if d.VarFiles.V, err = paths("var-files", d.VarFiles.V, false); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]string{"auto", "tofu", "terraform"}, d.Tool):
		return problem.Invalid("tool", "Tool must be auto, tofu or terraform")
	case !slices.Contains([]string{"plan", "refresh-only"}, d.Mode):
		return problem.Invalid("mode", "Mode must be plan or refresh-only")
	case len(d.ToolVersion) > 50 || strings.ContainsFunc(d.ToolVersion, func(r rune) bool { return r <= ' ' || r > '~' }):
		return problem.Invalid("tool-version", "Tool version must be a version such as 1.12.6")
	case len(d.Workspace) > 90 || strings.ContainsFunc(d.Workspace, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) || strings.HasPrefix(d.Workspace, "-"):
		return problem.Invalid("workspace", "Workspace must be the name of a workspace of the engine")
	case d.Timeout < minTimeout || d.Timeout > maxTimeout:
		return problem.Invalid("timeout", "Timeout must be between %d and %d seconds", minTimeout, maxTimeout)
	}
	if in.Env.Set {
		d.env = &in.Env.V
		return checkEnv(in.Env.V)
	}
	return nil
}

func checkEnv(env map[string]string) error {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(env)) {
		size += len(name) + len(env[name])
		if err := connections.CheckVariable(name); err != nil {
			return problem.Invalid("env", "%s", err.Error()).WithCode("variable_refused")
		}
		if strings.ContainsRune(env[name], 0) {
			return problem.Invalid("env", "The value of %s has a NUL character", name)
		}
	}
	if size > maxEnv {
		return problem.Invalid("env", "Env is too large (maximum is %d bytes)", maxEnv)
	}
	return nil
}

// paths cleans relative paths. Those of folders must stay inside the repository and may be
// patterns; those of files begin in a folder and may go up.
func paths(field string, list []string, folders bool) ([]string, error) {
	out := []string{}
	if len(list) > maxFolders {
		return nil, problem.Invalid(field, "There are more than %d paths", maxFolders)
	}
	for _, p := range list {
		clean := path.Clean(strings.TrimSpace(p))
		_, pattern := path.Match(clean, "x")
		switch {
		case strings.TrimSpace(p) == "", len(p) > maxPath, path.IsAbs(clean), strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == utf8.RuneError }):
			return nil, problem.Invalid(field, "%q is not a relative path", clip(p)).WithCode("invalid_path")
		case folders && (clean == ".." || strings.HasPrefix(clean, "../")):
			return nil, problem.Invalid(field, "%q leads out of the repository", clip(p)).WithCode("invalid_path")
		case folders && (slices.Contains(strings.Split(clean, "/"), ".git") || pattern != nil):
			return nil, problem.Invalid(field, "%q is not a folder or a pattern of folders", clip(p)).WithCode("invalid_path")
		}
		if !slices.Contains(out, clean) {
			out = append(out, clean)
		}
	}
	return out, nil
}

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}

// checkLinks refuses connections and alerts that are not the organization's, connections
// that set the same variables, and issues in a repository that has no token.
func (f *Feature) checkLinks(ctx context.Context, d draft) error {
	list, err := f.Connections.In(ctx, d.ConnectionIDs)
	if err != nil {
		return err
	}
	found, names := map[string]bool{}, map[string]string{}
	for _, c := range list {
		if c.OrgID != d.OrgID {
			continue
		}
		found[c.ID] = true
		for _, name := range c.Variables() {
			if other, ok := names[name]; ok {
				return problem.InvalidRelation("connections", "The connections %q and %q both set %s", other, c.Name, name).WithCode("connections_conflict")
			}
			names[name] = c.Name
		}
	}
	for _, id := range d.ConnectionIDs {
		if !found[id] {
			return problem.InvalidRelation("connections", "The connection %s is not in this organization", clip(id)).WithCode("not_found")
		}
	}
	return f.checkAlerts(ctx, d)
}

func (f *Feature) checkAlerts(ctx context.Context, d draft) error {
	if len(d.AlertIDs) == 0 || f.Alerts == nil {
		return nil
	}
	list, err := f.Alerts(ctx, d.OrgID, d.AlertIDs)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, a := range list {
		found[a.ID] = true
		if a.Issues && !d.repository.HasToken() {
			return problem.InvalidRelation("alerts", "The alert %q makes issues, for which the repository %s needs a token", a.Name, d.repository.FullName).WithCode("alert_needs_token")
		}
	}
	for _, id := range d.AlertIDs {
		if !found[id] {
			return problem.InvalidRelation("alerts", "The alert %s is not in this organization", clip(id)).WithCode("not_found")
		}
	}
	return nil
}

// checkBranch asks the repository for the branch if it is not known to be there; same says that
// the repository was the schedule's before.
func (f *Feature) checkBranch(ctx context.Context, d *draft, in request, same bool) error {
	if d.Branch == "" {
		d.Branch = d.repository.DefaultBranch
	}
	if d.Branch == "" {
		return problem.Invalid("branch", "Branch can't be blank").WithCode("field_required")
	}
	if !vcs.ValidBranch(d.Branch) {
		return problem.Invalid("branch", "%q is not the name of a branch", clip(d.Branch)).WithCode("branch_missing")
	}
	if d.Name == "" {
		d.Name = d.repository.FullName + " " + d.Branch
	}
	if in.SkipCheck.V || same && !in.Branch.Set {
		return nil
	}
	_, err := f.Repositories.Head(ctx, d.repository.ID, d.Branch)
	var bad *vcs.Error
	switch {
	case !errors.As(err, &bad):
		return err
	case bad.Code == vcs.BranchMissing:
		return problem.Invalid("branch", "The repository %s has no branch %s", d.repository.FullName, d.Branch).WithCode(vcs.BranchMissing)
	default:
		return problem.InvalidRelation("repository", "%s", bad.Message).WithCode(vcs.Unreachable)
	}
}

// store writes a prepared schedule, in a transaction.
func (f *Feature) store(ctx context.Context, d draft) (Schedule, error) {
	s := d.Schedule
	s.UpdatedAt = db.Now()
	if d.env != nil {
		s.Env = nil
		if len(*d.env) > 0 {
			b, err := json.Marshal(*d.env)
			if err != nil {
				return s, err
			}
			if s.Env, err = f.Keyring.Seal(ctx, s.OrgID, b, aad(s.ID)); err != nil {
				return s, err
			}
		}
	}
	s.CatchUp = false
	if s.Active {
		s.InactiveReason = ""
	}
	if err := f.plan(ctx, &s); err != nil {
		return s, err
	}
	if d.isNew {
		s.CreatedAt = s.UpdatedAt
		if who := authz.From(ctx); who != nil {
			s.CreatedBy = who.ID
		}
	}
	f.changed(ctx, s)
	if err := f.write(ctx, s, d.isNew); err != nil {
		return s, gone(err)
	}
	if !s.Active && !d.isNew && f.Cancel != nil {
		return s, f.Cancel(ctx, s.ID)
	}
	return s, nil
}

// connected and alerted are what a schedule joins, as rows.
type connected struct {
	ScheduleID   string `db:"schedule_id"`
	ConnectionID string `db:"connection_id"`
	Position     int    `db:"position"`
}

type alerted struct {
	ScheduleID string `db:"schedule_id"`
	AlertID    string `db:"alert_id"`
	Position   int    `db:"position"`
}

// write writes a schedule with what it joins.
func (f *Feature) write(ctx context.Context, s Schedule, isNew bool) error {
	if isNew {
		if err := f.DB.Insert(ctx, "drift_schedules", s); err != nil {
			return err
		}
	} else if err := f.DB.Update(ctx, "drift_schedules", s, "name", "repository_id", "branch", "folders", "frequency", "frequency_offset", "tool", "tool_version", "workspace",
		"var_files", "env", "mode", "min_severity", "timeout_seconds", "alert_on_change_only", "alert_on_error", "alert_on_pending", "alert_on_resolved",
		"active", "inactive_reason", "next_at", "catch_up", "updated_at"); err != nil {
		return err
	}
	for _, table := range []string{"drift_schedule_connections", "drift_schedule_alerts"} {
		if _, err := f.DB.Exec(ctx, `DELETE FROM `+table+` WHERE schedule_id = ?`, s.ID); err != nil {
			return err
		}
	}
	var connections []connected
	for i, id := range s.ConnectionIDs {
		connections = append(connections, connected{s.ID, id, i})
	}
	var alerts []alerted
	for i, id := range s.AlertIDs {
		alerts = append(alerts, alerted{s.ID, id, i})
	}
	if err := db.InsertAll(ctx, f.DB, "drift_schedule_connections", connections, ""); err != nil {
		return err
	}
	return db.InsertAll(ctx, f.DB, "drift_schedule_alerts", alerts, "")
}

// gone explains that what a schedule joins was deleted meanwhile.
func gone(err error) error {
	if db.IsForeign(err) {
		return problem.Conflict("The repository or a connection was deleted meanwhile.").WithCode("not_found")
	}
	return err
}
