package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Routes adds the endpoints for agents to r. They speak plain JSON and take the tokens of
// agent pools, which open nothing else.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	f.Listen()
	at := r.At(proto.Base)
	at.Raw("POST /executors", authz.Anyone, f.asAgent(register))
	at.Raw("DELETE /executors/{id}", authz.Anyone, f.asAgent(leave))
	at.Raw("POST /executors/{id}/claim", authz.Anyone, f.asAgent(claim))
	at.Raw("POST /jobs/{id}/report", authz.Anyone, f.asAgent(report))
	at.Raw("GET /jobs/{id}/orders", authz.Anyone, f.asAgent(orders))
	at.Raw("GET /jobs/{id}/objects/{name}", authz.Anyone, f.asAgent(get))
	at.Raw("PUT /jobs/{id}/objects/{name}", authz.Anyone, f.asAgent(put))
	at.Raw("POST /jobs/{id}/finish", authz.Anyone, f.asAgent(finish))
}

type handler func(w http.ResponseWriter, req *http.Request) error

// asAgent finds the pool of the request's token, and translates the errors of the contract.
func (f *Feature) asAgent(do func(s Server, w http.ResponseWriter, req *http.Request) error) handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		s, err := f.agent(req)
		if err != nil {
			return err
		}
		err = do(s, w, req)
		if errors.Is(err, proto.ErrGone) {
			err = &problem.Problem{Status: http.StatusGone, Title: "gone", Detail: proto.ErrGone.Error()}
		}
		return err
	}
}

func (f *Feature) agent(req *http.Request) (Server, error) {
	scheme, secret, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Server{}, problem.Unauthorized
	}
	t, err := f.Tokens.Lookup(req.Context(), strings.TrimSpace(secret))
	switch {
	case tokens.Missing(err):
		return Server{}, problem.Unauthorized
	case err != nil:
		return Server{}, err
	case t.Kind != tokens.Agent || t.AgentPoolID == nil:
		return Server{}, problem.Unauthorized
	}
	if f.Used != nil {
		f.Used(req.Context(), t)
	}
	return f.PoolOf(*t.AgentPoolID, f.router.ClientIP(req)), nil
}

func register(s Server, w http.ResponseWriter, req *http.Request) error {
	var who proto.Executor
	if err := decode(req, &who); err != nil {
		return err
	}
	got, err := s.Register(req.Context(), who)
	if err != nil {
		return err
	}
	return answer(w, got)
}

func leave(s Server, w http.ResponseWriter, req *http.Request) error {
	if err := s.Leave(req.Context(), req.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func claim(s Server, w http.ResponseWriter, req *http.Request) error {
	var c proto.Claim
	if err := decode(req, &c); err != nil {
		return err
	}
	job, err := s.Claim(req.Context(), req.PathValue("id"), c)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // the agent went away
	case err != nil:
		return err
	case job == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return answer(w, job)
}

func report(s Server, w http.ResponseWriter, req *http.Request) error {
	t, err := ticket(req)
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(req.URL.Query().Get("offset"), 10, 64)
	if err != nil {
		return problem.BadRequest("The offset is a number.")
	}
	log, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxLog))
	if err != nil {
		return unreadable(err)
	}
	orders, err := s.Report(req.Context(), t, offset, log)
	if err != nil {
		return err
	}
	return answer(w, orders)
}

func orders(s Server, w http.ResponseWriter, req *http.Request) error {
	t, err := ticket(req)
	if err != nil {
		return err
	}
	q := req.URL.Query()
	seconds, err := strconv.Atoi(q.Get("wait"))
	if err != nil {
		return problem.BadRequest("How long to wait is a number of seconds.")
	}
	o, err := s.Orders(req.Context(), t, proto.Orders{Cancel: proto.Cancel(q.Get("cancel")), Watched: q.Get("watched") == "true"}, time.Duration(seconds)*time.Second)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // the agent went away
	case err != nil:
		return err
	}
	return answer(w, o)
}

func get(s Server, w http.ResponseWriter, req *http.Request) error {
	t, err := ticket(req)
	if err != nil {
		return err
	}
	body, err := s.Get(req.Context(), t, req.PathValue("name"))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(w, body); err != nil {
		slog.WarnContext(req.Context(), "sending an object to an agent", "job", t.ID, "name", req.PathValue("name"), "err", err)
		panic(http.ErrAbortHandler) // the agent must not take a part for the whole
	}
	return nil
}

func put(s Server, w http.ResponseWriter, req *http.Request) error {
	t, err := ticket(req)
	if err != nil {
		return err
	}
	if err := s.Put(req.Context(), t, req.PathValue("name"), req.Body); err != nil {
		return unreadable(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func finish(s Server, w http.ResponseWriter, req *http.Request) error {
	t, err := ticket(req)
	if err != nil {
		return err
	}
	var r proto.Result
	if err := decode(req, &r); err != nil {
		return err
	}
	if err := s.Finish(req.Context(), t, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func ticket(req *http.Request) (proto.Ticket, error) {
	attempt, err := strconv.Atoi(req.URL.Query().Get("attempt"))
	if err != nil || attempt < 1 {
		return proto.Ticket{}, problem.BadRequest("The attempt is a number from 1.")
	}
	return proto.Ticket{ID: req.PathValue("id"), Attempt: attempt}, nil
}

// maxMessage is the largest JSON message of an agent, in bytes.
const maxMessage = maxData + 64<<10

func decode(req *http.Request, v any) error {
	body := http.MaxBytesReader(nil, req.Body, maxMessage)
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return problem.BadRequest("The message is not what the contract says: %v", err)
	}
	return nil
}

// unreadable keeps an upload that broke off from being a fault of ours.
func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.TooLarge("The body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.BadRequest("The body broke off.")
	}
	return err
}

func answer(w http.ResponseWriter, v any) error {
	return api.WriteJSON(w, http.StatusOK, "application/json", v)
}
