package scans

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// shown is a verdict as clients see it.
type shown struct {
	Severity    severity.Level         `json:"severity"`
	Reasons     []string               `json:"reasons"`
	Summary     string                 `json:"summary"`
	Description string                 `json:"description"`
	Brief       string                 `json:"brief"`
	Findings    []severity.Judged      `json:"findings"`
	Checks      []severity.JudgedCheck `json:"checks"`
	Providers   map[string]string      `json:"providers"`
}

// sendVerdict answers with all that a scan found, that which needs nothing included.
func (f *Feature) sendVerdict(ctx context.Context, w http.ResponseWriter, _ *http.Request, s Scan) error {
	v, err := f.verdict(ctx, s)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(shown{Severity: v.Severity, Reasons: jsonapi.List(v.Reasons), Summary: v.Words.Summary, Description: v.Words.Description,
		Brief: v.Words.Brief, Findings: jsonapi.List(v.Findings), Checks: jsonapi.List(v.Checks), Providers: v.Providers})
}

// sendOutput answers with the plan as the engine printed it.
func (f *Feature) sendOutput(ctx context.Context, w http.ResponseWriter, _ *http.Request, s Scan) error {
	v, err := f.verdict(ctx, s)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = io.WriteString(w, v.Text)
	return err
}

// verdict is that of a scan that has one.
func (f *Feature) verdict(ctx context.Context, s Scan) (Verdict, error) {
	if len(s.Sealed) == 0 {
		return Verdict{}, problem.NotFound
	}
	return f.VerdictOf(ctx, s)
}
