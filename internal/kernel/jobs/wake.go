package jobs

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivershared/baseservice"
	"github.com/riverqueue/river/rivershared/riverpilot"
	"github.com/riverqueue/river/rivertype"
)

// waker makes River look for jobs at once. A client of River that cannot listen to its
// database finds a job that was inserted in a transaction only at its next poll; its
// pilot, a hook for plugins, is handed the function that shortens the wait. Should a
// version of River no longer call the hook, jobs start a poll later and nothing else
// changes.
type waker struct {
	riverpilot.StandardPilot
	inserted func(context.Context, []*rivertype.JobInsertResult)
}

// PilotInit implements riverpilot.Pilot.
func (w *waker) PilotInit(_ *baseservice.Archetype, p *riverpilot.PilotInitParams) {
	w.inserted = p.NotifyNonTxJobInsert
}

// wake makes River look into the named queue.
func (w *waker) wake(ctx context.Context, queue string) {
	w.inserted(ctx, []*rivertype.JobInsertResult{{Job: &rivertype.JobRow{Queue: queue}}})
}

// driver is a driver with a waker.
type driver struct {
	riverdriver.Driver[*sql.Tx]
	waker *waker
}

// PluginInit is called by River before PluginPilot.
func (driver) PluginInit(*baseservice.Archetype) {}

// PluginPilot is called by River for its pilot.
func (d driver) PluginPilot() riverpilot.Pilot { return d.waker }
