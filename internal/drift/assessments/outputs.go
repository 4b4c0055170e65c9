package assessments

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// outputRoutes are what an assessment left: only admins of the workspace read it, for it has
// sensitive values ("Health assessment results", "Retrieve the JSON output"). A sanitized
// plan is made only where a customer holds the key, which nobody does here.
func (f *Feature) outputRoutes(r *api.Router, one string) {
	api.Handle(r, "GET "+one+"/json-output", authz.ReadPlanJSON, f.Find, f.send(proto.PlanJSON))
	api.Handle(r, "GET "+one+"/json-schema", authz.ReadPlanJSON, f.Find, f.send(proto.Schemas))
	api.Handle(r, "GET "+one+"/log-output", authz.ReadPlanJSON, f.Find, f.sendLog)
	api.Handle(r, "GET "+one+"/sanitized-plan", authz.ReadRuns, f.Find, func(context.Context, http.ResponseWriter, *http.Request, Result) error {
		return problem.NotFound
	})
	for action, do := range map[string]func(context.Context, string) error{
		"soft-delete-backing-data": f.backing().SoftDelete, "restore-backing-data": f.backing().Restore, "permanently-delete-backing-data": f.backing().Destroy,
	} {
		api.Do(r, "POST /assessments/{id}/actions/"+action, authz.DeleteWorkspace, f.ofAssessment, func(ctx context.Context, r Result, _ jsonapi.In[struct{}]) error {
			return do(ctx, r.ID)
		})
	}
}

// ofAssessment returns the result of the assessment with the given id.
func (f *Feature) ofAssessment(ctx context.Context, id string) (Result, error) {
	return db.One[Result](ctx, f.DB, selectResults+` WHERE a.assessment_id = ?`, id)
}

// send answers with an output of an assessment that succeeded.
func (f *Feature) send(name string) func(context.Context, http.ResponseWriter, *http.Request, Result) error {
	return func(ctx context.Context, w http.ResponseWriter, req *http.Request, r Result) error {
		if !r.Succeeded || r.DeletedAt != nil {
			return problem.NotFound
		}
		return f.Outputs.Send(ctx, w, req, r.AssessmentID, name, "application/json")
	}
}

// defaultLog is how much of a log is sent unless the request says more, in bytes.
const defaultLog = 1 << 20

// sendLog answers with the log, or a part of it: limit and offset count bytes; with tail the
// last limit bytes are meant. As JSON it is one string.
func (f *Feature) sendLog(ctx context.Context, w http.ResponseWriter, req *http.Request, r Result) error {
	if r.DeletedAt != nil {
		return problem.NotFound
	}
	limit, err := number(req, "limit", defaultLog)
	if err != nil {
		return err
	}
	offset, err := number(req, "offset", 0)
	if err != nil {
		return err
	}
	tail := req.URL.Query().Get("tail")
	text, err := f.log(ctx, r.AssessmentID, offset, limit, tail != "" && tail != "false" && tail != "0")
	if err != nil {
		return err
	}
	if accept := req.Header.Get("Accept"); strings.Contains(accept, "json") && !strings.Contains(accept, "text/plain") {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(map[string]string{"log-output": strings.ToValidUTF8(string(text), "")})
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, err = w.Write(text) //nolint:gosec // plain text, which no browser takes for a page
	return err
}

// log is a part of the text of a log, without the marks of its beginning and its end.
func (f *Feature) log(ctx context.Context, id string, offset, limit int64, tail bool) ([]byte, error) {
	const begin, end = "\x02", "\x03"
	if !tail {
		text, err := f.Logs.Read(ctx, id, offset+1, limit)
		return bytes.TrimSuffix(text, []byte(end)), err
	}
	text, err := f.Logs.Read(ctx, id, -limit-1, limit+1)
	text = bytes.TrimPrefix(bytes.TrimSuffix(text, []byte(end)), []byte(begin))
	return text[max(0, len(text)-int(limit)):], err
}

// number reads a query parameter that counts bytes.
func number(req *http.Request, name string, absent int64) (int64, error) {
	text := req.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, problem.BadRequest("%s must be a number of bytes", name)
	}
	return n, nil
}

func (f *Feature) backing() progress.Backing {
	return progress.Backing{DB: f.DB, Table: "assessment_results", Noun: "Assessment", Grace: f.Grace, Forget: f.forgetResults}
}

// forgetResults drops what lies behind results.
func (f *Feature) forgetResults(ctx context.Context, ids []string) error {
	of, err := db.In[string](ctx, f.DB, `SELECT assessment_id FROM assessment_results WHERE id IN (?)`, ids)
	if err != nil || len(of) == 0 {
		return err
	}
	if err := f.Logs.Remove(ctx, of); err != nil {
		return err
	}
	return f.Outputs.Remove(ctx, of)
}
