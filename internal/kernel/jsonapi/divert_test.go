package jsonapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDivertTakesTheValueOnly(t *testing.T) {
	for _, c := range []struct{ in, rest, value string }{
		{`{"data":{"attributes":{"a":"\"state\"", "state" : "QUJD\/w==","serial":3,"x":["state","y"]}}}`,
			`{"data":{"attributes":{"a":"\"state\"", "state" : "","serial":3,"x":["state","y"]}}}`, "QUJD/w=="},
		{`{"type":"state","states":"no","stat":"no"}`, `{"type":"state","states":"no","stat":"no"}`, ""},
		{`{"state":null,"b":"x"}`, `{"state":null,"b":"x"}`, ""},
		{`{"state":{"state":"in"}}`, `{"state":{"state":""}}`, "in"},
		{`["state","x"]`, `["state","x"]`, ""},
	} {
		var got bytes.Buffer
		rest, err := io.ReadAll(Divert(strings.NewReader(c.in), to("state", &got)))
		if err != nil || string(rest) != c.rest || got.String() != c.value {
			t.Errorf("Divert(%s) = %s, %q, %v; want %s, %q", c.in, rest, got.String(), err, c.rest, c.value)
		}
	}
}

func TestDivertRefusesWhatItCannotKeep(t *testing.T) {
	for in, want := range map[string]error{
		`{"state":"a","state":"b"}`: ErrTwice,
		`{"state":"abc`:             io.ErrUnexpectedEOF,
	} {
		if _, err := io.ReadAll(Divert(strings.NewReader(in), to("state", io.Discard))); !errors.Is(err, want) {
			t.Errorf("Divert(%s) = %v, want %v", in, err, want)
		}
	}
	failing := errors.New("disk full")
	if _, err := io.ReadAll(Divert(strings.NewReader(`{"state":"abc"}`), to("state", failWriter{failing}))); !errors.Is(err, failing) {
		t.Errorf("error of the writer = %v, want %v", err, failing)
	}
}

func to(name string, w io.Writer) map[string]io.Writer { return map[string]io.Writer{name: w} }

func TestDivertTakesSeveralMembers(t *testing.T) {
	var a, b bytes.Buffer
	in := `{"json-state":"Yg==","state":"YQ=="}`
	rest, err := io.ReadAll(Divert(strings.NewReader(in), map[string]io.Writer{"state": &a, "json-state": &b}))
	if err != nil || string(rest) != `{"json-state":"","state":""}` || a.String() != "YQ==" || b.String() != "Yg==" {
		t.Errorf("Divert(%s) = %s, %q, %q, %v", in, rest, a.String(), b.String(), err)
	}
}

type failWriter struct{ err error }

func (w failWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDivertKeepsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := rapid.SliceOfN(rapid.Byte(), 0, 20_000).Draw(t, "state")
		other := rapid.String().Draw(t, "other")
		doc, err := json.Marshal(map[string]any{"data": map[string]any{"attributes": map[string]any{
			"a": other, "state": base64.StdEncoding.EncodeToString(state), other + "x": "state", "z": []string{"state", other}}}})
		if err != nil {
			t.Fatal(err)
		}
		var value bytes.Buffer
		rest, err := io.ReadAll(Divert(bytes.NewReader(doc), to("state", &value)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := base64.StdEncoding.DecodeString(value.String())
		if err != nil || !bytes.Equal(got, state) {
			t.Fatalf("diverted %d bytes, %v; want %d", len(got), err, len(state))
		}
		if !json.Valid(rest) {
			t.Fatalf("rest = %s, want valid JSON", rest)
		}
	})
}

func FuzzDivert(f *testing.F) {
	f.Add([]byte(`{"data":{"attributes":{"state":"QUJD","x":"\"state\""}}}`))
	f.Add([]byte(`{"state":"\\","state":`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rest, err := io.ReadAll(Divert(bytes.NewReader(doc), to("state", io.Discard)))
		if err == nil && json.Valid(doc) && !bytes.Contains(doc, []byte(`\"`)) && !json.Valid(rest) {
			t.Errorf("valid %q became invalid %q", doc, rest)
		}
	})
}
