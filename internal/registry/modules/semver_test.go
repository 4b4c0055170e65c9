package modules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-version"
	"pgregory.net/rapid"
)

// TestSortKeysHaveTheOrderOfVersions compares the keys with the order that command lines use.
func TestSortKeysHaveTheOrderOfVersions(t *testing.T) {
	part := rapid.OneOf(rapid.StringMatching(`0|[1-9][0-9]{0,5}`), rapid.StringMatching(`[a-c][a-c0-9]{0,2}`))
	text := rapid.Custom(func(t *rapid.T) string {
		number := rapid.StringMatching(`0|[1-9][0-9]{0,2}`)
		v := fmt.Sprintf("%s.%s.%s", number.Draw(t, "major"), number.Draw(t, "minor"), number.Draw(t, "patch"))
		if parts := rapid.SliceOfN(part, 0, 3).Draw(t, "prerelease"); len(parts) > 0 {
			v += "-" + strings.Join(parts, ".")
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		keyA, errA := sortKey(a)
		keyB, errB := sortKey(b)
		if errA != nil || errB != nil {
			t.Fatalf("sortKey = %v, %v", errA, errB)
		}
		want := version.Must(version.NewVersion(a)).Compare(version.Must(version.NewVersion(b)))
		if got := cmp.Compare(keyA, keyB); got != want {
			t.Errorf("order of %s and %s = %d, want %d (%s, %s)", a, b, got, want, keyA, keyB)
		}
	})
}

func TestOrderOnThePageOfSemver(t *testing.T) {
	want := []string{"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0+build", "2.0.0", "10.0.0"}
	got := slices.Clone(want)
	slices.Reverse(got)
	keys := map[string]string{}
	for _, v := range got {
		key, err := sortKey(v)
		if err != nil {
			t.Fatal(err)
		}
		keys[v] = key
	}
	slices.SortFunc(got, func(a, b string) int { return compare(keys[a], a, keys[b], b) })
	if !slices.Equal(want, got) {
		t.Errorf("order = %v, want %v", got, want)
	}
}
