package id

import (
	"strings"
	"testing"
)

func TestIDsAreDistinctAndValid(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		s := New("ws")
		if seen[s] || len(s) != 19 || !Valid("ws", s) || Valid("run", s) {
			t.Fatalf("New = %q: twice, or not valid", s)
		}
		seen[s] = true
	}
}

func TestRandomUsesTheWholeAlphabet(t *testing.T) {
	s := Random(20_000)
	for _, c := range alphabet {
		// 20,000 draws of 62 letters: 322 expected each, a standard deviation of 18.
		if n := strings.Count(s, string(c)); n < 200 || n > 450 {
			t.Errorf("%q occurs %d times in %d characters", c, n, len(s))
		}
	}
}

func TestValidRefusesWhatIsNoID(t *testing.T) {
	for _, s := range []string{"", "ws", "ws-", "ws-a b", "ws-a/b", "ws-ä", "run-abc"} {
		if Valid("ws", s) {
			t.Errorf("Valid(ws, %q) = true", s)
		}
	}
}
