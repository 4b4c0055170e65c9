package arch

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// perField is how many of the hostile values each attribute, relationship and query
// parameter of a route gets, chosen by a fixed seed. All of them take minutes.
const perField = 3

// TestHostileBodies sends what no client should to every route that changes something,
// as an owner who may do it: nothing is a fault of the server, and each refusal is a
// document of JSON:API.
func TestHostileBodies(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		w, random := newWorld(s.T, s), rand.New(rand.NewPCG(1, 2))
		for _, route := range s.App.Router.Routes() {
			if route.Method == "GET" || outside(route) {
				continue
			}
			path, ok := w.example(route)
			if !ok {
				continue // TestEveryRouteAsEveryRole complains
			}
			answers := map[int]int{}
			for _, body := range w.bodies(route, random) {
				answers[w.survives(route, path, body)]++
			}
			if len(answers) == 1 && answers[404] > 0 {
				s.T.Errorf("%s %s = 404 to everything: nothing is tested", route.Method, path)
			}
			w.rebuild()
		}
	})
}

// TestHostileQueries asks every route for pages, includes, fields, filters and orders
// that make no sense.
func TestHostileQueries(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		w, random := newWorld(s.T, s), rand.New(rand.NewPCG(3, 4))
		for _, route := range s.App.Router.Routes() {
			if route.Method != "GET" || outside(route) || strings.HasSuffix(route.Path, "/events") { // those last
				continue
			}
			path, ok := w.example(route)
			if !ok {
				continue
			}
			path, known, _ := strings.Cut(path, "?")
			for _, query := range append(hostileQueries(random), hostileParams(route)...) {
				w.survives(route, path+"?"+query, "")
				if known != "" {
					w.survives(route, path+"?"+known+"&"+query, "")
				}
			}
		}
	})
}

// survives sends a request and complains of a fault of the server, and of a refusal
// that is no document of JSON:API. It returns the status.
func (w *world) survives(route api.Route, path, body string) int {
	w.t.Helper()
	var send any
	if body != "" {
		send = body
	}
	token := w.org.Owner.Token
	if strings.Contains(route.Path, "/admin/") {
		token = w.s.AdminToken()
	}
	res := w.s.Do(route.Method, path, token, send)
	about := func() string {
		return fmt.Sprintf("%s %s with %.300q = %d %.300s", route.Method, short(path), body, res.Status, res.Body)
	}
	if res.Status >= 500 {
		w.t.Errorf("%s: a fault of the server", about())
		return res.Status
	}
	if res.Status < 400 || !route.JSONAPI {
		return res.Status
	}
	var doc struct {
		Errors []struct{ Status, Title string }
	}
	if err := json.Unmarshal(res.Body, &doc); err != nil || len(doc.Errors) == 0 || doc.Errors[0].Status != fmt.Sprint(res.Status) || doc.Errors[0].Title == "" {
		w.t.Errorf("%s: no JSON:API error", about())
	}
	if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, jsonapi.MediaType) {
		w.t.Errorf("%s: Content-Type %q", about(), got)
	}
	if len(res.Body) > 64<<10 {
		w.t.Errorf("%s: the refusal has %d bytes", about(), len(res.Body))
	}
	return res.Status
}

func short(s string) string { return s[:min(len(s), 300)] }

