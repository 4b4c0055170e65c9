package jobs

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Removals are the jobs of one kind that remove objects, after the commit of what let go
// of them.
type Removals struct {
	queue *Queue
	kind  string
}

// removal are the arguments of a job that removes objects.
type removal struct {
	kind string
	Keys []string `json:"keys"`
}

// Kind implements Args.
func (r removal) Kind() string { return r.kind }

// Removing makes the jobs of a kind that remove objects by their keys. Remove must bear an
// object that is gone. Call it before Run.
func Removing(q *Queue, kind string, remove func(ctx context.Context, key string) error) Removals {
	q.handle(kind, func(ctx context.Context, raw json.RawMessage) error {
		var r removal
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		for _, key := range r.Keys {
			if key == "" {
				continue
			}
			if err := remove(ctx, key); err != nil {
				return err
			}
		}
		return nil
	}, []Option{Timeout(10 * time.Minute)})
	return Removals{q, kind}
}

// Enqueue has objects removed once the transaction of ctx is committed. A key of "" is no
// object.
func (r Removals) Enqueue(ctx context.Context, keys ...string) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "" })
	if len(keys) == 0 {
		return nil
	}
	return r.queue.Enqueue(ctx, removal{r.kind, keys})
}
