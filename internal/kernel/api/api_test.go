package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// thing is a resource that lives in memory, for the tests of the adapters.
type thing struct{ ID, Org, Name, Friend string }

func (x thing) Scope() authz.Scope { return authz.Scope{Org: x.Org} }

type thingIn struct {
	Name  jsonapi.Opt[string] `json:"name"`
	Count jsonapi.Opt[int]    `json:"count"`
}

var things = map[string]thing{
	"thing-1": {"thing-1", "org-a", "one", "thing-2"},
	"thing-2": {"thing-2", "org-a", "two", ""},
	"thing-9": {"thing-9", "org-b", "nine", ""},
}

func find(_ context.Context, id string) (thing, error) {
	x, ok := things[id]
	if !ok {
		return x, problem.NotFound
	}
	return x, nil
}

func view(_ context.Context, x thing) jsonapi.Resource {
	return jsonapi.Resource{ID: x.ID, Type: "things", Attributes: map[string]any{"name": x.Name, "secretless": true},
		Relationships: jsonapi.Relationships{"friend": jsonapi.ToOne("things", x.Friend), "elsewhere": jsonapi.Related("/x")}}
}

// newServer serves things to the tokens "a" (who owns org-a) and "reader" (who only
// reads it).
func newServer(t *testing.T) (*Router, *httptest.Server) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: filepath.Join(t.TempDir(), "x.db"), Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRouter(d)
	r.SigningKey = []byte("key")
	r.Authenticate = func(_ context.Context, token string) (*authz.Subject, error) {
		sets := map[string]authz.Set{"a": authz.Owner(), "reader": authz.Member}
		set, ok := sets[token]
		if !ok {
			return nil, nil
		}
		return &authz.Subject{Kind: authz.User, ID: "user-" + token, TokenID: token, Orgs: map[string]*authz.Grants{"org-a": {Org: set}}}, nil
	}
	Type(r, "things", authz.ReadOrg, func(ctx context.Context, ids []string) (out []thing, err error) {
		for _, id := range ids {
			if x, err := find(ctx, id); err == nil {
				out = append(out, x)
			}
		}
		return out, nil
	}, view)
	Read(r, "/things/{id}", authz.ReadOrg, find)
	List(r, "/things/{id}/all", authz.ReadOrg, find, func(_ context.Context, _ thing, q Query) (Page[thing], error) {
		return Page[thing]{Items: []thing{things["thing-1"], things["thing-2"]}, Total: 41}, nil
	}, Params("filter[name]"))
	Update(r, "/things/{id}", authz.OwnOrg, find, func(_ context.Context, x thing, in jsonapi.In[thingIn]) (thing, error) {
		in.Data.Attributes.Name.Into(&x.Name)
		if x.Name == "panic" {
			panic("on purpose")
		}
		if x.Name == "fault" {
			return x, errors.New("the secret reason")
		}
		if x.Name == "" {
			return x, problem.Invalid("name", "Name can't be blank")
		}
		return x, nil
	})
	Links[thing]{Replace: func(context.Context, thing, []jsonapi.Member) error { return nil }}.Serve(r, "/things/{id}/relationships/friends", authz.OwnOrg, find)
	Delete(r, "/things/{id}", authz.OwnOrg, find, func(context.Context, thing) error { return nil }, Denied(problem.Denied("only owners")))
	r.Object("note", ObjectKind{Get: func(_ context.Context, w http.ResponseWriter, _ *http.Request, id string) error {
		_, err := io.WriteString(w, "note "+id)
		return err
	}})
	r.ServeObjects()
	web := httptest.NewServer(r.Handler())
	t.Cleanup(func() { web.Close(); _ = d.Close() })
	return r, web
}

