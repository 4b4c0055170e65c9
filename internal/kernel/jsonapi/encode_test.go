package jsonapi_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

func TestEncodeWritesEveryPart(t *testing.T) {
	doc := jsonapi.Document{
		Data: []jsonapi.Resource{{
			ID: "ws-1", Type: "workspaces", Attributes: struct {
				Name string `json:"name"`
			}{"a <b> & \"c\""},
			Relationships: jsonapi.Relationships{
				"project": jsonapi.ToOneAt("projects", "prj-1", "/api/v2/projects/prj-1"),
				"none":    jsonapi.ToOne("runs", ""),
				"many":    jsonapi.ToMany("tags", []string{"tag-1", "tag-2"}),
				"empty":   jsonapi.ToMany("tags", nil),
				"vars":    jsonapi.Related("/api/v2/workspaces/ws-1/vars"),
			},
			Links: jsonapi.Self("/api/v2/workspaces/ws-1"),
		}},
		Included: []jsonapi.Resource{{ID: "prj-1", Type: "projects"}},
		Links:    map[string]any{"next": nil},
		Meta:     map[string]any{"total": 1},
	}
	var got bytes.Buffer
	if err := doc.Encode(&got); err != nil {
		t.Fatal(err)
	}
	const want = `{"data":[{"id":"ws-1","type":"workspaces","attributes":{"name":"a <b> & \"c\""},"relationships":{` +
		`"empty":{"data":[]},"many":{"data":[{"id":"tag-1","type":"tags"},{"id":"tag-2","type":"tags"}]},"none":{"data":null},` +
		`"project":{"data":{"id":"prj-1","type":"projects"},"links":{"related":"/api/v2/projects/prj-1"}},` +
		`"vars":{"links":{"related":"/api/v2/workspaces/ws-1/vars"}}},"links":{"self":"/api/v2/workspaces/ws-1"}}],` +
		`"included":[{"id":"prj-1","type":"projects"}],"links":{"next":null},"meta":{"total":1}}` + "\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	if err := (jsonapi.Document{Data: func() {}}).Encode(&got); err == nil {
		t.Error("Encode of what has no JSON form: want an error")
	}
}

// TestEncodedTextComesBack tries names and ids of all kinds of characters.
func TestEncodedTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, name, address := rapid.String().Draw(t, "id"), rapid.String().Draw(t, "name"), rapid.StringN(1, -1, -1).Draw(t, "address")
		doc := jsonapi.Document{Data: jsonapi.Resource{ID: id, Type: "t", Relationships: jsonapi.Relationships{name: jsonapi.Related(address)}}}
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Data struct {
				ID            string
				Relationships map[string]struct{ Links struct{ Related string } }
			}
		}
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if back.Data.ID != id || back.Data.Relationships[name].Links.Related != address {
			t.Errorf("%s came back as %+v, want %q, %q, %q", b, back.Data, id, name, address)
		}
	})
}
