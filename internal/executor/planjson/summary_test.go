package planjson

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/executor/proto"
)

func TestSummarize(t *testing.T) {
	resource := func(mode, rest string, actions string) string {
		return fmt.Sprintf(`{"address":"a","mode":%q%s,"change":{"actions":[%s]}}`, mode, rest, actions)
	}
	for _, c := range []struct {
		name, plan string
		want       Summary
	}{
		{"nothing", `{"terraform_version":"1.2.3","resource_changes":[` + resource("managed", "", `"no-op"`) + `]}`, Summary{EngineVersion: "1.2.3"}},
		{"each action", `{"resource_changes":[` + strings.Join([]string{resource("managed", "", `"create"`), resource("managed", "", `"update"`), resource("managed", "", `"delete"`), resource("managed", "", `"delete","create"`), resource("managed", "", `"create","delete"`)}, ",") + `]}`,
			Summary{Counts: proto.Counts{Add: 3, Change: 1, Destroy: 3}, Changes: true}},
		{"a data source is read", `{"resource_changes":[` + resource("data", "", `"read"`) + `]}`, Summary{Changes: true}},
		{"moved", `{"resource_changes":[` + resource("managed", `,"previous_address":"b"`, `"no-op"`) + `]}`, Summary{Changes: true}},
		{"forgotten", `{"resource_changes":[` + resource("managed", "", `"forget"`) + `]}`, Summary{Changes: true}},
		{"imported", `{"resource_changes":[{"mode":"managed","change":{"actions":["no-op"],"importing":{"id":"x"}}},{"mode":"managed","change":{"actions":["no-op"],"importing":null}}]}`, Summary{Counts: proto.Counts{Import: 1}, Changes: true}},
		{"an output", `{"output_changes":{"a":{"actions":["no-op"]},"b":{"actions":["create"]}}}`, Summary{Changes: true}},
		{"outputs as they were", `{"output_changes":{"a":{"actions":["no-op"]}}}`, Summary{}},
		{"actions invoked", `{"action_invocations":[{"address":"action.x.y"}]}`, Summary{Counts: proto.Counts{ActionInvoke: 1}, Changes: true}},
		{"drift", `{"resource_drift":[` + resource("managed", "", `"update"`) + `],"errored":true}`, Summary{Drift: true, Errored: true}},
		{"ephemeral variables", `{"variables":{"a":{"value":1},"default":{"value":2}},"configuration":{"provider_config":{"x":[{}]},"root_module":{"outputs":{},"variables":{"z":{},"a":{},"default":{"default":2},"e":{"ephemeral":true}}}}}`,
			Summary{Unsaved: []string{"e", "z"}}},
		{"moved is no drift", `{"resource_drift":[` + resource("managed", `,"previous_address":"b"`, `"no-op"`) + `]}`, Summary{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Summarize(strings.NewReader(c.plan))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got.HasChanges(false) != c.want.Changes || got.HasChanges(true) != (c.want.Changes || c.want.Drift) {
				t.Errorf("HasChanges = %v, refresh-only %v", got.HasChanges(false), got.HasChanges(true))
			}
		})
	}
	if _, err := Summarize(strings.NewReader(`{"resource_changes":[`)); err == nil {
		t.Error("half a plan is taken")
	}
}

// TestSummariesOfRealEngines: -detailed-exitcode of the engine says whether there is
// something to apply.
func TestSummariesOfRealEngines(t *testing.T) {
	const folder = "../../../../shared/fixtures/drift"
	codes, err := os.ReadFile(filepath.Join(folder, "exitcodes.txt"))
	if err != nil {
		t.Skip("there are no plans of real engines in ../shared/fixtures")
	}
	checked := 0
	for line := range strings.Lines(string(codes)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		plan, err := os.Open(filepath.Join(folder, strings.Join(f[:3], ".")+".json"))
		if err != nil {
			continue
		}
		got, err := Summarize(plan)
		_ = plan.Close()
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if want := f[3] == "2"; got.HasChanges(f[2] == "refresh") != want {
			t.Errorf("%sHasChanges = %v, want %v", line, !want, want)
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("%d plans compared", checked)
	}
}
