// Package schedules says what is scanned when: folders of a repository's branch, with
// credentials and alerts, at times by the wall clock of the organization's zone.
//
// The surprising rule: the next time is always computed from the clock, never from the
// last scan, so that a schedule neither slides nor doubles; and whoever moves next_at on
// in the database has taken the turn, so that several nodes scan once.
package schedules

import (
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Schedule is a configuration of scans.
type Schedule struct {
	ID           string            `db:"id"` // 32 hex digits
	OrgID        string            `db:"org_id"`
	OrgName      string            `db:"org_name,extra"`
	Name         string            `db:"name"`
	RepositoryID *string           `db:"repository_id"` // nil: the repository was deleted, the schedule is inactive
	Branch       string            `db:"branch"`
	Folders      db.JSON[[]string] `db:"folders"`   // clean, "." is the root; may be patterns such as stacks/*
	Frequency    string            `db:"frequency"` // hourly … monthly, every-5m, cron:…, off
	Offset       string            `db:"frequency_offset"`
	Tool         string            `db:"tool"`         // auto, tofu, terraform
	ToolVersion  string            `db:"tool_version"` // "" is by the code
	Workspace    string            `db:"workspace"`    // of the engine, "" is default
	VarFiles     db.JSON[[]string] `db:"var_files"`
	Env          []byte            `db:"env"`          // sealed; Feature.Variables opens it
	Mode         string            `db:"mode"`         // plan, refresh-only
	MinSeverity  string            `db:"min_severity"` // of alerts: info, low, medium, high, critical
	Timeout      int64             `db:"timeout_seconds"`

	AlertOnChangeOnly bool `db:"alert_on_change_only"` // alert_tweak_1
	AlertOnError      bool `db:"alert_on_error"`       // alert_tweak_2
	AlertOnPending    bool `db:"alert_on_pending"`     // alert_tweak_3
	AlertOnResolved   bool `db:"alert_on_resolved"`

	Active         bool     `db:"active"`
	InactiveReason string   `db:"inactive_reason"` // "" if somebody deactivated it
	NextAt         *db.Time `db:"next_at"`
	CatchUp        bool     `db:"catch_up"` // NextAt makes up for scans that were missed
	LastAt         *db.Time `db:"last_at"`
	SkippedOverlap int64    `db:"skipped_overlap"` // turns that found the scan before still going
	CreatedBy      string   `db:"created_by"`
	CreatedAt      db.Time  `db:"created_at"`
	UpdatedAt      db.Time  `db:"updated_at"`

	ConnectionIDs []string // in the order given; later ones must not contradict earlier ones
	AlertIDs      []string
}

// Scope implements authz.Scoped.
func (s Schedule) Scope() authz.Scope { return authz.Scope{Org: s.OrgID} }

// Reason is why a scan is made.
type Reason string

// The reasons of scans.
const (
	Scheduled Reason = "scheduled"
	CaughtUp  Reason = "caught-up" // makes up for scans that were missed
	Manual    Reason = "manual"
	Test      Reason = "test"       // alerts with event "test", whatever is snoozed or known
	Quiet     Reason = "test-quiet" // a test that does not alert
	Confirm   Reason = "confirm"    // looks again before an alert goes out
)

// ErrBusy is what Feature.Scan returns, before it has changed anything, when a scan of the
// schedule is under way.
var ErrBusy = errors.New("schedules: a scan of this schedule is under way")

// Scan starts a scan of all folders, inside the transaction of ctx, and returns its id.
type Scan func(ctx context.Context, s Schedule, why Reason) (scanID string, err error)
