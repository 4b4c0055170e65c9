package classify

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// laboratory is where plans of both engines lie that were made in the design study.
const laboratory = "../../../../shared/fixtures/drift"

func lab(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(laboratory, name))
	if os.IsNotExist(err) {
		t.Skip("the laboratory's plans are not beside this checkout (../shared/fixtures/drift)")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plan(t *testing.T, b []byte, o Options) Result {
	t.Helper()
	r, err := Plan(bytes.NewReader(b), o)
	if err != nil {
		t.Fatalf("Plan = %v", err)
	}
	return r
}

// lines are findings as one reads them.
func lines(list []Finding) []string {
	out := []string{}
	for _, f := range list {
		s := f.String()
		if f.Masked {
			s += " masked"
		}
		out = append(out, s)
	}
	return out
}

func TestTheLaboratorysPlans(t *testing.T) {
	for name, want := range map[string]struct {
		drifted, undrifted int
		findings           []string
	}{
		"a-clean":           {0, 6, nil},
		"b-drift":           {1, 5, []string{"aws_security_group.web ingress: drift"}},
		"c-config-only":     {0, 6, []string{"aws_security_group.web ingress: pending-config"}},
		"e-ignore-changes":  {0, 6, []string{"aws_security_group.other tags.env: state-only"}},
		"f-deleted":         {1, 5, []string{"aws_security_group.web: deleted"}},
		"h-adopted-in-code": {0, 6, []string{"aws_security_group.web ingress: state-only"}},
		"i-drift-and-config": {1, 5, []string{
			"aws_security_group.web ingress: pending-config", "aws_security_group.web tags.owner: drift"}},
		"j-computed-feeds-other": {1, 5, []string{
			"aws_db_instance.db platform_version: drift-feeds", "aws_db_instance.user name: pending-config"}},
		"k-module-foreach": {1, 5, []string{`module.net.aws_security_group.n["b"] tags.team: drift`}},
		"g-sensitive-replace-check": {1, 5, []string{
			"aws_db_instance.db engine: drift", "aws_db_instance.db password: drift masked",
			"aws_db_instance.db platform_version: drift-feeds", "aws_db_instance.user name: pending-config"}},
		"d-computed-noise": {0, 6, []string{
			"aws_db_instance.db latest_restorable_time: state-only", "aws_db_instance.user latest_restorable_time: state-only",
			"aws_security_group.other latest_restorable_time: state-only", "aws_security_group.web latest_restorable_time: state-only",
			`module.net.aws_security_group.n["a"] latest_restorable_time: state-only`,
			`module.net.aws_security_group.n["b"] latest_restorable_time: state-only`}},
	} {
		t.Run(name, func(t *testing.T) {
			prints := map[string]bool{}
			for _, engine := range []string{"tofu", "terraform"} {
				r := plan(t, lab(t, name+"."+engine+".normal.json"), Options{})
				if diff := cmp.Diff(append([]string{}, want.findings...), lines(r.Findings)); diff != "" {
					t.Errorf("findings of %s (-want +got):\n%s", engine, diff)
				}
				if r.Drifted != want.drifted || r.Undrifted != want.undrifted || r.Resources != want.drifted+want.undrifted {
					t.Errorf("%s: %d drifted, %d undrifted of %d, want %d and %d", engine, r.Drifted, r.Undrifted, r.Resources, want.drifted, want.undrifted)
				}
				prints[FingerprintAll([]byte("k"), "c", "f", r.Findings)] = true
				for _, f := range r.Findings {
					leaks(t, f, "s3cret", "changed-by-hand")
				}
			}
			if len(prints) != 1 {
				t.Errorf("the engines' plans have fingerprints %v, want one", prints)
			}
		})
	}
}

// TestAnUnknownCheckIsAskedAgain: a check whose operand is to be replaced is unknown until a
// refresh-only plan evaluates it.
func TestAnUnknownCheckIsAskedAgain(t *testing.T) {
	for _, engine := range []string{"tofu", "terraform"} {
		r := plan(t, lab(t, "g-sensitive-replace-check."+engine+".normal.json"), Options{})
		if !r.NeedsRefresh() {
			t.Errorf("%s: NeedsRefresh = false, want true: %v", engine, r.Checks)
		}
		before := lines(r.Findings)
		if err := r.Refresh(bytes.NewReader(lab(t, "g-sensitive-replace-check."+engine+".refresh.json"))); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, c := range r.Checks {
			got[c.Address] = c.Status + " " + strings.Join(c.Problems, ";")
		}
		want := map[string]string{"check.lookup": "fail lookup is down", "check.pv": "fail platform version is v2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: checks (-want +got):\n%s", engine, diff)
		}
		if r.NeedsRefresh() {
			t.Errorf("%s: NeedsRefresh after the refresh = true", engine)
		}
		if diff := cmp.Diff(before, lines(r.Findings)); diff != "" {
			t.Errorf("%s: the refresh changed findings:\n%s", engine, diff)
		}
	}
}