func send(t *testing.T, web *httptest.Server, method, path, token, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := web.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestWhoMayDoWhat(t *testing.T) {
	_, web := newServer(t)
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{"GET", "/api/v2/things/thing-1", "", 401},
		{"GET", "/api/v2/things/thing-1", "wrong", 401},
		{"GET", "/api/v2/things/thing-1", "reader", 200},
		{"GET", "/api/v2/things/thing-9", "a", 404},
		{"GET", "/api/v2/things/absent", "a", 404},
		{"PATCH", "/api/v2/things/thing-1", "reader", 404},
		{"DELETE", "/api/v2/things/thing-1", "reader", 403}, // Denied: what one may read is not hidden
		{"DELETE", "/api/v2/things/thing-9", "a", 404},
		{"DELETE", "/api/v2/things/thing-1", "a", 204},
		{"PUT", "/api/v2/things/thing-1", "a", 404},
		{"GET", "/api/v2/unknown", "a", 404},
		{"GET", "/api/v2/unknown", "", 401},
	} {
		body := ""
		if c.method == "PATCH" {
			body = `{"data":{"attributes":{"name":"x"}}}`
		}
		if got, answer, _ := send(t, web, c.method, c.path, c.token, body); got != c.want {
			t.Errorf("%s %s as %q = %d %s, want %d", c.method, c.path, c.token, got, answer, c.want)
		}
	}
}

func TestBadBodiesGetClearErrors(t *testing.T) {
	_, web := newServer(t)
	for _, c := range []struct {
		body string
		want int
		says string
	}{
		{``, 400, "has no body"},
		{`{`, 400, "not valid JSON"},
		{`{"data":{}} trailing`, 400, "not valid JSON"},
		{`[]`, 400, "JSON:API document"},
		{`{"data":[]}`, 400, "one resource object"},
		{`{"data":null}`, 400, "one resource object"},
		{`{"data":{"type":"others","attributes":{"name":"x"}}}`, 409, "/data/type"},
		{`{"data":{"attributes":{"name":7}}}`, 422, "/data/attributes"},
		{`{"data":{"attributes":{"count":"many"}}}`, 422, "/data/attributes"},
		{`{"data":{"attributes":{"count":1.5}}}`, 422, "/data/attributes"},
		{`{"data":{"attributes":{"name":""}}}`, 422, "/data/attributes/name"},
		{`{"data":{"attributes":{"name":"` + strings.Repeat("x", 1<<20) + `"}}}`, 413, "larger than"},
		{strings.Repeat(`{"data":`, 100_000), 400, "not valid JSON"},
		{`{"data":{"attributes":{"name":"fault"}}}`, 500, "internal server error"},
		{`{"data":{"attributes":{"name":"panic"}}}`, 500, "internal server error"},
		{`{"data":{"type":"things","attributes":{"name":"fine","unknown":1}}}`, 200, "fine"},
	} {
		got, answer, header := send(t, web, "PATCH", "/api/v2/things/thing-1", "a", c.body)
		if got != c.want || !strings.Contains(answer, c.says) {
			t.Errorf("PATCH with %.60q = %d %.300s, want %d with %q", c.body, got, answer, c.want, c.says)
		}
		if strings.Contains(answer, "secret reason") || strings.Contains(answer, "on purpose") {
			t.Errorf("the answer tells the fault: %s", answer)
		}
		if !json.Valid([]byte(answer)) || header.Get("Content-Type") != jsonapi.MediaType {
			t.Errorf("PATCH with %.60q: %q is no JSON:API document", c.body, answer)
		}
	}
}

// TestMembersAreReplacedByNothingOnlyIfSaid: a list that is missing is not an empty one.
func TestMembersAreReplacedByNothingOnlyIfSaid(t *testing.T) {
	_, web := newServer(t)
	for body, want := range map[string]int{`{}`: 400, `{"data":null}`: 400, `{"dat":[{"type":"things","id":"thing-2"}]}`: 400, `{"data":{}}`: 422, `{"data":[]}`: 204,
		`{"data":[{"type":"things","id":"thing-2"}]}`: 204} {
		if got, answer, _ := send(t, web, "PATCH", "/api/v2/things/thing-1/relationships/friends", "a", body); got != want {
			t.Errorf("PATCH of a relationship with %s = %d %s, want %d", body, got, answer, want)
		}
	}
}

