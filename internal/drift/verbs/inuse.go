package verbs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Use is what schedules make of the things that they name.
type Use struct {
	Schedules func(ctx context.Context, id string) ([]string, error) // ids of those that name the thing
	End       func(ctx context.Context, id string) error             // they do without it from now on
	Refusal   string                                                 // why it cannot be deleted, with %s for the schedules
}

// Deletion is what clients of JSON:API say of the deletion of a thing that schedules may name.
type Deletion struct {
	Force jsonapi.Opt[bool] `json:"force"`
}

// Forced reports whether the schedules are to do without it: the body says so, or the query.
func (d Deletion) Forced(ctx context.Context) bool {
	return d.Force.V || api.QueryOf(ctx).Get("force") == "true"
}

// Free makes sure that no schedule names a thing, which is about to be deleted: it ends its
// use if force says so, and is an *InUse error otherwise. It runs in the transaction.
func (u Use) Free(ctx context.Context, id string, force bool) error {
	used, err := u.Schedules(ctx, id)
	if err != nil || len(used) == 0 {
		return err
	}
	if !force {
		return &InUse{Schedules: used, message: fmt.Sprintf(u.Refusal, strings.Join(used, ", "))}
	}
	return u.End(ctx, id)
}

// InUse is why something cannot be deleted. For clients of JSON:API it is a problem.
type InUse struct {
	Schedules []string
	message   string
}

// Error implements error.
func (e *InUse) Error() string { return e.message }

// Unwrap makes a problem of it (409).
func (e *InUse) Unwrap() error { return problem.Conflict("%s", e.message).WithCode("in_use") }

// Deleted is the error of a deletion as the verb delete answers it: an *InUse names the field
// and the schedules.
func Deleted(err error, field string) error {
	if used, ok := errors.AsType[*InUse](err); ok {
		return &Error{Status: http.StatusConflict, Code: "in_use", Message: used.message, Field: field, Extra: map[string]any{"config_ids": used.Schedules}}
	}
	return err
}
