package recipe_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// planOf runs a plan of files, after change has changed what it is to do.
func (p *place) planOf(run string, files map[string]string, change func(*proto.Plan)) *job {
	p.t.Helper()
	spec := proto.Plan{Phase: phase(run), Refresh: true}
	if change != nil {
		change(&spec)
	}
	return p.plan("plan-"+run, spec, map[string][]byte{proto.Archive: tgz(p.t, files)})
}

func TestNoChanges(t *testing.T) {
	p := newPlace(t).start()
	j := p.planOf("run-1", map[string]string{"main.tf": `locals { x = 1 }`}, nil)
	if r := planResult(t, j); j.result.Outcome != proto.Finished || r.HasChanges || r.Add != 0 {
		t.Errorf("plan = %+v %s\n%s", j.result, j.result.Data, j.log)
	}
	p.stop()
	if left := p.folders(); len(left) > 0 {
		t.Errorf("folders of a plan without changes stay: %v", left)
	}
}

func TestOutputsAreChanges(t *testing.T) {
	p := newPlace(t).start()
	j := p.planOf("run-1", map[string]string{"main.tf": "output \"x\" {\n  value = 1\n}\n"}, nil)
	if r := planResult(t, j); j.result.Outcome != proto.Finished || !r.HasChanges || r.Add != 0 {
		t.Errorf("plan = %+v %s\n%s", j.result, j.result.Data, j.log)
	}
}

func TestAFailedPlanSaysWhy(t *testing.T) {
	p := newPlace(t).start()
	for name, c := range map[string]struct {
		files  map[string]string
		change func(*proto.Plan)
		says   string // in the log
		error  string // of the result
	}{
		"syntax":              {map[string]string{"main.tf": "resource {"}, nil, "Error: ", "failed running tofu init"},
		"plan":                {map[string]string{"main.tf": "locals { x = file(\"absent\") }\noutput \"x\" {\n  value = local.x\n}\n"}, nil, "Invalid function argument", "failed running tofu plan (exit 1)"},
		"no such folder":      {map[string]string{"main.tf": ""}, func(s *proto.Plan) { s.WorkingDirectory = "absent" }, `no working directory "absent"`, `no working directory "absent"`},
		"folder outside":      {map[string]string{"main.tf": ""}, func(s *proto.Plan) { s.WorkingDirectory = "../.." }, "leaves the configuration", "leaves the configuration"},
		"no such version":     {map[string]string{"main.tf": ""}, func(s *proto.Plan) { s.Engine.Version = "0.0.1" }, "OpenTofu 0.0.1 is not on this machine", "OpenTofu 0.0.1 is not on this machine"},
		"variable of no name": {map[string]string{"main.tf": ""}, func(s *proto.Plan) { s.Variables = []proto.Variable{{Key: "a b", Value: "1", HCL: true}} }, "name of a variable", "name of a variable"},
		"bad expression":      {map[string]string{"main.tf": "variable \"x\" {}"}, func(s *proto.Plan) { s.Variables = []proto.Variable{{Key: "x", Value: "[", HCL: true}} }, "Error: ", "failed running tofu plan"},
		"missing provider":    {map[string]string{"main.tf": "resource \"absent_x\" \"y\" {}"}, nil, "absent", "failed running tofu init"},
	} {
		run := "run-" + strings.ReplaceAll(name, " ", "-")
		j := p.planOf(run, c.files, c.change)
		if j.result.Outcome != proto.Errored || !strings.Contains(j.result.Error, c.error) || !strings.Contains(string(j.log), c.says) || !strings.Contains(string(j.log), j.result.Error) {
			t.Errorf("%s: %+v, want %q; log:\n%s", name, j.result, c.error, j.log)
		}
	}
}

