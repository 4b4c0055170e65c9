package jsonapi

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOptTellsAbsentFromNull(t *testing.T) {
	var in In[struct {
		A, B, C Opt[string]
	}]
	if err := json.Unmarshal([]byte(`{"data":{"attributes":{"B":null,"C":"x"}}}`), &in); err != nil {
		t.Fatal(err)
	}
	a := in.Data.Attributes
	if a.A.Set || !a.B.Set || !a.B.Null || !a.C.Set || a.C.Null || a.C.V != "x" {
		t.Errorf("got %+v, want A absent, B null, C x", a)
	}
	value := "old"
	ptr := &value
	a.A.IntoPtr(&ptr)
	if ptr == nil {
		t.Error("an absent attribute changed the value")
	}
	if a.B.IntoPtr(&ptr); ptr != nil {
		t.Errorf("null left %q", *ptr)
	}
	if a.C.IntoPtr(&ptr); ptr == nil || *ptr != "x" || value != "old" {
		t.Errorf("got %v and %q, want a new x", ptr, value)
	}
}

func TestRelationshipsOfARequest(t *testing.T) {
	var in In[struct{}]
	doc := `{"data":{"relationships":{
		"one":{"data":{"type":"projects","id":"prj-1"}}, "none":{"data":null}, "empty":{"data":[]}, "unsent":{},
		"many":{"data":[{"type":"tags","id":"tag-1"},{"type":"tags","attributes":{"name":"x"}}]}}}}`
	if err := json.Unmarshal([]byte(doc), &in); err != nil {
		t.Fatal(err)
	}
	if ref, named := in.Data.One("one"); !named || ref != (Ref{"projects", "prj-1"}) {
		t.Errorf("one = %v, %v", ref, named)
	}
	if ref, named := in.Data.One("none"); !named || ref != (Ref{}) {
		t.Errorf("none = %v, %v", ref, named)
	}
	for _, name := range []string{"unsent", "absent"} {
		if _, named := in.Data.Many(name); named {
			t.Errorf("%s was not sent", name)
		}
	}
	if list, named := in.Data.Many("empty"); !named || len(list) != 0 {
		t.Errorf("empty = %v, %v", list, named)
	}
	list, _ := in.Data.Many("many")
	if len(list) != 2 || string(list[1].Attributes) != `{"name":"x"}` {
		t.Errorf("many = %+v", list)
	}
	if _, other := IDs(list, "workspaces"); other == nil || other.ID != "tag-1" {
		t.Errorf("IDs found no member of another type")
	}
}

func TestEmptyRelationshipsAreNotNull(t *testing.T) {
	b, err := json.Marshal(Relationships{"a": ToOne("x", ""), "b": ToMany("y", nil)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"a":{"data":null},"b":{"data":[]}}`, string(b)); diff != "" {
		t.Error(diff)
	}
}
