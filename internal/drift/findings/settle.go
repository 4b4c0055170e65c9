package findings

import (
	"context"
	"encoding/json"
	"slices"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/drift/words"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// key tells findings of a target apart.
type key struct {
	address, path string
	kind          classify.Kind
}

func (f Finding) key() key { return key{f.Address, f.Path, f.Kind} }

// Settle takes in what a scan found, in the transaction that ends it: findings that are new,
// that are still there and that are gone, and what that means for the episode of the target.
// It returns what was found without what is ignored.
func (f *Feature) Settle(ctx context.Context, s scans.Scan, v scans.Verdict) (scans.Verdict, error) {
	rules, err := f.rulesOf(ctx, s)
	if err != nil {
		return v, err
	}
	found := f.present(s, v)
	for i := range found {
		if by := rules.match(found[i].Finding); by != "" {
			found[i].Status, found[i].IgnoredBy = Ignored, &by
		}
	}
	before, err := db.All[Finding](ctx, f.DB, `SELECT {f} FROM drift_findings f WHERE f.target = ? AND f.status <> 'resolved'`+f.DB.ForUpdate(), s.Target)
	if err != nil {
		return v, err
	}
	f.changed(ctx, "drift-findings", "", s.Scope())
	if err := f.merge(ctx, s, before, found); err != nil {
		return v, err
	}
	counted := without(v, rules)
	e := Event{Scan: s, Verdict: counted}
	if err := f.reckon(ctx, &e, s); err != nil {
		return v, err
	}
	for _, tell := range f.OnSettled {
		if err := tell(ctx, e); err != nil {
			return v, err
		}
	}
	return counted, nil
}

// Counted implements scans.Feature.Counted.
func (f *Feature) Counted(ctx context.Context, s scans.Scan, v scans.Verdict) (scans.Verdict, error) {
	rules, err := f.rulesOf(ctx, s)
	if err != nil {
		return v, err
	}
	return without(v, rules), nil
}

// seen is a finding of a scan with its values.
type seen struct {
	Finding
	values values
}

// present are the findings of a scan that are kept: what needs nothing is not.
func (f *Feature) present(s scans.Scan, v scans.Verdict) []seen {
	now := db.Now()
	base := Finding{OrgID: s.OrgID, WorkspaceID: s.WorkspaceID, ScheduleID: s.ScheduleID, Folder: s.Folder, Target: s.Target, Status: Open,
		FirstScanID: s.ID, LastScanID: s.ID, FirstSeenAt: now, LastSeenAt: now}
	var list []seen
	had := map[key]bool{}
	add := func(one seen) {
		if !had[one.key()] {
			had[one.key()] = true
			list = append(list, one)
		}
	}
	for i, j := range v.Findings {
		if j.Kind == classify.StateOnly {
			continue
		}
		one := seen{Finding: base}
		one.Address, one.Type, one.Name, one.Provider, one.Module, one.Path, one.Kind = j.Address, j.Type, j.Name, j.Provider, j.Module, j.Path, j.Kind
		one.Severity, one.Title, one.Why, one.Fix, one.Rules, one.Actions = string(j.Severity), j.Title, j.Why, j.Fix, db.AsJSON(j.Rules), db.AsJSON(j.Actions)
		one.Masked, one.Stateful, one.Fingerprint = j.Masked, j.Stateful, v.Fingerprints[i]
		if !j.Masked {
			one.values = values{Recorded: raw(j.Recorded), Real: raw(j.Real), Wanted: raw(j.Wanted), Unknown: j.Unknown}
		}
		add(one)
	}
	for _, c := range v.Checks {
		if c.Status != "fail" && c.Status != "error" {
			continue
		}
		one := seen{Finding: base, values: values{Problems: c.Problems}}
		one.Address, one.Type, one.Kind, one.Severity, one.Rules = c.Address, c.Kind, Check, string(c.Severity), db.AsJSON(c.Rules)
		one.Title, one.Fingerprint = "Check "+map[string]string{"fail": "fails", "error": "cannot be evaluated"}[c.Status], c.Address+" "+c.Status
		add(one)
	}
	return list
}

// raw is a value as JSON, nothing for none.
func raw(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// merge brings the rows of a target up to date.
func (f *Feature) merge(ctx context.Context, s scans.Scan, before []Finding, found []seen) (err error) {
	old := map[key]Finding{}
	for _, b := range before {
		old[b.key()] = b
	}
	var fresh []Finding
	var same []string
	for _, one := range found {
		was, known := old[one.key()]
		delete(old, one.key())
		switch {
		case !known:
			one.ID = id.New("drf")
			if one.Sealed, err = f.seal(ctx, one); err != nil {
				return err
			}
			fresh = append(fresh, one.Finding)
		case unchanged(was, one.Finding):
			same = append(same, was.ID)
		default:
			if err := f.change(ctx, was, one); err != nil {
				return err
			}
		}
	}
	if err := db.InsertAll(ctx, f.DB, "drift_findings", fresh, ""); err != nil {
		return err
	}
	if err := f.touch(ctx, s, same); err != nil {
		return err
	}
	gone := make([]string, 0, len(old))
	for _, o := range old {
		gone = append(gone, o.ID)
	}
	return f.resolve(ctx, gone)
}

// unchanged reports whether nothing of a row would change but when it was last seen.
func unchanged(was, now Finding) bool {
	return was.Fingerprint == now.Fingerprint && was.Severity == now.Severity && was.Status == now.Status && db.Text(was.IgnoredBy) == db.Text(now.IgnoredBy) &&
		was.Title == now.Title && was.Masked == now.Masked && slices.Equal(was.Actions.V, now.Actions.V)
}

func (f *Feature) change(ctx context.Context, was Finding, now seen) (err error) {
	now.ID = was.ID
	if now.Sealed, err = f.seal(ctx, now); err != nil {
		return err
	}
	return f.DB.Update(ctx, "drift_findings", now.Finding, "status", "severity", "title", "why", "fix", "rules", "actions", "masked", "stateful", "fingerprint", "sealed",
		"ignored_by", "last_scan_id", "last_seen_at")
}

func (f *Feature) touch(ctx context.Context, s scans.Scan, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	query, args := db.List(`UPDATE drift_findings SET last_scan_id = ?, last_seen_at = ? WHERE id IN (?)`, ids, s.ID, db.Now())
	_, err := f.DB.Exec(ctx, query, args...)
	return err
}

func (f *Feature) resolve(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	query, args := db.List(`UPDATE drift_findings SET status = 'resolved', resolved_at = ? WHERE id IN (?)`, ids, db.Now())
	_, err := f.DB.Exec(ctx, query, args...)
	return err
}

func (f *Feature) seal(ctx context.Context, one seen) ([]byte, error) {
	if one.Masked {
		return nil, nil
	}
	b, err := json.Marshal(one.values)
	if err != nil {
		return nil, err
	}
	return f.Keyring.Seal(ctx, one.OrgID, b, place(one.ID))
}

// without leaves out what rules ignore: the severity and the words are of what remains.
func without(v scans.Verdict, rules ruleset) scans.Verdict {
	findings, fingerprints, checks := v.Findings, v.Fingerprints, v.Checks
	v.Findings, v.Fingerprints, v.Checks = nil, nil, nil
	v.Severity = v.Severity.Raise(-v.Moved) // as rules say; what a model says comes last
	worst := severity.Info
	objects := map[string]bool{}
	for i, j := range findings {
		if rules.match(Finding{Folder: rules.folder, Address: j.Address, Path: j.Path, Kind: j.Kind}) != "" {
			continue
		}
		v.Findings, v.Fingerprints = append(v.Findings, j), append(v.Fingerprints, fingerprints[i])
		if j.Kind.Drifted() {
			objects[j.Address], worst = true, worse(worst, j.Severity)
		}
	}
	for _, c := range checks {
		fails := c.Status == "fail" || c.Status == "error"
		if fails && rules.match(Finding{Folder: rules.folder, Address: c.Address, Kind: Check}) != "" {
			continue
		}
		if v.Checks = append(v.Checks, c); fails {
			worst = worse(worst, c.Severity)
		}
	}
	v.Drifted, v.Undrifted = len(objects), max(v.Resources-len(objects), 0)
	if len(v.Findings) < len(findings) || len(v.Checks) < len(checks) {
		v.Recount()
		v.Words, v.Moved = words.Of(v.Verdict), 0 // a model spoke of all of them
	}
	if worst != severity.Info {
		worst = worst.Raise(v.Raised()) // much drift, or old
	}
	v.Severity = worst.Raise(v.Moved)
	return v
}

func worse(a, b severity.Level) severity.Level {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}
