package scans

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/drift/words"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Verdict is what a scan found, without the values of sensitive attributes. Its row holds it
// as JSON.
type Verdict struct {
	severity.Verdict `json:"verdict"`

	Fingerprints     []string          `json:"fingerprints"` // of Findings, in order
	Undrifted        int               `json:"undrifted"`
	TerraformVersion string            `json:"terraform_version"`
	Providers        map[string]string `json:"providers"`
	Text             string            `json:"text"` // the plan as the engine prints it
	Words            words.Text        `json:"words"`
	Moved            int               `json:"moved,omitempty"` // steps that a model moved the severity by, from what the rules say
}

// Limits of what is taken from executors and kept, in bytes.
const (
	maxReport = 64 << 20
	maxValue  = 8 << 10 // of a value in JSON; a longer one is cut after it was judged
	maxKept   = 8 << 20 // of a verdict
)

// take reads a report and notes what it says in the row of the scan.
func (f *Feature) take(ctx context.Context, s Scan, body io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(body, maxReport+1))
	if err != nil {
		return err
	}
	if len(b) > maxReport {
		return problem.BadRequest("A report has at most %d bytes.", maxReport)
	}
	v, err := read(b)
	if err != nil {
		return problem.BadRequest("The report is none: %v", err)
	}
	if f.Phrase != nil {
		f.Phrase(ctx, s, &v)
	}
	count(&s, v)
	if s.Sealed, err = f.seal(ctx, s, v); err != nil {
		return err
	}
	return f.DB.Update(ctx, "drift_scans", s, "verdict", "resources", "drifted", "undrifted", "pending", "state_only", "checks_passed", "checks_failed",
		"checks_errored", "checks_unknown", "severity", "summary", "fingerprint")
}

// read makes a verdict of a report.
func read(b []byte) (Verdict, error) {
	var r proto.Report
	var v Verdict
	if err := json.Unmarshal(b, &r); err != nil {
		return v, err
	}
	if err := json.Unmarshal(r.Verdict, &v.Verdict); err != nil {
		return v, err
	}
	v.Fingerprints, v.Undrifted, v.TerraformVersion, v.Providers, v.Text = r.Fingerprints, r.Undrifted, r.TerraformVersion, r.Providers, r.Text
	for len(v.Fingerprints) < len(v.Findings) {
		v.Fingerprints = append(v.Fingerprints, "")
	}
	for i, finding := range v.Findings {
		v.Findings[i].Finding = finding.Public() // whatever an executor sends
	}
	v.Words = words.Of(v.Verdict)
	for i := range v.Findings {
		finding := &v.Findings[i].Finding
		finding.Recorded, finding.Real, finding.Wanted = cut(finding.Recorded), cut(finding.Real), cut(finding.Wanted)
	}
	return v, nil
}

// cut shortens a value that is too long to be kept.
func cut(value any) any {
	b, err := json.Marshal(value)
	if err != nil || len(b) <= maxValue {
		return value
	}
	sum := sha256.Sum256(b)
	return "(" + hex.EncodeToString(sum[:4]) + ", too long to show) " + string([]rune(string(b[:maxValue/4])))
}

// count fills in what lists of scans show.
func count(s *Scan, v Verdict) {
	s.Resources, s.Drifted, s.Undrifted = v.Resources, v.Drifted, v.Undrifted
	s.Severity, s.Summary = string(v.Severity), v.Words.Summary
	s.Pending, s.StateOnly, s.ChecksPassed, s.ChecksFailed, s.ChecksErrored, s.ChecksUnknown = 0, 0, 0, 0, 0, 0
	for _, finding := range v.Findings {
		switch finding.Kind {
		case classify.Pending:
			s.Pending++
		case classify.StateOnly:
			s.StateOnly++
		}
	}
	for _, c := range v.Checks {
		switch c.Status {
		case "pass":
			s.ChecksPassed++
		case "fail":
			s.ChecksFailed++
		case "error":
			s.ChecksErrored++
		default:
			s.ChecksUnknown++
		}
	}
	s.Fingerprint = v.Fingerprint()
}

// Fingerprint is the same for scans that found the same drift and the same failing checks,
// "" for none.
func (v Verdict) Fingerprint() string {
	var all []string
	for i, finding := range v.Findings {
		if finding.Kind.Drifted() {
			all = append(all, v.Fingerprints[i])
		}
	}
	for _, c := range v.Checks {
		if c.Status == "fail" || c.Status == "error" {
			all = append(all, c.Address+" "+c.Status)
		}
	}
	return Sum(all)
}

// Sum is one fingerprint for several, in any order; "" for none.
func Sum(fingerprints []string) string {
	if len(fingerprints) == 0 {
		return ""
	}
	all := slices.Sorted(slices.Values(fingerprints))
	h := sha256.New()
	for _, one := range all {
		_, _ = io.WriteString(h, one+"\n")
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func place(scanID string) string { return "drift_scans/verdict/" + scanID }

// seal makes a verdict fit for its row: findings that need nothing go first if it is too long.
func (f *Feature) seal(ctx context.Context, s Scan, v Verdict) ([]byte, error) {
	b, err := json.Marshal(v)
	for n := len(v.Findings); err == nil && len(b) > maxKept && n > 100; {
		n /= 2
		v.Findings, v.Fingerprints = v.Findings[:n], v.Fingerprints[:n] // the worst come first
		b, err = json.Marshal(v)
	}
	if err != nil {
		return nil, err
	}
	return f.Keyring.Seal(ctx, s.OrgID, b, place(s.ID))
}

// VerdictOf opens what a scan found; the zero Verdict if nothing is kept.
func (f *Feature) VerdictOf(ctx context.Context, s Scan) (Verdict, error) {
	if len(s.Sealed) == 0 {
		return Verdict{}, nil
	}
	b, err := f.Keyring.Open(ctx, s.OrgID, s.Sealed, place(s.ID))
	if err != nil {
		return Verdict{}, err
	}
	var v Verdict
	err = json.Unmarshal(b, &v)
	return v, err
}

// worse reports whether a severity is above what was known.
func worse(now, known string) bool {
	return severity.Level(now).Rank() > severity.Level(cmp.Or(known, string(severity.Info))).Rank()
}
