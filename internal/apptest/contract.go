package apptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// contract is an OpenAPI document that judges answers.
type contract struct {
	name       string
	router     *http.ServeMux
	operations map[string]*openapi3.Operation // by pattern of the router
}

// largest is the size in bytes up to which an answer is judged.
const largest = 4 << 20

// watch returns h with every answer judged: by the server's own document, and by that
// of HCP Terraform where it is present and describes the operation. What breaks a
// contract is an error of the test that made the request.
func watch(t testing.TB, h http.Handler, own func() ([]byte, error)) http.Handler {
	contracts := []*contract{ownContract(t, own)}
	if c := foreignContract(t); c != nil {
		contracts = append(contracts, c)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		heard := &listener{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(heard, req)
		for _, c := range contracts {
			for _, complaint := range c.judge(req, heard) {
				t.Errorf("contract: %s %s: %d: by %s: %s", req.Method, req.URL.Path, heard.status, c.name, complaint)
			}
		}
	})
}

// listener keeps what passes through a ResponseWriter.
type listener struct {
	http.ResponseWriter
	status int
	wrote  bool
	body   bytes.Buffer
}

func (l *listener) WriteHeader(status int) {
	if !l.wrote {
		l.status, l.wrote = status, true
	}
	l.ResponseWriter.WriteHeader(status)
}

func (l *listener) Write(b []byte) (int, error) {
	l.wrote = true
	if l.body.Len() <= largest {
		l.body.Write(b)
	}
	return l.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (l *listener) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// judge returns what is wrong with an answer.
func (c *contract) judge(req *http.Request, answer *listener) []string {
	_, pattern := c.router.Handler(req)
	op, ok := c.operations[pattern]
	media, _, _ := mime.ParseMediaType(answer.Header().Get("Content-Type"))
	if !ok || media != jsonapi.MediaType || answer.body.Len() > largest || strings.Contains(req.URL.RawQuery, "fields") {
		return nil // sparse fields leave out on purpose what a schema requires
	}
	response := op.Responses.Status(answer.status)
	if response == nil && answer.status < 300 {
		return []string{fmt.Sprintf("the status of success is not %s", strings.Join(statuses(op), " or "))}
	}
	if response == nil {
		response = op.Responses.Default()
	}
	if response == nil || response.Value.Content[media] == nil {
		return nil
	}
	var body any
	if err := json.Unmarshal(answer.body.Bytes(), &body); err != nil {
		return []string{"the body is no JSON: " + err.Error()}
	}
	return complaints(response.Value.Content[media].Schema.Value.VisitJSON(body, openapi3.MultiErrors(), openapi3.VisitAsResponse()))
}

func statuses(op *openapi3.Operation) (out []string) {
	for status := range op.Responses.Map() {
		if n, err := strconv.Atoi(status); err == nil && n < 300 {
			out = append(out, status)
		}
	}
	return out
}

// complaints says where and why a value does not fit its schema, without the schema.
func complaints(err error) []string {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		var out []string
		for _, e := range many {
			out = append(out, complaints(e)...)
		}
		return out
	}
	var one *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &one) && one.Origin != nil && len(complaints(one.Origin)) > 0 && complaints(one.Origin)[0] != one.Origin.Error():
		return complaints(one.Origin)
	case errors.As(err, &one):
		return []string{"/" + strings.Join(one.JSONPointer(), "/") + ": " + one.Reason}
	default:
		return []string{err.Error()}
	}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// newContract reads a document whose paths are below base.
func newContract(name, base string, data []byte) (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &contract{name: name, router: http.NewServeMux(), operations: map[string]*openapi3.Operation{}}
	for path, item := range doc.Paths.Map() {
		n := 0
		path = wildcard.ReplaceAllStringFunc(path, func(string) string { n++; return "{p" + strconv.Itoa(n) + "}" })
		if strings.HasSuffix(path, "/") {
			path += "{$}"
		}
		for method, op := range item.Operations() {
			pattern := method + " " + base + path
			c.router.Handle(pattern, http.NotFoundHandler())
			c.operations[pattern] = op
		}
	}
	return c, nil
}

var (
	ownOnce sync.Once
	ownMade *contract
	ownErr  error
)

// ownContract is the document of the server. All servers of a process have the same.
func ownContract(t testing.TB, document func() ([]byte, error)) *contract {
	t.Helper()
	ownOnce.Do(func() {
		var data []byte
		if data, ownErr = document(); ownErr == nil {
			ownMade, ownErr = newContract("/api/v2/openapi.json", "", data)
		}
	})
	if ownErr != nil {
		t.Fatal(ownErr)
	}
	return ownMade
}

// NoContract is what tests say that are skipped without the document of HCP Terraform.
const NoContract = "contract: no ../shared/openapi/spec.json"

// foreignContract is the document of HCP Terraform, or nil if there is none. It is no
// part of the project: it may lie beside the checkout.
func foreignContract(t testing.TB) *contract {
	t.Helper()
	c, err := foreign()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var foreign = sync.OnceValues(func() (*contract, error) {
	root, err := projectRoot()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "..", "shared", "openapi", "spec.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	corrections, err := os.ReadFile(filepath.Join(root, "internal", "apptest", "testdata", "contract.json"))
	if err != nil {
		return nil, err
	}
	if data, err = corrected(data, corrections); err != nil {
		return nil, err
	}
	return newContract("the document of HCP Terraform", "/api/v2", data)
})

// projectRoot is the folder above this one that has the go.mod.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("contract: no go.mod above the test")
		}
		dir = parent
	}
}

// correction is one change to a document that is not always right.
type correction struct {
	Because string // why the document is wrong
	At      string // JSON pointer (RFC 6901) of an object's member; a list that ends in "/-" gets another item
	Value   any    // the new value; null removes the member
}

// corrected applies a list of corrections to a document. One that changes nothing is
// an error: the document has been mended.
func corrected(data, list []byte) ([]byte, error) {
	var doc any
	var corrections []correction
	if err := errors.Join(json.Unmarshal(data, &doc), json.Unmarshal(list, &corrections)); err != nil {
		return nil, err
	}
	for _, c := range corrections {
		if err := c.apply(doc); err != nil {
			return nil, err
		}
	}
	return json.Marshal(doc)
}

func (c correction) apply(doc any) error {
	if c.Because == "" {
		return fmt.Errorf("contract: the correction at %s has no reason", c.At)
	}
	steps := strings.Split(strings.TrimPrefix(c.At, "/"), "/")
	for i, step := range steps {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch at := doc.(type) {
		case map[string]any:
			if i == len(steps)-1 {
				return c.set(at, step, c.Value)
			}
			if list, ok := at[step].([]any); ok && i == len(steps)-2 && steps[i+1] == "-" {
				return c.set(at, step, append(list, c.Value))
			}
			doc = at[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(at) {
				return fmt.Errorf("contract: nothing to correct at %s", c.At)
			}
			doc = at[n]
		}
	}
	return fmt.Errorf("contract: nothing to correct at %s", c.At)
}

func (c correction) set(object map[string]any, member string, value any) error {
	before, _ := json.Marshal(object[member])
	after, _ := json.Marshal(value)
	if bytes.Equal(before, after) {
		return fmt.Errorf("contract: the correction at %s changes nothing", c.At)
	}
	if value == nil {
		delete(object, member)
	} else {
		object[member] = value
	}
	return nil
}
