package configversions

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Status is where a version stands.
type Status string

// The statuses of versions, as on the wire (configuration-versions page,
// "Configuration Version States").
const (
	Pending   Status = "pending"  // the archive is awaited
	Fetching  Status = "fetching" // the archive is being made of a commit
	Uploaded  Status = "uploaded" // runs can use it
	Archived  Status = "archived" // the archive was discarded; a VCS may give it again
	Errored   Status = "errored"
	Deleted   Status = "backing_data_soft_deleted"
	Destroyed Status = "backing_data_permanently_deleted"
)

// transition is a change of status.
type transition struct{ from, to Status }

// transitions are all changes of status that there are, each with the column that
// tells when it happened.
var transitions = map[transition]string{
	{Pending, Fetching}:  "fetching_at",
	{Pending, Uploaded}:  "uploaded_at",
	{Pending, Errored}:   "errored_at",
	{Fetching, Uploaded}: "uploaded_at",
	{Fetching, Errored}:  "errored_at",
	{Uploaded, Archived}: "archived_at",
	{Archived, Fetching}: "fetching_at",
	{Uploaded, Deleted}:  "deleted_at",
	{Deleted, Uploaded}:  "restored_at",
	{Deleted, Destroyed}: "destroyed_at",
}

// move changes the status of a version, and reports whether the table has that change
// and nobody was quicker.
func (f *Feature) move(ctx context.Context, v Version, to Status) (bool, error) {
	column, ok := transitions[transition{v.Status, to}]
	if !ok {
		return false, nil
	}
	n, err := f.DB.Exec(ctx, `UPDATE configuration_versions SET status = ?, `+column+` = ? WHERE id = ? AND status = ?`, to, db.Now(), v.ID, v.Status)
	if n == 1 {
		changes.Tell(ctx, f.Bus, v.Scope(), "configuration-versions", v.ID)
	}
	return n == 1, err
}
