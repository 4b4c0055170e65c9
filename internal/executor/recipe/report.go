package recipe

import (
	"bytes"
	"encoding/json"
	"slices"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/masking"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// report judges what was found and sends it. This is the last that is seen of sensitive
// values: findings leave them out when they become JSON.
func (s *scan) report() error {
	j := s.spec.Judgement
	c := severity.Context{Labels: j.Labels, Resources: s.found.Resources, OldestOpen: j.OldestOpen}
	if len(j.Rules) > 0 {
		if err := json.Unmarshal(j.Rules, &c.Rules); err != nil {
			return err
		}
	}
	verdict, err := severity.Judge(s.found, c)
	if err != nil {
		return failed("The findings cannot be judged: %s", err)
	}
	hide(&verdict, masking.New(s.secrets...))
	r := proto.Report{Undrifted: s.found.Undrifted, TerraformVersion: s.found.TerraformVersion, Providers: s.found.Providers, Text: s.said.masked(s.secrets)}
	for _, f := range verdict.Findings {
		r.Fingerprints = append(r.Fingerprints, classify.Fingerprint(s.spec.Key, s.spec.Target, s.spec.Folder, f.Finding))
	}
	if r.Verdict, err = json.Marshal(verdict); err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.t.Write(reportFile, bytes.NewReader(b)); err != nil {
		return err
	}
	return s.t.Put(s.ctx, proto.Findings, reportFile)
}

// hide takes out of findings what holds a secret of the environment or of a variable: code
// need not mark as sensitive what it makes of one.
func hide(v *severity.Verdict, secrets *masking.Masker) {
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Masked = f.Masked || holds(f.Recorded, secrets) || holds(f.Real, secrets) || holds(f.Wanted, secrets)
	}
	for _, c := range v.Checks {
		for i, problem := range c.Problems {
			c.Problems[i] = secrets.String(problem)
		}
	}
}

// holds reports whether a secret is in a value of JSON.
func holds(value any, secrets *masking.Masker) bool {
	switch v := value.(type) {
	case string:
		return secrets.String(v) != v
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, secrets) })
	case map[string]any:
		for name, e := range v {
			if holds(name, secrets) || holds(e, secrets) {
				return true
			}
		}
	}
	return false
}
