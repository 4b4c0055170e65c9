package apptest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// Executor is a worker of the server that a test plays.
type Executor struct {
	s      *Server
	ctx    context.Context
	server proto.Server
	id     string
}

// Executor registers one. The server must have no workers of its own.
func (s *Server) Executor() *Executor {
	e := &Executor{s: s, ctx: s.tb.Context(), server: s.App.Dispatch.Workers()}
	r, err := e.server.Register(e.ctx, proto.Executor{Name: "test"})
	s.must(err)
	e.id = r.ID
	return e
}

// Claim takes the next job, which must be of the kind; its spec goes to spec.
func (e *Executor) Claim(kind string, spec any) proto.Ticket {
	e.s.tb.Helper()
	j, err := e.server.Claim(e.ctx, e.id, proto.Claim{Kinds: []string{kind}, Wait: 20 * time.Second})
	e.s.must(err)
	if j == nil {
		e.s.tb.Fatalf("there is no %s to claim", kind)
		return proto.Ticket{}
	}
	e.s.must(json.Unmarshal(j.Spec, spec))
	return j.Ticket
}

// None fails the test if there is a job of the kind.
func (e *Executor) None(kind string) {
	e.s.tb.Helper()
	j, err := e.server.Claim(e.ctx, e.id, proto.Claim{Kinds: []string{kind}, Wait: time.Millisecond})
	if e.s.must(err); j != nil {
		e.s.tb.Fatalf("there is a %s, want none: %s", kind, j.Spec)
	}
}

// Put delivers an output; a body that is no string goes as JSON.
func (e *Executor) Put(t proto.Ticket, name string, body any) {
	e.s.tb.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		e.s.must(err)
		text = string(b)
	}
	e.s.must(e.server.Put(e.ctx, t, name, strings.NewReader(text)))
}

// Log reports log text from the beginning.
func (e *Executor) Log(t proto.Ticket, text string) {
	e.s.tb.Helper()
	_, err := e.server.Report(e.ctx, t, 0, []byte(text))
	e.s.must(err)
}

// Finish ends a job.
func (e *Executor) Finish(t proto.Ticket, r proto.Result, data any) {
	e.s.tb.Helper()
	b, err := json.Marshal(data)
	e.s.must(err)
	r.Data = b
	e.s.must(e.server.Finish(e.ctx, t, r))
}

// Server is the contract that it speaks.
func (e *Executor) Server() proto.Server { return e.server }

// Applied plays a run of a configuration in a workspace, and returns it. It leaves a state
// with the serial.
func (e *Executor) Applied(o Org, workspaceID string, serial int) *tfe.Run {
	e.s.tb.Helper()
	c := e.s.Client(o.Owner.Token)
	v, err := c.ConfigurationVersions.Create(e.ctx, workspaceID, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	e.s.must(err)
	if res := e.s.Do("PUT", v.UploadURL, "", TarGz(e.s.tb, map[string]string{"main.tf": `resource "terraform_data" "a" {}`})); res.Status != 200 {
		e.s.tb.Fatalf("upload = %d %s", res.Status, res.Body)
	}
	r, err := c.Runs.Create(e.ctx, tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: workspaceID}, ConfigurationVersion: v, AutoApply: new(true)})
	e.s.must(err)
	var plan proto.Plan
	t := e.Claim(proto.KindPlan, &plan)
	e.Put(t, proto.PlanFile, "plan")
	e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Add: 1}})
	var apply proto.Apply
	t = e.Claim(proto.KindApply, &apply)
	e.Put(t, proto.StateFinal, fmt.Sprintf(`{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":"l","outputs":{},
		"resources":[{"mode":"managed","type":"terraform_data","name":"a","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"schema_version":0,"attributes":{}}]}]}`, serial))
	e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ApplyResult{EngineVersion: "1.12.6", Applied: true, Counts: proto.Counts{Add: 1}})
	r, err = c.Runs.Read(e.ctx, r.ID)
	e.s.must(err)
	if r.Status != tfe.RunApplied {
		e.s.tb.Fatalf("the run is %s, want applied", r.Status)
	}
	return r
}
