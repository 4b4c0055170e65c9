package classify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// leaks fails if a form of the finding that may leave memory holds one of the secrets.
func leaks(t *testing.T, f Finding, secrets ...string) {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	object, err := json.Marshal(f.Object)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b) + string(object) + fmt.Sprintf("%v %+v %s", f, f, f)
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s holds the secret %q: %s", f, s, text)
		}
	}
}
