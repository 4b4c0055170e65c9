package apptest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeparturesFromASample(t *testing.T) {
	sample, err := readSample(`{"data": {"id": "a-1", "type": "as", // ... //
		"attributes": {"at": "2024-08-28T20:48:05.206Z", "list": [1, 2, {...}, ..., ], "off": false, "none": null, // ... //
		}, }`)
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"data":{"id":"b","type":"as","more":1,"attributes":{"at":"2026-01-01T00:00:00+00:00","list":[7],"off":true,"none":{}}}}`
	for name, c := range map[string]struct {
		document string
		except   map[string]string
		want     []string
	}{
		"the same":                   {good, nil, nil},
		"an exception for nothing":   {good, map[string]string{"data.id": "because"}, []string{"the exception for data.id is not needed: because"}},
		"another type":               {`{"data":{"id":"b","type":"bs","attributes":{"at":"2026-01-01T00:00:00Z","list":[7],"off":true,"none":1}}}`, nil, []string{"data.type = bs, want as"}},
		"no attributes":              {`{"data":{"id":"b","type":"as"}}`, nil, []string{"data.attributes is missing"}},
		"an exception for one":       {`{"data":{"id":"b","type":"as"}}`, map[string]string{"data.attributes": "because"}, nil},
		"not a document":             {``, nil, []string{"unexpected end of JSON input"}},
		"values of other kinds":      {`{"data":{"id":1,"type":"as","attributes":{"at":"today","list":["x"],"off":null,"none":1}}}`, nil, []string{"data.attributes.at = today (text), want a time", "data.attributes.list.0 = x (text), want a number", "data.attributes.off = <nil> (null), want a boolean", "data.id = 1 (a number), want text"}},
		"a missing null, and a list": {`{"data":{"id":"b","type":"as","attributes":{"at":"2026-01-01T00:00:00Z","list":[],"off":true}}}`, nil, []string{"data.attributes.list is empty", "data.attributes.none is missing"}},
	} {
		if diff := cmp.Diff(c.want, departures(sample, []byte(c.document), c.except)); diff != "" {
			t.Errorf("departures of %s (-want +got):\n%s", name, diff)
		}
	}
}
