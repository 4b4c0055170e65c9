package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// document is an OpenAPI 3.0.3 document (spec.openapis.org/oas/v3.0.3).
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       map[string]string               `json:"info"`
	Servers    []map[string]string             `json:"servers"`
	Security   []map[string][]string           `json:"security"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components components                      `json:"components"`
}

type components struct {
	Schemas         map[string]*schema           `json:"schemas"`
	Responses       map[string]response          `json:"responses"`
	SecuritySchemes map[string]map[string]string `json:"securitySchemes"`
}

type operation struct {
	ID          string                 `json:"operationId"`
	Tags        []string               `json:"tags"`
	Summary     string                 `json:"summary"`
	Description string                 `json:"description"`
	Parameters  []parameter            `json:"parameters,omitempty"`
	RequestBody *content               `json:"requestBody,omitempty"`
	Responses   map[string]response    `json:"responses"`
	Security    *[]map[string][]string `json:"security,omitempty"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required,omitempty"`
	Description string  `json:"description,omitempty"`
	Style       string  `json:"style,omitempty"`
	Explode     *bool   `json:"explode,omitempty"`
	Schema      *schema `json:"schema"`
}

type content struct {
	Required bool             `json:"required,omitempty"`
	Content  map[string]media `json:"content"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type response struct {
	Ref         string           `json:"$ref,omitempty"`
	Description string           `json:"description,omitempty"`
	Content     map[string]media `json:"content,omitempty"`
}

// ServeDocument serves the OpenAPI document of all routes, those that are registered
// later included, at /api/v2/openapi.json. It needs no token.
func (r *Router) ServeDocument() {
	made := sync.OnceValues(r.Document)
	r.Raw("GET /openapi.json", authz.Anyone, func(w http.ResponseWriter, _ *http.Request) error {
		b, err := made()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b) // a client that went away is no error of ours
		return nil
	})
}

// Document returns the OpenAPI document of the routes and types that are registered
// so far. It is made of what the adapters know, so it cannot disagree with the code.
func (r *Router) Document() ([]byte, error) {
	doc := document{
		OpenAPI: "3.0.3",
		Info: map[string]string{"title": "Plumbline", "version": apiVersion,
			"description": "The API of Plumbline: that of HCP Terraform, and what Plumbline adds. Documents are JSON:API 1.0."},
		Servers:  []map[string]string{{"url": "/"}},
		Security: []map[string][]string{{"bearer": {}}},
		Paths:    map[string]map[string]operation{},
		Components: components{
			Schemas:         r.schemas(),
			Responses:       map[string]response{"Errors": {Description: "What went wrong.", Content: jsonAPI(refTo("Errors"))}},
			SecuritySchemes: map[string]map[string]string{"bearer": {"type": "http", "scheme": "bearer"}},
		},
	}
	spelled := map[string]string{} // a path without the names of its wildcards → the first spelling of it
	for _, route := range r.routes {
		path := template(route.Path)
		key := anonymous(path)
		if first, ok := spelled[key]; ok {
			path = first
		}
		spelled[key] = path
		if doc.Paths[path] == nil {
			doc.Paths[path] = map[string]operation{}
		}
		doc.Paths[path][strings.ToLower(route.Method)] = r.operation(route, path)
	}
	return json.Marshal(doc)
}

// template is a path of ServeMux as a path of OpenAPI.
func template(path string) string {
	return strings.NewReplacer("...}", "}", "{$}", "").Replace(path)
}

// anonymous takes the names out of the wildcards of a path: OpenAPI holds two paths
// for the same if they differ in those only.
func anonymous(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

func (r *Router) operation(route Route, path string) operation {
	op := operation{
		ID: operationID(route.Method, path), Tags: []string{r.tag(route)}, Summary: summary(route, r.tag(route)),
		Description: needs(route), Parameters: r.parameters(route, path), RequestBody: r.body(route),
		Responses: map[string]response{
			strconv.Itoa(route.Status): r.success(route),
			"default":                  {Ref: "#/components/responses/Errors"},
		},
	}
	if route.Needs == authz.Anyone {
		op.Security = &[]map[string][]string{}
	}
	return op
}

func needs(route Route) string {
	text := "Needs the permission `" + route.Needs.String() + "`."
	if route.Needs == authz.Anyone {
		text = "Needs no token."
	}
	return strings.TrimSpace(text + " " + route.About)
}

// operationID is the method and the whole path in one word, so it is unique, and
// stays as long as they do.
func operationID(method, path string) string {
	var id strings.Builder
	id.WriteString(strings.ToLower(method))
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/api/v2"), "/") {
		if strings.HasPrefix(segment, "{") {
			id.WriteString("By")
		}
		for word := range strings.FieldsFuncSeq(segment, func(c rune) bool { return strings.ContainsRune("{}-_.", c) }) {
			id.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return id.String()
}

// tag is the type of the resource that the route is about.
func (r *Router) tag(route Route) string {
	if route.Answer != "" {
		return route.Answer
	}
	segments := strings.FieldsFunc(strings.TrimPrefix(route.Path, "/api/v2/"), func(c rune) bool { return c == '/' })
	for _, s := range slices.Backward(segments) {
		if _, ok := r.types[s]; ok {
			return s
		}
	}
	if strings.HasPrefix(route.Path, "/api/v2/") {
		return segments[0]
	}
	return "server"
}

func summary(route Route, tag string) string {
	verb := map[string]string{"GET": "Read", "POST": "Create", "PATCH": "Update", "PUT": "Write", "DELETE": "Delete"}[route.Method]
	if route.Method == "GET" && route.Many {
		verb = "List"
	}
	if _, name, ok := strings.Cut(route.Path, "/actions/"); ok {
		verb = strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "-", " ")
	}
	if _, name, ok := strings.Cut(route.Path, "/relationships/"); ok {
		return fmt.Sprintf("%s the relationship %s of %s", verb, name, tag)
	}
	return verb + " " + tag
}

func (r *Router) parameters(route Route, path string) []parameter {
	var out []parameter
	for _, name := range wildcardsOf(path) {
		out = append(out, parameter{Name: name, In: "path", Required: true, Schema: text()})
	}
	if route.Method != "GET" {
		return out
	}
	if !route.JSONAPI {
		for _, name := range route.Params {
			out = append(out, parameter{Name: name, In: "query", Schema: text()})
		}
		return out
	}
	yes, no := true, false
	if route.Many {
		out = append(out,
			parameter{Name: "page[number]", In: "query", Description: "From 1.", Schema: &schema{Type: "integer"}},
			parameter{Name: "page[size]", In: "query", Description: fmt.Sprintf("%d unless said, at most %d.", defaultPage, maxPage), Schema: &schema{Type: "integer"}})
	}
	for _, name := range route.Params {
		out = append(out, parameter{Name: name, In: "query", Schema: text()})
	}
	if names := slices.Sorted(maps.Keys(r.types[route.Answer].relationships)); len(names) > 0 {
		out = append(out, parameter{Name: "include", In: "query", Style: "form", Explode: &no, Schema: listOf(text()),
			Description: "Paths of relationships whose resources come along: " + strings.Join(names, ", ") + "."})
	}
	return append(out, parameter{Name: "fields", In: "query", Style: "deepObject", Explode: &yes,
		Schema:      &schema{Type: "object", Additional: text()},
		Description: "The attributes and relationships wanted of a type, as in fields[workspaces]=name,locked."})
}

func (r *Router) body(route Route) *content {
	if route.Attributes == nil {
		return nil
	}
	if route.Attributes == membersType {
		return &content{Required: true, Content: jsonAPI(object(map[string]*schema{"data": listOf(refTo("Member"))}, "data"))}
	}
	data := object(map[string]*schema{
		"type": text(), "id": text(), "attributes": r.attributes(route),
		"relationships": {Type: "object", Additional: refTo("RelationshipInRequest")},
	})
	if route.NeedsData {
		data.Properties["type"].Enum = route.Accepts
		return &content{Required: true, Content: jsonAPI(object(map[string]*schema{"data": data}, "data"))}
	}
	return &content{Content: jsonAPI(object(map[string]*schema{"data": data}))}
}

// attributes are those that a request may have, with the members that go straight to
// the object store.
func (r *Router) attributes(route Route) *schema {
	s := schemaOf(route.Attributes).asRequest()
	for _, name := range route.Spills {
		s.Properties[name] = &schema{Type: "string", Format: "byte", Nullable: true}
	}
	return s
}

func (r *Router) success(route Route) response {
	switch {
	case route.Answer == "" && route.Status == http.StatusNoContent:
		return response{Description: "Done."}
	case route.Answer == "":
		return response{Description: "An answer in a form of its own."}
	case route.Many:
		return response{Description: "The resources.", Content: jsonAPI(object(map[string]*schema{
			"data": listOf(refTo(route.Answer)), "included": listOf(refTo("Resource")),
			"links": {Type: "object"}, "meta": object(map[string]*schema{"pagination": schemaOf(reflect.TypeFor[pagination]())}),
		}, "data"))}
	default:
		return response{Description: "The resource.", Content: jsonAPI(object(map[string]*schema{
			"data": refTo(route.Answer), "included": listOf(refTo("Resource")), "links": {Type: "object"}, "meta": {Type: "object"},
		}, "data"))}
	}
}

func jsonAPI(s *schema) map[string]media { return map[string]media{jsonapi.MediaType: {s}} }

// schemas are the components: every type of resource, and the parts of JSON:API.
func (r *Router) schemas() map[string]*schema {
	identifier := func() *schema {
		return object(map[string]*schema{"type": text(), "id": text()}, "type", "id")
	}
	links := &schema{Type: "object"}
	out := map[string]*schema{
		"Resource": object(map[string]*schema{"type": text(), "id": text(), "attributes": {Type: "object"}, "relationships": {Type: "object"}, "links": links}, "type", "id"),
		"ToOne":    object(map[string]*schema{"data": nullable(identifier()), "links": links}),
		"ToMany":   object(map[string]*schema{"data": listOf(identifier()), "links": links}),
		"Related":  object(map[string]*schema{"data": anything(), "links": links}),
		"Errors":   object(map[string]*schema{"errors": listOf(schemaOf(reflect.TypeFor[errorObject]()))}, "errors"),
		"Member":   object(map[string]*schema{"type": text(), "id": text(), "attributes": {Type: "object"}}),
		"RelationshipInRequest": {Type: "object", Properties: map[string]*schema{
			"data": {Nullable: true, Description: "A resource identifier, a list of them, or null."}}},
	}
	for name, k := range r.types {
		out[name] = k.schema()
	}
	return out
}

func (k kind) schema() *schema {
	s := object(map[string]*schema{"type": {Type: "string", Enum: k.types}, "id": text(), "links": {Type: "object"}}, "type", "id")
	if k.attributes != nil {
		s.Properties["attributes"] = schemaOf(k.attributes)
	}
	if len(k.relationships) == 0 {
		return s
	}
	relationships := object(map[string]*schema{})
	for name, rel := range k.relationships {
		component := "Related"
		switch rel.(type) {
		case jsonapi.One:
			component = "ToOne"
		case jsonapi.Many:
			component = "ToMany"
		}
		relationships.Properties[name] = refTo(component)
	}
	s.Properties["relationships"] = relationships
	return s
}
