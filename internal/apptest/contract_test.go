package apptest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

const pets = `{"openapi":"3.0.0","info":{"title":"pets","version":"1"},"paths":{"/pets/{pet_id}":{"get":{"responses":{
	"200":{"description":"a pet","content":{"application/vnd.api+json":{"schema":{"type":"object","required":["data"],"properties":{"data":{
		"type":"object","properties":{"type":{"type":"string","enum":["pets"]},"attributes":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"age":{"type":"integer"}}}}}}}}}},
	"default":{"description":"errors","content":{"application/vnd.api+json":{"schema":{"type":"object","required":["errors"]}}}}}}}}}`

func TestAnAnswerIsJudgedByItsOperation(t *testing.T) {
	c, err := newContract("pets", "/api/v2", []byte(pets))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path   string
		status int
		body   string
		want   []string
	}{
		{"/api/v2/pets/1", 200, `{"data":{"type":"pets","attributes":{"name":"Rex","age":3,"more":true}}}`, nil},
		{"/api/v2/pets/1", 200, `{"data":{"type":"pets","attributes":{"age":"old"}}}`,
			[]string{`/data/attributes/age: value must be an integer`, `/data/attributes/name: property "name" is missing`}},
		{"/api/v2/pets/1", 200, `{"data":{"type":"cats"}}`, []string{`/data/type: value is not one of the allowed values ["pets"]`}},
		{"/api/v2/pets/1", 201, `{}`, []string{"the status of success is not 200"}},
		{"/api/v2/pets/1", 404, `{"errors":[]}`, nil},
		{"/api/v2/pets/1", 404, `{"error":"gone"}`, []string{`/errors: property "errors" is missing`}},
		{"/api/v2/pets/1", 200, `{`, []string{"the body is no JSON: unexpected end of JSON input"}},
		{"/api/v2/pets/1?fields[pets]=age", 200, `{"data":{"type":"pets","attributes":{}}}`, nil},
		{"/api/v2/cats/1", 200, `{"data":3}`, nil}, // not described
	} {
		answer := &listener{ResponseWriter: httptest.NewRecorder()}
		answer.Header().Set("Content-Type", jsonapi.MediaType)
		answer.WriteHeader(test.status)
		_, _ = answer.Write([]byte(test.body))
		got := c.judge(httptest.NewRequest(http.MethodGet, test.path, nil), answer)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("judge(%s, %d, %s) (-want +got):\n%s", test.path, test.status, test.body, diff)
		}
	}
}

func TestCorrectionsChangeWhatTheySay(t *testing.T) {
	doc := `{"paths":{"/a/b":{"list":[{"enum":["x"]}]}},"gone":1}`
	got, err := corrected([]byte(doc), []byte(`[{"because":"y too","at":"/paths/~1a~1b/list/0/enum","value":["x","y"]},{"because":"not there","at":"/gone"},{"because":"z","at":"/paths/~1a~1b/list/0/enum/-","value":"z"}]`))
	if want := `{"paths":{"/a/b":{"list":[{"enum":["x","y","z"]}]}}}`; err != nil || string(got) != want {
		t.Errorf("corrected = %s, %v, want %s", got, err, want)
	}
	for _, useless := range []string{`{"because":"same","at":"/gone","value":1}`, `{"at":"/gone"}`, `{"because":"no place","at":"/paths/nowhere/at/all","value":1}`} {
		if _, err := corrected([]byte(doc), []byte("["+useless+"]")); err == nil || !strings.Contains(err.Error(), "contract") {
			t.Errorf("corrected(%s) = %v, want an error", useless, err)
		}
	}
}

// TestTheContractIsThere says whether this run judged answers by the document of HCP
// Terraform: a run that did not proves less.
func TestTheContractIsThere(t *testing.T) {
	c := foreignContract(t)
	if c == nil {
		t.Skip(NoContract)
	}
	if len(c.operations) < 300 {
		t.Errorf("the document describes %d operations, want 300 or more", len(c.operations))
	}
	for body, wrong := range map[string]bool{
		`{"data":{"id":"ws-1","type":"workspaces","attributes":{"name":"net","locked":false}}}`: false,
		`{"data":{"id":"ws-1","type":"runs","attributes":{"name":"net"}}}`:                      true,
		`{"data":{"id":"ws-1","type":"workspaces","attributes":{"locked":"no"}}}`:               true,
	} {
		answer := &listener{ResponseWriter: httptest.NewRecorder()}
		answer.Header().Set("Content-Type", jsonapi.MediaType)
		answer.WriteHeader(http.StatusOK)
		_, _ = answer.Write([]byte(body))
		complaints := c.judge(httptest.NewRequest(http.MethodGet, "/api/v2/organizations/acme/workspaces/net", nil), answer)
		if (len(complaints) > 0) != wrong {
			t.Errorf("judge(%s) = %q, want complaints: %v", body, complaints, wrong)
		}
	}
}
