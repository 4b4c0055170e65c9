// Package progress is how far plans and applies have got: their statuses, and who carries
// them out.
//
// The surprising rule: "unreachable" means that it will never be carried out, because the
// run ended before; it says nothing of networks.
package progress

import (
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Status is where a plan or an apply stands, as on the wire.
type Status string

// The statuses (plans and applies pages, "Plan States" and "Apply States").
const (
	Pending     Status = "pending"     // its turn has not come
	Queued      Status = "queued"      // an executor is awaited
	Running     Status = "running"     // an executor has it
	Finished    Status = "finished"    // final, as are those below
	Errored     Status = "errored"     //
	Canceled    Status = "canceled"    //
	Unreachable Status = "unreachable" // it will not run
)

// ForceCanceled is Canceled with the time noted as that of a forceful end. No row has it.
const ForceCanceled Status = "force_canceled"

// Final reports whether nothing comes after s.
func (s Status) Final() bool {
	for _, m := range moves {
		if slices.Contains(m.from, s) {
			return false
		}
	}
	return true
}

// move is how a status is reached.
type move struct {
	from   []Status
	column string // tells when
}

var moves = map[Status]move{
	Queued:        {[]Status{Pending, Running}, "queued_at"}, // from running if its executor was lost
	Running:       {[]Status{Queued}, "started_at"},
	Finished:      {[]Status{Running}, "finished_at"},
	Errored:       {[]Status{Pending, Queued, Running}, "errored_at"},
	Canceled:      {[]Status{Pending, Queued, Running}, "canceled_at"},
	ForceCanceled: {[]Status{Pending, Queued, Running}, "force_canceled_at"},
	Unreachable:   {[]Status{Pending, Queued}, ""},
}

// Move changes the status of a row of plans or applies in the transaction of ctx, and
// reports whether it was another before. A change that the rules above do not have is an
// error.
func Move(ctx context.Context, d *db.DB, table, id string, to Status) (bool, error) {
	m, ok := moves[to]
	if !ok {
		return false, fmt.Errorf("%s: nothing moves to %q", id, to)
	}
	status, when, args := to, "", []any{}
	if to == ForceCanceled {
		status = Canceled
	}
	args = append(args, status)
	if m.column != "" {
		when = ", " + m.column + " = ?"
		args = append(args, db.Now())
	}
	from := make([]string, len(m.from))
	for i, s := range m.from {
		from[i] = string(s)
	}
	query, args := db.List(`UPDATE `+table+` SET status = ?`+when+` WHERE id = ? AND status IN (?)`, from, append(args, id)...)
	n, err := d.Exec(ctx, query, args...)
	if err != nil || n == 1 {
		return n == 1, err
	}
	now, err := db.One[Status](ctx, d, `SELECT status FROM `+table+` WHERE id = ?`, id)
	if err == nil && now != status {
		err = fmt.Errorf("%s cannot go from %s to %s", id, now, to)
	}
	return false, err
}

// Execution is who carries a plan or an apply out.
type Execution struct {
	Mode      string `json:"mode"` // remote or agent
	AgentID   string `json:"agent-id,omitempty"`
	AgentName string `json:"agent-name,omitempty"`
	PoolID    string `json:"agent-pool-id,omitempty"`
	PoolName  string `json:"agent-pool-name,omitempty"`
}

// Details is e as on the wire: null before anybody has begun.
func (e Execution) Details() *Execution {
	if e.Mode == "" {
		return nil
	}
	return &e
}
