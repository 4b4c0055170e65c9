package verbs

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Error is an answer whose status is "bad".
type Error struct {
	Status  int    // of HTTP; 200 is that of a test that failed, where the request itself worked
	Code    string // a word for programs, such as "repo_unreachable"
	Message string
	Field   string            // the field of the request that is wrong, "" if it is none
	Extra   map[string]any    // further members
	Header  map[string]string // such as Retry-After
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// Invalid reports a field that cannot be accepted (400).
func Invalid(field, code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Missing reports a field that must be there (400).
func Missing(field string) *Error {
	return Invalid(field, "field_required", "The field %s is required.", field)
}

// NotFound reports an id that the organization does not have (404).
func NotFound(field string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "not_found", Field: field, Message: "There is nothing with this id."}
}

// Conflict reports what cannot be done as things are (409).
func Conflict(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Failed reports a test that ran and found something wrong (200).
func Failed(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusOK, Code: code, Message: fmt.Sprintf(format, args...)}
}

// The refusals of Authenticate.
var (
	ErrKey = &Error{Status: http.StatusUnauthorized, Code: "invalid_key", Message: "The header X-Api-Key must bear a key of an organization that is neither expired nor revoked."}
	ErrOrg = &Error{Status: http.StatusForbidden, Code: "wrong_organization", Message: "The header X-Org-ID must bear the id of the organization that the key belongs to."}
)

func tooMany(code, message string, seconds int) *Error {
	return &Error{Status: http.StatusTooManyRequests, Code: code, Message: message, Header: map[string]string{"Retry-After": fmt.Sprint(seconds)}}
}

// codes are the words for problems that have none of their own.
var codes = map[int]string{
	http.StatusBadRequest: "bad_request", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found",
	http.StatusConflict: "conflict", http.StatusRequestEntityTooLarge: "too_large", http.StatusUnprocessableEntity: "invalid_field", http.StatusTooManyRequests: "too_many_requests",
}

// fromProblem says a problem of the rest of the server in the words of this API: an
// attribute is a field, and what is unprocessable (422) is a bad request.
func fromProblem(p *problem.Problem, fields map[string]string) *Error {
	e := &Error{Status: p.Status, Code: p.Code, Message: p.Detail, Header: p.Header}
	if e.Code == "" {
		e.Code = codes[p.Status]
	}
	if e.Code == "" {
		e.Code = "refused"
	}
	if p.Status == http.StatusUnprocessableEntity {
		e.Status = http.StatusBadRequest
	}
	if e.Message == "" {
		e.Message = "The request was refused: " + p.Title + "."
	}
	if p.Status == http.StatusNotFound {
		e.Message = "There is nothing with this id."
	}
	name := p.Pointer[strings.LastIndexByte(p.Pointer, '/')+1:]
	if f, ok := fields[name]; ok {
		name = f
	}
	e.Field = strings.ReplaceAll(name, "-", "_")
	return e
}

func bodyError(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("The request is larger than %d bytes.", tooBig.Limit)}
	}
	return &Error{Status: http.StatusBadRequest, Code: "invalid_body", Message: "The body of the request cannot be read."}
}
