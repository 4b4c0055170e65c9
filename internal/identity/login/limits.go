package login

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// limits slow down who guesses passwords and codes. They count attempts by address
// and by account, whether the account exists or not.
type limits struct {
	addresses, accounts *lru.Cache[string, *rate.Limiter]
}

// An address has 30 attempts and another each 2 s; an account has 10 and another
// each 6 s.
const (
	addressBurst, addressEach = 30, 2 * time.Second
	accountBurst, accountEach = 10, 6 * time.Second
	remembered                = 10_000
)

func newLimits() limits {
	addresses, err := lru.New[string, *rate.Limiter](remembered)
	if err != nil {
		panic(err)
	}
	accounts, err := lru.New[string, *rate.Limiter](remembered)
	if err != nil {
		panic(err)
	}
	return limits{addresses, accounts}
}

// allow counts an attempt from an address at an account; "" counts as none. It
// returns a problem with status 429 if there were too many.
func (l limits) allow(address, account string) error {
	if address != "" && !take(l.addresses, address, addressBurst, addressEach) {
		return tooMany(addressEach)
	}
	if account != "" && !take(l.accounts, strings.ToLower(strings.TrimSpace(account)), accountBurst, accountEach) {
		return tooMany(accountEach)
	}
	return nil
}

func take(cache *lru.Cache[string, *rate.Limiter], key string, burst int, each time.Duration) bool {
	if len(key) > 300 {
		key = key[:300]
	}
	l := rate.NewLimiter(rate.Every(each), burst)
	if before, ok, _ := cache.PeekOrAdd(key, l); ok {
		l = before
		cache.Get(key) // it is in use
	}
	return l.Allow()
}

func tooMany(wait time.Duration) error {
	return &problem.Problem{Status: http.StatusTooManyRequests, Title: "too many requests",
		Detail: "There were too many attempts. Wait a minute and try again.",
		Header: map[string]string{"Retry-After": strconv.Itoa(int(wait.Seconds()))}}
}
