package access

import (
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
)

// lag is how much later than a request its time may be written down: requests within half a
// minute are of one subject, and times are written at most once a minute.
const lag = 2 * time.Minute

// overdue reports whether a browser session has lasted longer than an organization of its user
// allows: minutes without a request and minutes in all, as the statement gives them, each 0
// for no limit (organizations.md, "session-timeout" and "session-remember"). The strictest
// organization counts, for the session is one for all of them.
func overdue(t tokens.Token, limits string) bool {
	var idle, all int64
	if _, err := fmt.Sscan(limits, &idle, &all); err != nil {
		return false
	}
	seen := t.CreatedAt.Time
	if t.LastUsedAt != nil {
		seen = t.LastUsedAt.Time
	}
	return idle > 0 && time.Since(seen) > time.Duration(idle)*time.Minute+lag || all > 0 && time.Since(t.CreatedAt.Time) > time.Duration(all)*time.Minute
}
