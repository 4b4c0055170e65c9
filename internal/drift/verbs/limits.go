package verbs

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Requests a minute: of one key, and tests of one organization, which reach out to others.
const (
	requestsPerMinute = 120
	testsPerMinute    = 10
)

// limits count what keys and organizations ask of this node.
type limits struct {
	keys, tests *lru.Cache[string, *rate.Limiter]
}

func newLimits() limits {
	make := func() *lru.Cache[string, *rate.Limiter] {
		c, err := lru.New[string, *rate.Limiter](10_000)
		if err != nil {
			panic(err)
		}
		return c
	}
	return limits{keys: make(), tests: make()}
}

func (l limits) request(c Caller) error {
	if wait := take(l.keys, c.KeyID, requestsPerMinute); wait > 0 {
		return tooMany("rate_limited", "This key has made more than 120 requests in a minute.", wait)
	}
	return nil
}

func (l limits) test(c Caller) error {
	if wait := take(l.tests, c.OrgID, testsPerMinute); wait > 0 {
		return tooMany("test_rate_limited", "This organization has made more than 10 tests in a minute.", wait)
	}
	return nil
}

// take takes one of what is left of a minute's share, and returns after how many seconds
// the next one is there if none is.
func take(c *lru.Cache[string, *rate.Limiter], key string, perMinute int) int {
	l, ok := c.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Every(time.Minute/time.Duration(perMinute)), perMinute)
		c.Add(key, l)
	}
	if l.Allow() {
		return 0
	}
	r := l.Reserve()
	defer r.Cancel()
	return max(1, int(math.Ceil(r.Delay().Seconds())))
}