// rebuild furnishes another organization if requests removed what the paths name.
func (w *world) rebuild() {
	w.t.Helper()
	for segment, path := range map[string]string{"organizations": "/api/v2/organizations/", "workspaces": "/api/v2/workspaces/", "projects": "/api/v2/projects/",
		"workspace name": "/api/v2/organizations/" + w.org.Name + "/workspaces/", "teams": "/api/v2/teams/", "varsets": "/api/v2/varsets/",
		"ssh-keys": "/api/v2/ssh-keys/", "agent-pools": "/api/v2/agent-pools/", "state-versions": "/api/v2/state-versions/",
		"vars": "/api/v2/vars/", "authentication-tokens": "/api/v2/authentication-tokens/",
		"drift-alerts": "/api/v2/drift-alerts/", "notification-configurations": "/api/v2/notification-configurations/",
		"registry-modules": "/api/v2/registry-modules/",
		"drift-keys":       "/api/v2/drift-keys/", "drift-repositories": "/api/v2/drift-repositories/", "drift-connections": "/api/v2/drift-connections/",
		"drift-schedules": "/api/v2/drift-schedules/", "drift-snoozes": "/api/v2/drift-snoozes/",
		"versions": "/api/v2/registry-components/" + w.ids["registry-components"] + "/versions/",
		"platforms arch": "/api/v2/organizations/" + w.org.Name + "/registry-providers/private/" + w.org.Name + "/" + w.ids["registry-providers name"] +
			"/versions/" + w.ids["versions"] + "/platforms/linux/", "gpg-keys key_id": "/api/registry/private/v2/gpg-keys/" + w.org.Name + "/"} {
		if w.s.Do("GET", path+w.ids[segment], w.org.Owner.Token, nil).Status == 200 {
			continue
		}
		w.builds++
		w.org = w.s.Org(fmt.Sprintf("acme-%d", w.builds))
		w.ids = w.furnish(w.org)
		return
	}
}

// shapes are documents that are wrong as a whole, or empty; %s is the type.
var shapes = []string{
	``, ` `, `null`, `[]`, `"x"`, `1`, `{`, `{}`, "\x00", "\xff\xfe{}", `{"data":}`, `{"data":null}`, `{"data":[]}`, `{"data":"x"}`, `{"data":1e999}`, `{"data":{}}`,
	`{"data":[null]}`, `{"data":[{}]}`, `{"data":[[]]}`, `{"data":[1]}`, `{"data":[{"type":1,"id":[]}]}`, `{"data":[{"type":%q}]}`, `{"data":[{"type":%q,"id":"\u0000"}]}`,
	`{"data":[{"type":%q,"attributes":null}]}`, `{"data":[{"type":%q,"attributes":"x"}]}`, `{"data":[{"type":%q,"attributes":{"key":null,"value":{}}}]}`,
	`{"data":[{"type":%q,"attributes":{"key":"\u0000","value":"\u0000"}}]}`, `{"data":[{"type":%q,"id":"absent"},{"type":%[1]q,"id":"absent"}]}`,
	`{"data":{"type":%q}}`, `{"data":{"type":[]}}`, `{"data":{"type":%q,"id":7}}`, `{"data":{"type":%q,"id":"\u0000"}}`, `{"data":{"type":"\u0000"}}`,
	`{"data":{"type":%q,"attributes":null}}`, `{"data":{"type":%q,"attributes":[]}}`, `{"data":{"type":%q,"attributes":"x"}}`, `{"data":{"type":%q,"attributes":{"":null}}}`,
	`{"data":{"type":%q,"relationships":null}}`, `{"data":{"type":%q,"relationships":[]}}`, `{"data":{"type":%q,"relationships":{"":null}}}`,
	`{"data":{"type":%q,"attributes":{},"attributes":{"name":1},"attributes":null}}`, `{"data":{"type":%q},"data":[]}`, `{"data":{"type":%q,"attributes":{"Name":[],"NAME":{}}}}`,
	`{"data":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`, `{"data":{"type":%q,"attributes":` + strings.Repeat(`{"a":`, 9000) + `1` + strings.Repeat(`}`, 9000) + `}}`,
	strings.Repeat(" ", 2<<20),
}

// values are what attributes are not meant to be, as JSON.
var values = []string{
	`null`, `true`, `0`, `-1`, `1.5`, `1e400`, `9223372036854775808`, `-9223372036854775808`, `2147483648`, `999999999999`, `""`, `" "`, `"\u0000"`, `"a\u0000b"`, `"\ud800"`, "\"\xff\"",
	`"\ud83d\ude00"`, `"\u202eabc"`, `"x\r\nSet-Cookie: a=b"`, `"%s%n%d"`, `"' OR 1=1 --"`, `"../../../etc/passwd"`, `"https://[::1"`, `"javascript:alert(1)"`, `"(((((a+)+)+)+"`, `"["`, `"**/**"`,
	`"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"2024-13-45T00:00:00Z"`, `"99999999999999999999d"`, `"-1d"`, `"owners"`, `"x"`, `[]`, `[null]`, `[[]]`, `["\u0000"]`, `["x",1]`,
	`{}`, `{"":null}`, `{"a":{"b":"\u0000"}}`, `{"\u0000":true}`, `"` + strings.Repeat("x", 300) + `"`, `"` + strings.Repeat("x", 100_000) + `"`,
}

