package verbs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// kept is how long the answer to a request with an Idempotency-Key is repeated.
const kept = 24 * time.Hour

// stuck is how long a request may be under way before its key can be used again: the
// server that had it has died.
const stuck = 5 * time.Minute

// stored is a request with an Idempotency-Key.
type stored struct {
	KeyID     string  `db:"key_id"`
	Name      string  `db:"name"`    // fingerprint of the Idempotency-Key
	Request   string  `db:"request"` // fingerprint of path and body
	Status    int     `db:"status"`  // 0 while it is under way
	Answer    string  `db:"answer"`  // JSON of what was answered, an outcome
	CreatedAt db.Time `db:"created_at"`
}

// outcome is what is repeated.
type outcome struct {
	Good json.RawMessage `json:"good,omitempty"`
	Bad  *Error          `json:"bad,omitempty"`
}

// once does a request unless the same one was done in the last 24 hours, whose answer it
// then repeats. What failed by a fault of ours or for now (429) can be tried again.
func (f *Feature) once(ctx context.Context, caller Caller, path, name string, body []byte, do func(context.Context) ([]byte, error)) ([]byte, error) {
	if len(name) > 255 {
		return nil, Invalid("", "invalid_idempotency_key", "The header Idempotency-Key is longer than 255 characters.")
	}
	row := stored{KeyID: caller.KeyID, Name: f.fingerprint(name), Request: f.fingerprint(path + "\n" + string(body)), CreatedAt: db.Now()}
	first, err := f.begin(ctx, row)
	if err != nil || first.Status != 0 {
		return repeat(first, row, err)
	}
	answer, err := do(ctx)
	result := outcome{Good: answer}
	if err != nil {
		result = outcome{}
		if !errors.As(err, &result.Bad) {
			result.Bad = told(ctx, Endpoint{Path: path}, err)
			err = result.Bad
		}
	}
	if result.Bad != nil && (result.Bad.Status >= 500 || result.Bad.Status == 429) {
		return answer, errors.Join(err, f.forget(ctx, row))
	}
	b, e := json.Marshal(result)
	if e == nil {
		_, e = f.DB.Exec(context.WithoutCancel(ctx), `UPDATE drift_requests SET status = 200, answer = ? WHERE key_id = ? AND name = ?`, string(b), row.KeyID, row.Name)
	}
	if err == nil {
		err = e
	}
	return answer, err
}

// begin claims the name for a request, and returns the earlier request that has it; that
// has status 0 if there is none.
func (f *Feature) begin(ctx context.Context, row stored) (stored, error) {
	now := time.Now()
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_requests WHERE key_id = ? AND name = ? AND (created_at < ? OR (status = 0 AND created_at < ?))`,
		row.KeyID, row.Name, db.At(now.Add(-kept)), db.At(now.Add(-stuck)))
	if err != nil {
		return stored{}, err
	}
	n, err := f.DB.Exec(ctx, `INSERT INTO drift_requests (key_id, name, request, status, answer, created_at) VALUES (?, ?, ?, 0, '', ?) ON CONFLICT DO NOTHING`,
		row.KeyID, row.Name, row.Request, row.CreatedAt)
	if err != nil || n == 1 {
		return stored{}, err
	}
	old, err := db.One[stored](ctx, f.DB, `FROM drift_requests WHERE key_id = ? AND name = ?`, row.KeyID, row.Name)
	if err == nil && old.Status == 0 {
		return old, &Error{Status: 409, Code: "idempotency_in_progress", Message: "The first request with this Idempotency-Key is still under way.", Header: map[string]string{"Retry-After": "1"}}
	}
	return old, err
}

func repeat(old, row stored, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if old.Request != row.Request {
		return nil, &Error{Status: 409, Code: "idempotency_conflict", Message: "This Idempotency-Key was used for another request in the last 24 hours."}
	}
	var o outcome
	if err := json.Unmarshal([]byte(old.Answer), &o); err != nil {
		return nil, err
	}
	if o.Bad != nil {
		return nil, o.Bad
	}
	return o.Good, nil
}

func (f *Feature) forget(ctx context.Context, row stored) error {
	_, err := f.DB.Exec(context.WithoutCancel(ctx), `DELETE FROM drift_requests WHERE key_id = ? AND name = ?`, row.KeyID, row.Name)
	return err
}

// fingerprint hides what requests hold: they may have secrets that can be guessed.
func (f *Feature) fingerprint(s string) string {
	h := hmac.New(sha256.New, f.MAC)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// sweep removes answers that are no longer repeated.
func (f *Feature) sweep(ctx context.Context) error {
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_requests WHERE created_at < ?`, db.At(time.Now().Add(-kept)))
	return err
}
