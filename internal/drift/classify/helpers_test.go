package classify

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

type doc = map[string]any

// parts is a plan of small parts.
type parts struct {
	drift, changes, deferred, relevant, checks []any
	outputs, configuration                     doc
	managed                                    int
	more                                       doc
}

// json writes the plan as the engines do.
func (p parts) json(t testing.TB) []byte {
	t.Helper()
	resources := make([]any, p.managed)
	for i := range resources {
		resources[i] = doc{"mode": "managed", "address": fmt.Sprint("x.", i)}
	}
	whole := doc{"format_version": "1.2", "terraform_version": "1.11.4",
		"prior_state": doc{"values": doc{"root_module": doc{"resources": resources}}}}
	for name, list := range map[string][]any{"resource_drift": p.drift, "resource_changes": p.changes, "deferred_changes": p.deferred,
		"relevant_attributes": p.relevant, "checks": p.checks} {
		if list != nil {
			whole[name] = list
		}
	}
	if p.outputs != nil {
		whole["output_changes"] = p.outputs
	}
	if p.configuration != nil {
		whole["configuration"] = p.configuration
	}
	maps.Copy(whole, p.more)
	b, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entry is an element of resource_drift or resource_changes.
func entry(address string, action string, before, after any, more ...doc) doc {
	typ, name, _ := strings.Cut(address[strings.LastIndex(address, "module.")+1:], ".")
	actions := []any{}
	for a := range strings.SplitSeq(action, ",") {
		actions = append(actions, a)
	}
	c := doc{"actions": actions, "before": before, "after": after}
	out := doc{"address": address, "mode": "managed", "type": typ, "name": name, "provider_name": "registry.terraform.io/hashicorp/aws", "change": c}
	for _, m := range more {
		for k, v := range m {
			switch k {
			case "deposed", "previous_address", "mode":
				out[k] = v
			default:
				c[k] = v
			}
		}
	}
	return out
}

func list(entries ...any) []any { return entries }

// leaks fails if a form of the finding that may leave memory holds one of the secrets.
func leaks(t testing.TB, f Finding, secrets ...string) {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	object, err := json.Marshal([]any{f.Object, f.Block})
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