// relations are the names of relationships that any route reads.
var relations = []string{"organization", "project", "workspace", "workspaces", "projects", "team", "teams", "users", "vars", "ssh-key", "agent-pool", "default-agent-pool",
	"allowed-workspaces", "allowed-projects", "excluded-workspaces", "configuration-version", "run", "parent", "stacks", "tags", "tag-bindings", "organization-memberships", "state-version", "rollback-state-version"}

// members are what relationships are not meant to be; %[1]s is the type, %[2]s the id
// of an example, %[3]s one of another organization.
var members = []string{
	`null`, `"x"`, `[]`, `{}`, `{"data":null}`, `{"data":[]}`, `{"data":"x"}`, `{"data":{}}`, `{"data":[null]}`, `{"data":{"type":1}}`, `{"data":{"type":%[1]q,"id":""}}`, `{"data":{"type":%[1]q,"id":"\u0000"}}`,
	`{"data":{"type":"x","id":%[2]q}}`, `{"data":{"type":%[1]q,"id":%[2]q}}`, `{"data":[{"type":%[1]q,"id":%[2]q},{"type":%[1]q,"id":%[2]q}]}`, `{"data":{"type":%[1]q,"id":%[3]q}}`, `{"data":[{"type":%[1]q,"id":%[3]q}]}`,
	`{"data":[{"type":%[1]q,"id":%[2]q,"attributes":{"key":"\u0000","name":"\u0000"}}]}`, `{"data":[{"type":%[1]q,"attributes":{"key":1,"value":[],"name":{}}}]}`, `{"data":[` + strings.Repeat(`{"type":%[1]q,"id":"ws-x"},`, 3000) + `{"type":%[1]q,"id":%[2]q}]}`,
}

// bodies are hostile documents for a route.
func (w *world) bodies(route api.Route, random *rand.Rand) []string {
	typ := route.Answer
	if len(route.Accepts) > 0 {
		typ = route.Accepts[0]
	}
	var out []string
	for _, shape := range shapes {
		if strings.Contains(shape, "%") {
			shape = fmt.Sprintf(shape, typ)
		}
		out = append(out, shape)
	}
	if route.Attributes == nil || route.Attributes.Kind() != reflect.Struct {
		return append(out, w.memberLists(route)...)
	}
	base := w.plausible(route.Attributes)
	document := func(attributes map[string]string, name, member string) string {
		return fmt.Sprintf(`{"data":{"type":%q,"attributes":%s,"relationships":{%q:%s}}}`, typ, object(attributes), name, member)
	}
	for _, name := range fields(route.Attributes) {
		for _, value := range pick(random, values) {
			attributes := map[string]string{}
			maps.Copy(attributes, base)
			set(attributes, name, value)
			out = append(out, document(attributes, "none", "null"))
		}
	}
	for _, name := range relations {
		for _, member := range pick(random, members) {
			out = append(out, document(base, name, w.member(member, name)))
		}
	}
	return out
}

// memberLists are documents for routes whose data is a list of members.
func (w *world) memberLists(route api.Route) []string {
	var out []string
	last := route.Path[strings.LastIndex(route.Path, "/")+1:]
	for _, member := range members {
		out = append(out, w.member(member, last), w.member(member, "workspaces"))
	}
	return out
}

