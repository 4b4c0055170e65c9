package fleet

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// export answers with the findings of now that the caller may see and that the filters of lists
// let through, as CSV, JSON or SARIF. There are no values of attributes in it: files are passed
// on.
func (f *Feature) export(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	formats := map[string]struct {
		kind  string
		write func(io.Writer, []findings.Finding) error
	}{"csv": {"text/csv; charset=utf-8", writeCSV}, "json": {"application/json", writeJSON}, "sarif": {"application/sarif+json", writeSARIF}}
	name := req.URL.Query().Get("format")
	format, ok := formats[name]
	if !ok {
		return problem.BadRequest("format is csv, json or sarif")
	}
	q, err := api.ParseQuery(req, findings.Filters...)
	if err != nil {
		return err
	}
	where, args := scans.Visible(ctx, o.ID, "f")
	c := scans.Condition{Where: where, Args: args}
	if err := findings.Narrow(&c, q); err != nil {
		return err
	}
	list, err := f.Findings.Present(ctx, c.Where, c.Args, maxExport)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", format.kind)
	w.Header().Set("Content-Disposition", `attachment; filename="drift.`+name+`"`)
	return format.write(w, list)
}

// exported is a finding in an export.
type exported struct {
	ID          string   `json:"id"`
	WorkspaceID string   `json:"workspace_id,omitempty"`
	ScheduleID  string   `json:"schedule_id,omitempty"`
	Folder      string   `json:"folder,omitempty"`
	Address     string   `json:"address"`
	Path        string   `json:"path"`
	Kind        string   `json:"kind"`
	Severity    string   `json:"severity"`
	Title       string   `json:"title"`
	Why         string   `json:"why,omitempty"`
	Fix         string   `json:"fix,omitempty"`
	Rules       []string `json:"rules"`
	Provider    string   `json:"provider"`
	Status      string   `json:"status"`
	FirstSeen   string   `json:"first_seen"`
	LastSeen    string   `json:"last_seen"`
	Fingerprint string   `json:"fingerprint"`
}

func exportOf(f findings.Finding) exported {
	return exported{ID: f.ID, WorkspaceID: db.Text(f.WorkspaceID), ScheduleID: db.Text(f.ScheduleID), Folder: f.Folder, Address: f.Address, Path: f.Path, Kind: string(f.Kind), Severity: f.Severity, Title: f.Title, Why: f.Why, Fix: f.Fix,
		Rules: jsonapi.List(f.Rules.V), Provider: f.Provider, Status: string(f.Status), FirstSeen: f.FirstSeenAt.Wire(), LastSeen: f.LastSeenAt.Wire(), Fingerprint: f.Fingerprint}
}

func writeJSON(w io.Writer, all []findings.Finding) error {
	out := make([]exported, len(all))
	for i, f := range all {
		out[i] = exportOf(f)
	}
	return json.NewEncoder(w).Encode(map[string]any{"findings": out})
}

func writeCSV(w io.Writer, all []findings.Finding) error {
	lines := [][]string{{"id", "workspace_id", "schedule_id", "folder", "address", "path", "kind", "severity", "title", "rules", "provider", "status", "first_seen", "last_seen"}}
	for _, f := range all {
		e := exportOf(f)
		lines = append(lines, []string{e.ID, e.WorkspaceID, e.ScheduleID, e.Folder, e.Address, e.Path, e.Kind, e.Severity, e.Title, strings.Join(e.Rules, " "), e.Provider, e.Status, e.FirstSeen, e.LastSeen})
	}
	return api.WriteCSV(w, lines)
}

// levels are those of SARIF 2.1.0 §3.27.10.
var levels = map[string]string{"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}

// writeSARIF writes a log of SARIF 2.1.0 with one run. A finding has no place in a file: its
// address is a logical location (§3.33).
func writeSARIF(w io.Writer, all []findings.Finding) error {
	rules, results, known := []any{}, []any{}, map[string]bool{}
	for _, f := range all {
		rule := string(f.Kind)
		if len(f.Rules.V) > 0 {
			rule = f.Rules.V[0]
		}
		if !known[rule] {
			known[rule] = true
			rules = append(rules, map[string]any{"id": rule})
		}
		name := f.Address
		if f.Path != "" {
			name += "." + f.Path
		}
		results = append(results, map[string]any{
			"ruleId": rule, "level": levels[f.Severity], "message": map[string]string{"text": sentence(f)},
			"locations":           []any{map[string]any{"logicalLocations": []any{map[string]string{"fullyQualifiedName": name, "kind": "resource"}}}},
			"partialFingerprints": map[string]string{"plumbline/v1": f.Fingerprint},
			"properties":          map[string]string{"severity": f.Severity, "kind": string(f.Kind), "folder": f.Folder, "firstSeen": f.FirstSeenAt.Wire()},
		})
	}
	return json.NewEncoder(w).Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{"tool": map[string]any{"driver": map[string]any{"name": "Plumbline", "rules": rules}}, "results": results}},
	})
}

func sentence(f findings.Finding) string {
	title := f.Title
	if title == "" {
		title = "differs from the code"
	}
	if f.Path == "" {
		return f.Address + ": " + title
	}
	return f.Address + " " + f.Path + ": " + title
}
