package worker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	firstWait = 200 * time.Millisecond
	maxWait   = 10 * time.Second
)

// backoff waits longer each time.
type backoff struct{ last time.Duration }

// wait waits, or until ctx ends.
func (b *backoff) wait(ctx context.Context) {
	select {
	case <-time.After(b.next()):
	case <-ctx.Done():
	}
}

// next is how long to wait now.
func (b *backoff) next() time.Duration {
	b.last = min(max(firstWait, 2*b.last), maxWait)
	return b.last/2 + rand.N(b.last/2+1)
}

// retry calls f until it succeeds, fails for good, or ctx ends.
func retry(ctx context.Context, what string, f func() error) error {
	back := backoff{}
	for {
		err := f()
		if err == nil || isPermanent(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		slog.WarnContext(ctx, "to be tried again", "what", what, "err", err)
		back.wait(ctx)
	}
}

// permanentError is an error of this side, which trying again does not mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// isPermanent says whether trying again is useless.
func isPermanent(err error) bool {
	var permanent permanentError
	if errors.Is(err, proto.ErrGone) || errors.As(err, &permanent) {
		return true
	}
	var answer *proto.StatusError
	if errors.As(err, &answer) {
		return refusal(answer.Status)
	}
	if p, ok := problem.From(err); ok {
		return refusal(p.Status)
	}
	return errors.Is(err, fs.ErrNotExist)
}

// IsAbsent says whether an error of Task.Fetch means that there is no such input.
func IsAbsent(err error) bool {
	var answer *proto.StatusError
	if errors.As(err, &answer) {
		return answer.Status == http.StatusNotFound
	}
	p, ok := problem.From(err)
	return (ok && p.Status == http.StatusNotFound) || errors.Is(err, fs.ErrNotExist)
}

// refusal says whether a status means that the same request is never accepted.
func refusal(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}
