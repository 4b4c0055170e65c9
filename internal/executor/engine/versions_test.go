package engine

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestConstraints(t *testing.T) {
	versions := []string{"1.6.0", "1.6.10", "1.6.9", "1.7.0", "1.10.0-rc1", "1.9.3", "2.0.0-alpha1"}
	for want, version := range map[string]string{
		"latest": "1.9.3", "": "1.9.3", "~> 1.6.0": "1.6.10", "~> 1.6": "1.9.3", "= 1.7.0": "1.7.0", "1.7": "1.7.0", "< 1.6.10": "1.6.9", "> 1.6.0, != 1.9.3": "1.7.0",
		">= 2": "", "~> 1.10.0-rc1": "1.10.0-rc1", ">= 1.6, < 1.6.5": "1.6.0",
	} {
		fits, err := constraint(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := newest(versions, fits); got != version {
			t.Errorf("%q resolves to %q, want %q", want, got, version)
		}
	}
	for _, want := range []string{"new", "~> x", "1.2.3.4.5 || 7", "../../etc/passwd"} {
		if _, err := constraint(want); !errors.Is(err, ErrNoVersion) {
			t.Errorf("%q: %v, want ErrNoVersion", want, err)
		}
	}
}

// TestAListOfNonsense: what a mirror lists is not ours to trust. Names that are no versions
// count for nothing, whatever they look like.
func TestAListOfNonsense(t *testing.T) {
	got, err := parseList([]byte(`{"versions": [{"id": "99999999999999999999.0.0"}, {"id": "1.2.3-a..b"}, {"id": "1.2.3-"}, {"id": "../1.2.3"}, {"id": "1.2.3-rc.1"}, {"id": "1.2.3"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.options.Mirrors = map[Product]Mirror{OpenTofu: {}}
	s.lists[OpenTofu] = list{versions: got, at: time.Now()}
	if got, err := s.Versions(t.Context(), OpenTofu); err != nil || !slices.Equal(got, []string{"1.2.3", "1.2.3-rc.1"}) {
		t.Errorf("Versions = %q, %v, want 1.2.3 and its candidate", got, err)
	}
}

// TestNewestFits: what is chosen fits, and nothing that fits is newer, in whatever order
// the mirror lists.
func TestNewestFits(t *testing.T) {
	number := rapid.IntRange(0, 12)
	rapid.Check(t, func(t *rapid.T) {
		triple := rapid.Custom(func(t *rapid.T) [3]int { return [3]int{1, number.Draw(t, "minor"), number.Draw(t, "patch")} })
		all := rapid.SliceOfN(triple, 1, 20).Draw(t, "versions")
		base := triple.Draw(t, "base")
		operator := rapid.SampledFrom([]string{"~>", ">=", "<", "=", "!="}).Draw(t, "operator")
		var names []string
		best := [3]int{-1}
		for _, v := range all {
			names = append(names, text(v))
			if allowed(operator, v, base) && slices.Compare(v[:], best[:]) > 0 {
				best = v
			}
		}
		fits, err := constraint(operator + " " + text(base))
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if best[0] >= 0 {
			want = text(best)
		}
		if got := newest(names, fits); got != want {
			t.Fatalf("%s %s of %v is %q, want %q", operator, text(base), names, got, want)
		}
	})
}

func text(v [3]int) string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// allowed is the meaning of a constraint, written again.
func allowed(operator string, v, base [3]int) bool {
	c := slices.Compare(v[:], base[:])
	switch operator {
	case "~>":
		return c >= 0 && v[1] == base[1]
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	case "=":
		return c == 0
	}
	return c != 0
}