// TestErrorsQuoteLittle: what a client sends may be huge, what it gets back is not.
func TestErrorsQuoteLittle(t *testing.T) {
	_, web := newServer(t)
	got, answer, _ := send(t, web, "GET", "/api/v2/things/thing-1/all?include="+strings.Repeat("€", 5000), "a", "")
	if got != 400 || len(answer) > 3000 || !json.Valid([]byte(answer)) {
		t.Errorf("GET with a huge include = %d with %d bytes, want 400 with few", got, len(answer))
	}
}

func TestBadQueriesGetClearErrors(t *testing.T) {
	_, web := newServer(t)
	for query, want := range map[string]string{
		"page[number]=0": "page[number]", "page[number]=x": "page[number]", "page[size]=-1": "page[size]",
		"page[number]=99999999999999999999": "page[number]", "page[size]=1e3": "page[size]",
		"include=enemy": "Invalid include parameter", "include=friend.enemy": "Invalid include parameter", "include=elsewhere": "Invalid include parameter",
		"filter[colour]=red": "filter[colour]", "search[x]=y": "search[x]", "%zz=1": "malformed",
		"include=" + strings.Repeat("friend,", 30): "more than 20", "include=friend" + strings.Repeat(".friend", 10): "in a row",
	} {
		got, answer, _ := send(t, web, "GET", "/api/v2/things/thing-1/all?"+query, "a", "")
		if got != 400 || !strings.Contains(answer, want) {
			t.Errorf("GET ?%s = %d %s, want 400 with %q", query, got, answer, want)
		}
	}
}

func TestListsHavePagesIncludesAndFields(t *testing.T) {
	_, web := newServer(t)
	_, answer, _ := send(t, web, "GET", "/api/v2/things/thing-1/all?page[number]=2&page[size]=20&include=friend&fields[things]=name&filter[name]=x", "a", "")
	var doc struct {
		Data []struct {
			ID         string
			Attributes map[string]any
		}
		Included []struct{ ID string }
		Links    map[string]*string
		Meta     struct{ Pagination map[string]*int }
	}
	if err := json.Unmarshal([]byte(answer), &doc); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	p := doc.Meta.Pagination
	if *p["current-page"] != 2 || *p["total-pages"] != 3 || *p["total-count"] != 41 || *p["prev-page"] != 1 || *p["next-page"] != 3 {
		t.Errorf("pagination of %s is wrong", answer)
	}
	if doc.Links["next"] == nil || !strings.Contains(*doc.Links["next"], "page%5Bnumber%5D=3") || !strings.Contains(*doc.Links["next"], "filter") {
		t.Errorf("links of %s: want the next page with the filter", answer)
	}
	if len(doc.Data) != 2 || len(doc.Data[0].Attributes) != 1 || doc.Data[0].Attributes["name"] != "one" {
		t.Errorf("data = %+v, want names only", doc.Data)
	}
	if len(doc.Included) != 0 {
		t.Errorf("included = %+v: thing-2 is in the list already", doc.Included)
	}
	_, answer, _ = send(t, web, "GET", "/api/v2/things/thing-1?include=friend", "a", "")
	if !strings.Contains(answer, `"included":[{"id":"thing-2"`) {
		t.Errorf("GET ?include=friend = %s, want thing-2 included", answer)
	}
}

func TestSignedAddresses(t *testing.T) {
	r, web := newServer(t)
	path := func(method, id string, ttl time.Duration) string { return r.Sign(t.Context(), method, "note", id, ttl) }
	good := path("GET", "n 1/x", time.Minute)
	if got, answer, _ := send(t, web, "GET", good, "", ""); got != 200 || answer != "note n 1/x" {
		t.Errorf("GET of a signed address = %d %s", got, answer)
	}
	if got, _, _ := send(t, web, "GET", good+"?limit=5&offset=0", "wrong", ""); got != 200 {
		t.Errorf("GET of a signed address with a query and a wrong token = %d, want 200", got)
	}
	for name, c := range map[string]struct {
		method, path string
		want         int
	}{
		"damaged at its end":   {"GET", good[:len(good)-10] + "AAAAAAAAAA", 404},
		"damaged at its start": {"GET", strings.Replace(good, "/object/A", "/object/B", 1), 404},
		"truncated":            {"GET", good[:len(good)-20], 404},
		"for another verb":     {"PUT", good, 404},
		"a verb it lacks":      {"PUT", path("PUT", "n1", time.Minute), 404},
		"expired":              {"GET", path("GET", "n1", -2*time.Minute), 403},
		"no token at all":      {"GET", objectBase + "x", 404},
	} {
		if got, answer, _ := send(t, web, c.method, c.path, "a", ""); got != c.want {
			t.Errorf("signed address %s = %d %s, want %d", name, got, answer, c.want)
		}
	}
}

