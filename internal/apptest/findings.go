package apptest

import (
	"encoding/json"
	"strings"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// Found is something that an executor finds in a scan which a test plays.
type Found struct {
	Address, Path string
	Kind          classify.Kind
	Level         severity.Level
	Real          any
}

// Report is what an executor sends of a stack with a number of resources and checks.
func Report(resources int, checks []severity.JudgedCheck, list ...Found) proto.Report {
	v := severity.Verdict{Severity: severity.Info, Resources: resources, Checks: checks}
	r := proto.Report{Text: "the plan", TerraformVersion: "1.12.6"}
	objects := map[string]bool{}
	for _, one := range list {
		typ, name, _ := strings.Cut(one.Address, ".")
		j := severity.Judged{Finding: classify.Finding{Address: one.Address, Type: typ, Name: name, Mode: "managed", Provider: "registry.opentofu.org/hashicorp/aws",
			Path: one.Path, Kind: one.Kind, Recorded: "before", Real: one.Real, Actions: []string{"update"}}, Severity: one.Level, Title: "it has changed"}
		if one.Kind.Drifted() {
			objects[one.Address] = true
		}
		if one.Level.Rank() > v.Severity.Rank() {
			v.Severity = one.Level
		}
		v.Findings = append(v.Findings, j)
		r.Fingerprints = append(r.Fingerprints, classify.Fingerprint([]byte("k"), "t", "", j.Finding))
	}
	v.Drifted = len(objects)
	r.Undrifted = resources - len(objects)
	r.Verdict, _ = json.Marshal(v)
	return r
}