// TestHostileArchives: the archive package has the full list; here is that a run refuses
// what it refuses, with its words, and that nothing is written outside.
func TestHostileArchives(t *testing.T) {
	p := newPlace(t).start()
	for name, c := range map[string]struct {
		entry tar.Header
		says  string
	}{
		"dot-dot":  {tar.Header{Name: "../../../../escaped", Typeflag: tar.TypeReg}, "leaves the folder"},
		"absolute": {tar.Header{Name: "/tmp/plumbline-escaped", Typeflag: tar.TypeReg}, "absolute path"},
		"link":     {tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, "symbolic link"},
		"device":   {tar.Header{Name: "d", Typeflag: tar.TypeChar}, "d"},
	} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		if err := w.WriteHeader(&c.entry); err != nil {
			t.Fatal(err)
		}
		w.Close()
		z.Close()
		j := p.plan("plan-"+name, proto.Plan{Phase: phase("run-" + name)}, map[string][]byte{proto.Archive: b.Bytes()})
		if j.result.Outcome != proto.Errored || !strings.Contains(j.result.Error, "The configuration cannot be unpacked") || !strings.Contains(j.result.Error, c.says) || !strings.Contains(string(j.log), j.result.Error) {
			t.Errorf("%s: %+v\n%s", name, j.result, j.log)
		}
	}
	j := p.plan("plan-noise", proto.Plan{Phase: phase("run-noise")}, map[string][]byte{proto.Archive: []byte("no archive")})
	if j.result.Outcome != proto.Errored || !strings.Contains(j.result.Error, "cannot be unpacked") {
		t.Errorf("noise: %+v", j.result)
	}
	if _, err := os.Stat("/tmp/plumbline-escaped"); err == nil {
		t.Error("an archive wrote outside")
	}
}

// TestVariablesArriveAsTheyAre: whatever is in a value, the configuration sees just that.
func TestVariablesArriveAsTheyAre(t *testing.T) {
	p := newPlace(t).start()
	odd := []string{`"`, `\`, "\n", "\r\n", "${", "$${", "%{", "%%{", "}", "#", "//", "/*", "<<EOT\n", "EOT\n", "'", "`", "ü", "日本", "\u2028", "\t", "=", "{}", "null", "\x7f", " ", "$", "%", "-"}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		if n > 3 {
			return // each is a plan by the real engine; more values are in each
		}
		var vars []proto.Variable
		text, want := "", map[string]string{}
		for i := range 40 {
			value := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(odd), rapid.StringMatching(`[ -~]{0,5}`)), 0, 8).Draw(r, "value"), "")
			key := fmt.Sprintf("v%d", i)
			want[key] = value
			vars = append(vars, proto.Variable{Key: key, Value: "overridden"}, proto.Variable{Key: key, Value: value})
			text += fmt.Sprintf("variable %q {}\noutput %q {\n  value = var.%s\n}\n", key, key, key)
		}
		files := map[string]string{"main.tf": text, "terraform.tfvars": "v0 = \"from a file\"\n", "x.auto.tfvars": "v1 = \"from a file\"\n"}
		j := p.planOf(fmt.Sprintf("run-%d", n), files, func(s *proto.Plan) {
			s.Variables, s.Env = vars, []proto.Env{{Name: "TF_VAR_v2", Value: "from the environment"}}
		})
		if j.result.Outcome != proto.Finished {
			r.Fatalf("%+v\n%s", j.result, j.log)
		}
		if got := planned(t, j); fmt.Sprint(got) != fmt.Sprint(want) {
			for key := range want {
				if got[key] != want[key] {
					r.Errorf("%s = %q, want %q", key, got[key], want[key])
				}
			}
		}
	})
}

// planned are the outputs that a plan will have, as texts.
func planned(t *testing.T, j *job) map[string]string {
	t.Helper()
	var plan struct {
		OutputChanges map[string]struct{ After any } `json:"output_changes"`
	}
	if err := json.Unmarshal(j.outputs[proto.PlanJSON], &plan); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, o := range plan.OutputChanges {
		if text, ok := o.After.(string); ok {
			got[name] = text
			continue
		}
		b, _ := json.Marshal(o.After)
		got[name] = string(b)
	}
	return got
}