// member fills in a relationship of that name.
func (w *world) member(form, name string) string {
	if !strings.Contains(form, "%") {
		return form
	}
	typ := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "allowed-"), "excluded-"), "default-")
	if !strings.HasSuffix(typ, "s") {
		typ += "s"
	}
	// Sprintf complains of arguments that a form does not use.
	return strings.NewReplacer("%[1]q", fmt.Sprintf("%q", typ), "%[2]q", fmt.Sprintf("%q", w.ids[typ]), "%[3]q", fmt.Sprintf("%q", w.alien[typ])).Replace(form)
}

func pick(random *rand.Rand, from []string) []string {
	out := make([]string, 0, perField)
	for _, i := range random.Perm(len(from))[:min(perField, len(from))] {
		out = append(out, from[i])
	}
	return out
}

// fields are the paths of the attributes of a request, "project-access/settings".
func fields(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			out = append(out, fields(f.Type)...)
			continue
		}
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		out = append(out, name)
		inner := f.Type
		if v, ok := optional(inner); ok {
			inner = v
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() != "time" {
			for _, sub := range fields(inner) {
				out = append(out, name+"/"+sub)
			}
		}
	}
	return out
}

// optional returns the T of a jsonapi.Opt[T].
func optional(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.Name(), "Opt[") {
		return nil, false
	}
	return t.Field(t.NumField() - 1).Type, true
}

// set puts a JSON value at a path of attributes.
func set(attributes map[string]string, path, value string) {
	name, sub, nested := strings.Cut(path, "/")
	if nested {
		value = fmt.Sprintf("{%q:%s}", sub, value)
	}
	attributes[name] = value
}

// object writes attributes as JSON.
func object(attributes map[string]string) string {
	var parts []string
	for name, value := range attributes {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// plausible are values with which most requests get past their first checks.
func (w *world) plausible(t reflect.Type) map[string]string {
	known := map[string]string{"name": `"plausible"`, "key": `"plausible"`, "value": `"v"`, "category": `"terraform"`, "email": `"plausible@example.com"`, "access": `"custom"`,
		"serial": `7`, "md5": `"` + stateMD5 + `"`, "lineage": `"l"`, "state": `"` + stateBase64 + `"`, "description": `"d"`, "username": `"plausible"`}
	out := map[string]string{}
	for _, name := range fields(t) {
		if value, ok := known[name]; ok {
			out[name] = value
		}
	}
	return out
}

// strange are hostile values of a query parameter.
var strange = []string{"", "\x00", "a\x00b", "\xff", "%", "_", `\`, "'", `"`, "[", "*", "0", "-1", "1e9", "99999999999999999999", ",", ",,,", "true", "null", "😀", "../..", strings.Repeat("x", 5000), strings.Repeat("x,", 3000)}

// hostileQueries are for all routes alike.
func hostileQueries(random *rand.Rand) []string {
	var out []string
	for _, name := range []string{"page[number]", "page[size]", "include", "fields[workspaces]", "fields[]", "fields", "filter[]", "filter", "filter[x][y][z]", "search[name]", "sort", "q", "", "[]", "page", "page[]", "page[number][]"} {
		for _, v := range pick(random, strange) {
			out = append(out, url.QueryEscape(name)+"="+url.QueryEscape(v))
		}
	}
	return append(out, "%", "%zz=1", ";", "a;b", "=&=&=", "page[number]=1000000&page[size]=100", "include="+strings.Repeat("organization.", 50)+"x", "include=organization.organization",
		"include=__proto__", "fields[workspaces]=permissions,__proto__", strings.Repeat("include=project&", 100), strings.Repeat("a=b&", 5000))
}

// hostileParams are for the parameters that a route knows.
func hostileParams(route api.Route) []string {
	var out []string
	for _, param := range append([]string{"include", "sort"}, route.Params...) {
		for _, v := range strange {
			out = append(out, url.QueryEscape(param)+"="+url.QueryEscape(v))
		}
		for _, below := range []string{"[]", "[0]", "[0][key]", "[0][value]", "[-1][key]", "[99999999999999999999][key]", "[0][key][key]", "[x", "]]"} {
			for _, v := range []string{"", "x", "\x00"} {
				out = append(out, url.QueryEscape(param+below)+"="+url.QueryEscape(v))
			}
		}
	}
	return out
}
