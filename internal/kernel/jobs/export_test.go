package jobs

import "time"

// Postpone sets the pause before a job of an unknown kind is looked at again.
func (q *Queue) Postpone(d time.Duration) { q.postpone = d }
