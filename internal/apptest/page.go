package apptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Page is a page of HCP Terraform's documentation. It is no part of the project: it may
// lie beside the checkout, in ../shared/spec/hcp.
type Page struct {
	name    string
	samples []string // what it shows as JSON, in order, payloads too
}

// NoPage is what tests say that are skipped without the documentation.
const NoPage = "no ../shared/spec/hcp/"

var fences = regexp.MustCompile("(?s)```json\\s*\n(.*?)```")

// ReadPage reads a page by the name of its file, and skips the test if it is not there.
func ReadPage(t *testing.T, name string) *Page {
	t.Helper()
	root, err := projectRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "..", "shared", "spec", "hcp", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(NoPage + name)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{name: name}
	for _, m := range fences.FindAllStringSubmatch(string(text), -1) {
		p.samples = append(p.samples, m[1])
	}
	return p
}

// Sample is the n-th sample as it stands: a payload to send.
func (p *Page) Sample(n int) string { return p.samples[n] }

// Follows fails unless the answer has every member of the page's n-th sample (from 0,
// samples of payloads count), with a value of the same kind: text, a time (RFC 3339), a
// number, a boolean, a list that is not empty if the sample's is not, an object. The
// members named "type" are equal. Where the sample has null, anything will do.
// The answer may have more. except has the reasons of the members that may be missing
// or of another kind, by their place ("data.attributes.x", "data.0.id"); a reason that is
// not needed is a failure.
func (p *Page) Follows(t testing.TB, n int, r *Response, except map[string]string) {
	t.Helper()
	if n >= len(p.samples) {
		t.Fatalf("%s has %d samples, want number %d", p.name, len(p.samples), n)
	}
	sample, err := readSample(p.samples[n])
	if err != nil {
		t.Fatalf("sample %d of %s: %v\n%s", n, p.name, err, p.samples[n])
	}
	for _, d := range departures(sample, r.Body, except) {
		t.Errorf("sample %d of %s: %s\nin %s", n, p.name, d, r.Body)
	}
}

var (
	omissions = regexp.MustCompile(`//\s*\.\.\.\s*//|\.\.\.[,\s]|\{\.\.\.\}`)
	commas    = regexp.MustCompile(`,(\s*,)+`)
	leading   = regexp.MustCompile(`([{\[]\s*),`)
	trailing  = regexp.MustCompile(`,(\s*[}\]])`)
)

// readSample reads JSON with the marks of what was left out, and with brackets that are
// not closed at its end.
func readSample(text string) (any, error) {
	text = omissions.ReplaceAllString(text, ",")
	text = commas.ReplaceAllString(text, ",")
	text = leading.ReplaceAllString(text, "$1")
	text = trailing.ReplaceAllString(text, "$1")
	text += strings.Repeat("}", max(0, strings.Count(text, "{")-strings.Count(text, "}")))
	var v any
	err := json.Unmarshal([]byte(text), &v)
	return v, err
}

// departures are the ways in which a document does not follow a sample.
func departures(sample any, document []byte, except map[string]string) []string {
	var got any
	if err := json.Unmarshal(document, &got); err != nil {
		return []string{err.Error()}
	}
	c := comparison{except: except, unused: maps.Clone(except)}
	c.compare("", sample, got)
	for _, at := range slices.Sorted(maps.Keys(c.unused)) {
		c.found = append(c.found, fmt.Sprintf("the exception for %s is not needed: %s", at, c.unused[at]))
	}
	return c.found
}

// comparison collects what a document has otherwise than its sample.
type comparison struct {
	except, unused map[string]string
	found          []string
}

func (c *comparison) departs(at, format string, args ...any) {
	at = strings.TrimPrefix(at, ".")
	if _, ok := c.except[at]; ok {
		delete(c.unused, at)
		return
	}
	c.found = append(c.found, at+" "+fmt.Sprintf(format, args...))
}

func (c *comparison) compare(at string, want, got any) {
	if want == nil {
		return
	}
	if kind(want) != kind(got) {
		c.departs(at, "= %v (%s), want %s", got, kind(got), kind(want))
		return
	}
	switch want := want.(type) {
	case map[string]any:
		c.compareMembers(at, want, got.(map[string]any))
	case []any:
		c.compareItems(at, want, got.([]any))
	case string:
		if strings.HasSuffix(at, ".type") && got != want {
			c.departs(at, "= %v, want %s", got, want)
		}
	}
}

func (c *comparison) compareMembers(at string, want, got map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[name]; ok {
			c.compare(at+"."+name, want[name], value)
		} else {
			c.departs(at+"."+name, "is missing")
		}
	}
}

func (c *comparison) compareItems(at string, want, got []any) {
	if len(want) > 0 && len(got) == 0 {
		c.departs(at, "is empty")
	}
	for i := range min(len(want), len(got)) {
		c.compare(fmt.Sprintf("%s.%d", at, i), want[i], got[i])
	}
}

// kind is what sort of value JSON has, where times are a sort of their own.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return "a time"
		}
	}
	return "text"
}
