package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// read returns the document of r, which must be valid OpenAPI.
func read(t *testing.T, r *Router) *openapi3.T {
	t.Helper()
	b, err := r.Document()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("the document is not valid OpenAPI: %v", err)
	}
	return doc
}

func TestDocumentHasEveryRouteAndNothingElse(t *testing.T) {
	r, _ := newServer(t)
	nothing := func(http.ResponseWriter, *http.Request) error { return nil }
	r.Raw("PUT /things/{thing}/parts/{path...}", authz.Anyone, nothing)
	r.Raw("GET /things/{other}/parts/{rest...}", authz.SignedIn, nothing)
	doc := read(t, r)
	var got []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /api/v2/things/{id}", "GET /_archivist/v1/object/{token}", "GET /api/v2/things/{id}", "GET /api/v2/things/{id}/all",
		"GET /api/v2/things/{thing}/parts/{path}", "PATCH /api/v2/things/{id}", "PATCH /api/v2/things/{id}/relationships/friends",
		"PUT /_archivist/v1/object/{token}", "PUT /api/v2/things/{thing}/parts/{path}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func TestDocumentTellsWhatARouteTakesAndGives(t *testing.T) {
	r, _ := newServer(t)
	doc := read(t, r)
	list := doc.Paths.Value("/api/v2/things/{id}/all").Get
	var names []string
	for _, p := range list.Parameters {
		names = append(names, p.Value.In+" "+p.Value.Name)
	}
	if diff := cmp.Diff([]string{"path id", "query page[number]", "query page[size]", "query filter[name]", "query include", "query fields"}, names); diff != "" {
		t.Errorf("parameters of the list (-want +got):\n%s", diff)
	}
	if !strings.Contains(list.Description, "read-organization") || list.Tags[0] != "things" || list.OperationID != "getThingsByIdAll" {
		t.Errorf("list = %q, %q, %q, want its permission, tag and id", list.Description, list.Tags, list.OperationID)
	}
	ok := list.Responses.Value("200").Value.Content.Get(jsonapi.MediaType).Schema.Value
	if items := ok.Properties["data"].Value.Items; items.Ref != "#/components/schemas/things" {
		t.Errorf("items of the list = %q, want the type things", items.Ref)
	}
	update := doc.Paths.Value("/api/v2/things/{id}").Patch
	data := update.RequestBody.Value.Content.Get(jsonapi.MediaType).Schema.Value.Properties["data"].Value
	name := data.Properties["attributes"].Value.Properties["name"].Value
	if !name.Type.Is("string") || !name.Nullable || !update.RequestBody.Value.Required || data.Properties["type"].Value.Enum[0] != "things" {
		t.Errorf("name of the update = %+v, required %v, type %v", name, update.RequestBody.Value.Required, data.Properties["type"].Value.Enum)
	}
	gone := doc.Paths.Value("/api/v2/things/{id}").Delete.Responses
	if gone.Value("204") == nil || gone.Value("204").Value.Content != nil || gone.Default() == nil {
		t.Errorf("answers of the deletion = %v, want 204 without content, and errors", gone.Map())
	}
	object := doc.Paths.Value("/_archivist/v1/object/{token}").Get
	if object.Security == nil || len(*object.Security) != 0 || list.Security != nil {
		t.Errorf("security of the object and the list = %v, %v, want none and the document's", object.Security, list.Security)
	}
}

func TestTheDocumentIsServedToAnyone(t *testing.T) {
	r, web := newServer(t)
	r.ServeDocument()
	r.Raw("GET /registered/later", authz.Anyone, func(http.ResponseWriter, *http.Request) error { return nil })
	status, body, header := send(t, web, "GET", "/api/v2/openapi.json", "", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal([]byte(body), &doc); status != 200 || err != nil || header.Get("Content-Type") != "application/json" {
		t.Fatalf("GET openapi.json = %d %s, %v", status, header, err)
	}
	if doc.OpenAPI != "3.0.3" || doc.Paths["/api/v2/registered/later"] == nil || doc.Paths["/api/v2/openapi.json"] == nil {
		t.Errorf("the document has version %q and %d paths, want all", doc.OpenAPI, len(doc.Paths))
	}
}

type tree struct {
	Name     string  `json:"name"`
	Children []*tree `json:"children,omitempty"`
}

type inner struct {
	Inner bool `json:"inner"`
}

type Absent struct {
	Absent bool `json:"absent"`
}

type every struct {
	inner
	*Absent
	Text     string              `json:"text"`
	Left     string              `json:"left,omitempty"`
	Maybe    *int                `json:"maybe"`
	At       db.Time             `json:"at"`
	MaybeAt  *db.Time            `json:"maybe-at"`
	Std      time.Time           `json:"std"`
	Opt      jsonapi.Opt[string] `json:"opt"`
	OptAt    jsonapi.Opt[db.Time]
	Secret   crypt.Secret            `json:"secret"`
	Hidden   string                  `json:"-"`
	Bytes    []byte                  `json:"bytes"`
	Raw      json.RawMessage         `json:"raw"`
	Any      any                     `json:"any"`
	Map      map[string][]float64    `json:"map"`
	Wrapped  db.JSON[map[string]int] `json:"wrapped"`
	Tree     tree                    `json:"tree"`
	unlisted int
}

func TestSchemasFollowTheJSON(t *testing.T) {
	_ = every{}.unlisted
	got, err := json.Marshal(schemaOf(reflect.TypeFor[every]()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"object","properties":{
		"inner":{"type":"boolean"},"absent":{"type":"boolean"},"text":{"type":"string"},"left":{"type":"string"},"maybe":{"type":"integer","nullable":true},
		"at":{"type":"string","format":"date-time"},"maybe-at":{"type":"string","format":"date-time","nullable":true},
		"std":{"type":"string","format":"date-time"},"opt":{"type":"string","nullable":true},"OptAt":{"type":"string","format":"date-time","nullable":true},
		"secret":{"type":"string","writeOnly":true},"bytes":{"type":"string","format":"byte"},"raw":{"nullable":true},"any":{"nullable":true},
		"map":{"type":"object","additionalProperties":{"type":"array","items":{"type":"number"}}},
		"wrapped":{"type":"object","additionalProperties":{"type":"integer"}},
		"tree":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"nullable":true}}},"required":["name"]}},
		"required":["OptAt","any","at","bytes","inner","map","maybe","maybe-at","opt","raw","secret","std","text","tree","wrapped"]}`
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	request, _ := json.Marshal(schemaOf(reflect.TypeFor[every]()).asRequest())
	if strings.Contains(string(request), "required") {
		t.Errorf("schema of a request = %s, want nothing required", request)
	}
}

func TestOperationIDsAreUnique(t *testing.T) {
	r, _ := newServer(t)
	seen := map[string]string{}
	Read(r, "/things-of/{id}", authz.ReadOrg, find)
	Read(r, "/organizations/{organization}/things/{name}", authz.ReadOrg, Both(func(ctx context.Context, _, id string) (thing, error) { return find(ctx, id) }))
	for path, item := range read(t, r).Paths.Map() {
		for method, op := range item.Operations() {
			if other, ok := seen[op.OperationID]; ok {
				t.Errorf("%s %s and %s are both %s", method, path, other, op.OperationID)
			}
			seen[op.OperationID] = method + " " + path
		}
	}
}
