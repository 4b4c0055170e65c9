package fakecloud_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/remedies/adopt"
)

// TestAdoptingLeavesNoDrift: the code that adopts what somebody changed by hand makes a plan
// without drift and without changes, for at least nine of ten attributes, lists and maps.
func TestAdoptingLeavesNoDrift(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 {
		t.Skip("neither tofu nor terraform is here: run make engines")
	}
	config := cli.FakeProviderConfig(t)
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			w := world{name: "adopted", situations: slices.DeleteFunc(slices.Concat(attributes, shapes, plans), func(s situation) bool { return s.now != "" || len(s.commands) > 0 })}
			w.adopt(t, cli.NewShell(t, e, "", "", ""), config)
		})
	}
}

func (w world) adopt(t *testing.T, s *cli.Shell, config string) {
	cloud := new(fakecloud.Cloud)
	server := httptest.NewServer(cloud)
	defer server.Close()
	s.Env = append(s.Env, "TF_CLI_CONFIG_FILE="+config, "FAKECLOUD="+server.URL)
	w = w.possible(s)
	w.write(t, s, cloud, false)
	s.Run("init", "-input=false")
	s.Run("apply", "-auto-approve", "-input=false", "-compact-warnings")
	w.happen(t, cloud)
	schemas := []byte(output(s, "providers", "schema", "-json"))
	look := func() classify.Result {
		return classified(t, show(s, "plan", "-out=tfplan", "-input=false", "-lock=false"), classify.Options{Schemas: bytes.NewReader(schemas)})
	}
	var drift []adopt.Finding
	for _, f := range look().Findings {
		if f.Kind.Drifted() {
			drift = append(drift, adopt.Finding{ID: f.String(), Address: f.Address, Path: f.Path, Kind: f.Kind, Masked: f.Masked, Unknown: f.Unknown, Recorded: f.Recorded, Real: f.Real, Wanted: f.Wanted})
		}
	}
	got := adopt.Run(adopt.Code{Files: w.code(t, s), Folder: ".", Tofu: s.Engine.Name == "tofu"}, drift)
	for name, content := range got.Files {
		if strings.Contains(string(content), "s3cret-two") {
			t.Errorf("%s has a secret:\n%s", name, content)
		}
		s.Write(name, string(content))
	}
	w.left(t, s.Engine.Name, drift, got, look().Findings)
}

// code reads the configuration of the folder.
func (w world) code(t *testing.T, s *cli.Shell) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(s.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".tf" || strings.Contains(path, ".terraform") {
			return err
		}
		name, err := filepath.Rel(s.Dir, path)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// left compares what was adopted with what the next plan says of it. Of objects that
// appeared in an address of drift nothing may be left, if all of it was adopted.
func (w world) left(t *testing.T, engine string, drift []adopt.Finding, got adopt.Result, after []classify.Finding) {
	t.Helper()
	still := map[string]bool{}
	for _, f := range after {
		if f.Kind != classify.StateOnly {
			still[f.Address] = true
		}
	}
	clean, cases := 0, 0
	for i, f := range drift {
		o := got.Outcomes[i]
		if o.Reason == "" && still[f.Address] {
			t.Errorf("%s: adopted, and the next plan changes the object:\n%s", f.ID, got.Files[o.File])
		}
		if f.Kind != classify.Drift || f.Masked { // sensitive values are not known, by intent
			t.Logf("%s: %q", f.ID, o.Reason)
			continue
		}
		if cases++; o.Reason == "" && !still[f.Address] {
			clean++
		} else {
			t.Logf("%s: not adopted: %s", f.ID, o.Reason)
		}
	}
	t.Logf("%s: %d of %d attributes, lists and maps that were changed outside are adopted so that the next plan has neither drift nor changes: %.0f%%", engine, clean, cases, 100*float64(clean)/float64(max(cases, 1)))
	if cases < 40 || 10*clean < 9*cases {
		t.Errorf("%s: %d of %d are adopted, want 90%% of at least 40", engine, clean, cases)
	}
}
