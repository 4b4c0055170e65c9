// Package problem holds the errors that a client is meant to see. Any other
// error is a fault of ours: the client gets a bare 500 and the log the detail.
//
// "Not found" also stands for "you may not know that this exists", as it does in
// HCP Terraform (page-template.md, "404").
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Problem is an error with an HTTP status and a message for the client. It is
// one JSON:API error object, or several if More is set.
type Problem struct {
	Status  int
	Title   string
	Detail  string
	Code    string            // a word for programs, "" for what the status says well enough
	Pointer string            // JSON pointer into the request document, such as "/data/attributes/name"
	Header  map[string]string // header fields that the answer carries, such as Retry-After
	More    []*Problem        // further problems of the same request
}

// Error implements error.
func (p *Problem) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail), ": ")
}

// Is makes errors.Is compare by status and wording, so that a problem equals its copies.
func (p *Problem) Is(target error) bool {
	var t *Problem
	return errors.As(target, &t) && t.Status == p.Status && t.Title == p.Title && t.Detail == p.Detail
}

// The problems that have no detail.
var (
	Unauthorized = &Problem{Status: http.StatusUnauthorized, Title: "unauthorized"}
	Forbidden    = &Problem{Status: http.StatusForbidden, Title: "forbidden"}
	NotFound     = &Problem{Status: http.StatusNotFound, Title: "not found"}
)

// BadRequest reports a request that cannot be understood (400).
func BadRequest(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusBadRequest, Title: "bad request", Detail: fmt.Sprintf(format, args...)}
}

// Denied reports that the caller may see the resource but not do this to it (403).
func Denied(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusForbidden, Title: "forbidden", Detail: fmt.Sprintf(format, args...)}
}

// Conflict reports that the resource is in a state that forbids the request (409).
func Conflict(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusConflict, Title: "conflict", Detail: fmt.Sprintf(format, args...)}
}

// WithCode returns the problem with a word for programs, such as "repo_unreachable".
func (p *Problem) WithCode(code string) *Problem {
	c := *p
	c.Code = code
	return &c
}

// PreconditionFailed reports that something promised by the request does not hold (412).
func PreconditionFailed(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusPreconditionFailed, Title: "precondition failed", Detail: fmt.Sprintf(format, args...)}
}

// TooLarge reports a body over its limit (413).
func TooLarge(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusRequestEntityTooLarge, Title: "payload too large", Detail: fmt.Sprintf(format, args...)}
}

// Invalid reports an attribute that cannot be accepted as it is (422).
func Invalid(attribute, format string, args ...any) *Problem {
	return invalid("/data/attributes/"+attribute, format, args...)
}

// InvalidRelation reports a relationship that cannot be accepted as it is (422).
func InvalidRelation(name, format string, args ...any) *Problem {
	return invalid("/data/relationships/"+name, format, args...)
}

// Unprocessable reports a request that is understood and cannot be done (422), for
// a reason that no single attribute bears.
func Unprocessable(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Title: "unprocessable entity", Detail: fmt.Sprintf(format, args...)}
}

func invalid(pointer, format string, args ...any) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Title: "invalid attribute", Detail: fmt.Sprintf(format, args...), Pointer: pointer}
}

// TooMany reports a client that calls too often (429); it may try again after the
// given number of seconds.
func TooMany(seconds float64) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Title: "too many requests",
		Detail: "You have exceeded the API's rate limit.",
		Header: map[string]string{"X-RateLimit-Reset": fmt.Sprintf("%.3f", seconds)}}
}

// All joins the problems that are not nil into one, in order; nil if there is none.
// Its status is that of the first.
func All(ps ...*Problem) error {
	var all *Problem
	for _, p := range ps {
		switch {
		case p == nil:
		case all == nil:
			first := *p
			all = &first
		default:
			all.More = append(all.More, p)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// From returns the problem inside err, if there is one.
func From(err error) (*Problem, bool) {
	var p *Problem
	return p, errors.As(err, &p)
}