func TestExpressionsAreVariablesToo(t *testing.T) {
	p := newPlace(t).start()
	var text strings.Builder
	for _, key := range []string{"list", "object", "heredoc", "number"} {
		fmt.Fprintf(&text, "variable %q {\n  type = any\n}\noutput %q {\n  value = var.%s\n}\n", key, key, key)
	}
	j := p.planOf("run-1", map[string]string{"main.tf": text.String()}, func(s *proto.Plan) {
		s.Variables = []proto.Variable{{Key: "list", Value: `["a", 1, true]`, HCL: true}, {Key: "object", Value: "{\n  a = { b = null }\n}\n", HCL: true},
			{Key: "heredoc", Value: "<<EOT\nline\nEOT\n", HCL: true}, {Key: "number", Value: "not this", HCL: true}, {Key: "number", Value: "42", HCL: true}}
	})
	if j.result.Outcome != proto.Finished {
		t.Fatalf("%+v\n%s", j.result, j.log)
	}
	want := map[string]string{"list": `["a",1,true]`, "object": `{"a":{"b":null}}`, "heredoc": "line\n", "number": "42"}
	if got := planned(t, j); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("outputs = %v, want %v", got, want)
	}
}

func TestSecretsStayOutOfTheLogAndTheServerOutOfSight(t *testing.T) {
	t.Setenv("SERVER_SECRET", "planted-in-the-server")
	p := newPlace(t).start()
	script := `
resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "env; cat /proc/self/environ | tr '\\0' '\\n'; echo var: $V; printf %s $V | base64; cat $TOKEN_FILE; ls $HOME /; cat ../../../log; echo end"
    environment = { V = var.secret }
  }
}
variable "secret" {}
`
	secrets := func(s *proto.Phase) {
		s.Variables = []proto.Variable{{Key: "secret", Value: "variable-secret", Sensitive: true}}
		s.Env = []proto.Env{{Name: "SHOWN", Value: "shown-value"}, {Name: "HIDDEN", Value: "hidden-value", Sensitive: true},
			{Name: "TF_CLI_CONFIG_FILE", Value: "/etc/evil"}, {Name: "TF_DATA_DIR", Value: "elsewhere"}, {Name: "TOKEN_FILE", Value: proto.Folder + "/token", InFiles: true}}
		s.Files = []proto.File{{Name: "token", Text: "file-secret", Sensitive: true}}
		s.SSHKey = "-----BEGIN KEY-----\nsecret-key-material\n-----END KEY-----\n"
	}
	plan := p.planOf("run-1", map[string]string{"main.tf": script}, func(s *proto.Plan) { secrets(&s.Phase) })
	if plan.result.Outcome != proto.Finished {
		t.Fatalf("%+v\n%s", plan.result, plan.log)
	}
	apply := p.end(t, p.apply("run-1", plan, nil, func(a *proto.Apply) { secrets(&a.Phase) }))
	log := string(apply.log)
	if apply.result.Outcome != proto.Finished {
		t.Fatalf("%+v\n%s", apply.result, log)
	}
	for _, words := range []string{"variable-secret", "dmFyaWFibGUtc2VjcmV0", "hidden-value", "file-secret", "run-token-1234567890", "planted-in-the-server", "SERVER_SECRET", "/etc/evil", "TF_DATA_DIR", "secret-key-material"} {
		if strings.Contains(log, words) {
			t.Errorf("the log has %q:\n%s", words, log)
		}
	}
	for _, words := range []string{"SHOWN=shown-value", "HIDDEN=***", "var: ***", "TF_WORKSPACE=prod", "end"} {
		if !strings.Contains(log, words) {
			t.Errorf("the log has no %q:\n%s", words, log)
		}
	}
}

