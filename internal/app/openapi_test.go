package app_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestTheDocumentDescribesTheServer(t *testing.T) {
	s := apptest.Start(t)
	r := s.Do("GET", "/api/v2/openapi.json", "", nil)
	doc, err := openapi3.NewLoader().LoadFromData(r.Body)
	if err != nil || r.Status != 200 {
		t.Fatalf("GET openapi.json = %d, %v", r.Status, err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid OpenAPI: %v", err)
	}
	ids, operations := map[string]bool{}, 0
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			operations++
			if ids[op.OperationID] {
				t.Errorf("two operations are called %s", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	if routes := s.App.Router.Routes(); operations != len(routes) {
		t.Errorf("the document has %d operations, the server %d routes", operations, len(routes))
	}
	for _, route := range s.App.Router.Routes() {
		if id := route.Answer; id != "" && doc.Components.Schemas[id] == nil {
			t.Errorf("%s %s answers with %s, which the document does not describe", route.Method, route.Path, id)
		}
		if strings.HasPrefix(route.Path, "/api/v2/") && route.Status == 0 {
			t.Errorf("%s %s has no status of success", route.Method, route.Path)
		}
	}
	t.Logf("%d operations, %d bytes", operations, len(r.Body))
}
