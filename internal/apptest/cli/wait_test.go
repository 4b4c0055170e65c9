package cli_test

import (
	"os"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
)

// waitFor waits until a file exists: another process makes it.
func waitFor(t *testing.T, file string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s did not appear within a minute", file)
		}
	}
}

// runToken mints what a run of the workspace would get.
func (st *stage) runToken(workspaceID string) string {
	st.T.Helper()
	return st.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &workspaceID})
}