func TestChangesAreRecorded(t *testing.T) {
	r, web := newServer(t)
	send(t, web, "PATCH", "/api/v2/things/thing-1", "a", `{"data":{"attributes":{"name":"planted-value","count":1}}}`)
	send(t, web, "PATCH", "/api/v2/things/thing-1", "a", `{"data":{"attributes":{"name":""}}}`)
	send(t, web, "GET", "/api/v2/things/thing-1", "a", "")
	type row struct {
		Actor   string `db:"actor_id"`
		Action  string `db:"action"`
		Target  string `db:"resource_id"`
		Changed string `db:"changed"`
	}
	rows, err := db.All[row](t.Context(), r.DB, `SELECT actor_id, action, resource_id, changed FROM audit_events`)
	if err != nil || len(rows) != 1 || rows[0] != (row{"user-a", "update", "thing-1", `["count","name"]`}) {
		t.Errorf("audit = %+v, %v; want the one change that succeeded, without values", rows, err)
	}
}

func TestRateLimitIsPerToken(t *testing.T) {
	r, _ := newServer(t)
	limit := 2.0
	r.RateLimit = func() float64 { return limit }
	web := httptest.NewServer(r.Handler())
	defer web.Close()
	var statuses []int
	for range 4 {
		got, _, header := send(t, web, "GET", "/api/v2/things/thing-1", "a", "")
		statuses = append(statuses, got)
		if header.Get("X-RateLimit-Limit") != "2" || (got == 429) != (header.Get("X-RateLimit-Reset") != "") {
			t.Errorf("headers of %d: %v", got, header)
		}
	}
	if statuses[0] != 200 || statuses[3] != 429 {
		t.Errorf("statuses = %v, want the fourth refused", statuses)
	}
	if got, _, _ := send(t, web, "GET", "/api/v2/things/thing-1", "reader", ""); got != 200 {
		t.Errorf("another token = %d, want 200", got)
	}
	limit = 100
	if got, _, header := send(t, web, "GET", "/api/v2/things/thing-1", "a", ""); header.Get("X-RateLimit-Limit") != "100" {
		t.Errorf("after a change of the limit: %d, %v, want the new limit told", got, header)
	}
	limit = 0
	for range 5 {
		if got, _, header := send(t, web, "GET", "/api/v2/things/thing-1", "a", ""); got != 200 || header.Get("X-RateLimit-Limit") != "" {
			t.Errorf("without a limit: %d, %v, want 200", got, header)
		}
	}
}

func TestRouteMustNameItsType(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a route of an unknown type was registered")
		}
	}()
	Read(NewRouter(nil), "/x/{id}", authz.ReadOrg, find)
}

func TestMetricsNameTheRoute(t *testing.T) {
	r, web := newServer(t)
	seen := make(chan string, 10)
	r.Metric = func(pattern string, status int, _ time.Duration) { seen <- fmt.Sprintf("%s %d", pattern, status) }
	for _, c := range []struct{ name, token, want string }{
		{"thing-1", "a", "GET /api/v2/things/{id} 200"},
		{"thing-1", "", "GET /api/v2/things/{id} 401"},
		{"absent", "a", "GET /api/v2/things/{id} 404"},
	} {
		send(t, web, "GET", "/api/v2/things/"+c.name, c.token, "")
		if got := <-seen; got != c.want {
			t.Errorf("metric of %s with token %q = %q, want %q", c.name, c.token, got, c.want)
		}
	}
}
