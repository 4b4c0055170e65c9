package plans

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// document is a JSON form of a plan.
type document struct {
	path, output string
	needs        authz.Permission
}

// documents are the JSON forms that clients read (plans page, "Retrieve the JSON
// execution plan"; OpenAPI document).
var documents = []document{
	{"json-output", proto.PlanJSON, authz.ReadPlanJSON},
	{"json-output-redacted", proto.PlanRedacted, authz.ReadRuns},
	{"json-schema", proto.Schemas, authz.ReadRuns},
}

const (
	objectKind  = "plan-output" // of signed addresses; their id is "PLAN/OUTPUT"
	documentTTL = time.Minute   // of the address of a document (plans page)
)

// redirect answers with the address of a document (307), or with nothing (204) as long
// as the plan has not completed.
func (f *Feature) redirect(d document) func(context.Context, http.ResponseWriter, *http.Request, Plan) error {
	return func(ctx context.Context, w http.ResponseWriter, _ *http.Request, p Plan) error {
		_, err := f.Outputs.Find(ctx, p.ID, d.output)
		missing := errors.Is(err, problem.NotFound)
		switch {
		case p.DeletedAt != nil:
			return problem.NotFound
		case missing && !p.Status.Final():
			w.WriteHeader(http.StatusNoContent)
			return nil
		case err != nil:
			return err
		}
		w.Header().Set("Location", f.router.Sign(ctx, http.MethodGet, objectKind, p.ID+"/"+d.output, documentTTL))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return nil
	}
}

// get sends a document.
func (f *Feature) get(ctx context.Context, w http.ResponseWriter, req *http.Request, id string) error {
	planID, output, _ := strings.Cut(id, "/")
	p, err := f.Find(ctx, planID)
	if err != nil {
		return err
	}
	if p.DeletedAt != nil {
		return problem.NotFound
	}
	return f.Outputs.Send(ctx, w, req, p.ID, output, "application/json")
}