// TestAKeyWorksAsItWasPasted: ssh wants a line feed at the end and no carriage returns, and git
// takes its command apart as a shell does.
func TestAKeyWorksAsItWasPasted(t *testing.T) {
	p := newPlace(t)
	p.worker.Dir = filepath.Join(p.worker.Dir, "a folder")
	p.start()
	script := `
resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "eval \"set -- $GIT_SSH_COMMAND\"; tail -c 6 \"$3\" | od -An -c; printf 'returns: '; tr -cd '\\r' < \"$3\" | wc -c"
  }
}
`
	for name, key := range map[string]string{"cut": "-----BEGIN KEY-----\nx\n-----END KEY-----", "windows": "-----BEGIN KEY-----\r\nx\r\n-----END KEY-----\r\n", "whole": "-----BEGIN KEY-----\nx\n-----END KEY-----\n"} {
		run := "run-" + name
		plan := p.planOf(run, map[string]string{"main.tf": script}, func(s *proto.Plan) { s.SSHKey = key })
		apply := p.end(t, p.apply(run, plan, nil, func(a *proto.Apply) { a.SSHKey = key }))
		log := strings.Join(strings.Fields(string(apply.log)), " ")
		if want := `(local-exec): - - - - - \n`; apply.result.Outcome != proto.Finished || !strings.Contains(log, want) || !strings.Contains(log, "returns: 0") {
			t.Errorf("%s: apply = %+v, want %q and no returns in its log:\n%s", name, apply.result, want, apply.log)
		}
	}
}

func TestSecretsAreNotKeptOnDisk(t *testing.T) {
	p := newPlace(t).start()
	p.planOf("run-1", map[string]string{"main.tf": "variable \"s\" {}\nresource \"terraform_data\" \"x\" {}"}, func(s *proto.Plan) {
		s.Variables = []proto.Variable{{Key: "s", Value: "variable-secret", Sensitive: true}}
	})
	p.stop()
	if left := p.folders(); len(left) != 1 {
		t.Fatalf("folders = %v, want that of the plan", left)
	}
	if _, err := os.Stat(p.worker.Dir + "/jobs/run-1/run/own"); err == nil {
		t.Error("the folder with the secrets of a plan stays")
	}
}

// TestAnotherExecutorAppliesThePlan: nothing of the plan's folder is there.
func TestAnotherExecutorAppliesThePlan(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": ten})
	other := newPlace(t).start()
	apply := other.end(t, other.apply("run-1", plan, archive, nil))
	if apply.result.Outcome != proto.Finished || applyResult(t, apply).Add != 10 {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
}

// TestAStateThatMovedOnIsNotOverwritten: the folder of the plan has the old one.
func TestAStateThatMovedOnIsNotOverwritten(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": ten})
	first := p.end(t, p.apply("run-1", plan, archive, nil))
	inputs := map[string][]byte{proto.Archive: tgz(t, map[string]string{"main.tf": ten + "resource \"terraform_data\" \"more\" {}"}), proto.StateIn: first.outputs[proto.StateFinal]}
	spec := proto.Plan{Phase: phase("run-2"), Refresh: true}
	spec.HasState = true
	second := p.plan("plan-run-2", spec, inputs)
	if r := planResult(t, second); r.Add != 1 || r.Change != 0 {
		t.Fatalf("plan = %+v\n%s", second.result, second.log)
	}
	moved := bytes.Replace(first.outputs[proto.StateFinal], []byte(`"serial": 1,`), []byte(`"serial": 7,`), 1)
	if bytes.Equal(moved, first.outputs[proto.StateFinal]) {
		moved = bytes.Replace(moved, []byte(`"serial": `), []byte(`"serial": 7`), 1)
	}
	p.add(t, proto.KindApply, "apply-run-2", proto.Apply{Phase: spec.Phase, PlanJobID: "plan-run-2"}, map[string][]byte{proto.Archive: inputs[proto.Archive], proto.StateIn: moved, proto.PlanFile: second.outputs[proto.PlanFile]})
	apply := p.end(t, "apply-run-2")
	if apply.result.Outcome != proto.Errored || !strings.Contains(string(apply.log), "stale") || strings.Contains(string(apply.outputs[proto.StateFinal]), `"more"`) {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
}
