package stateversions_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// stateOf is a state of about the given size, with resources like those of a cloud.
func stateOf(size, serial int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":"line-1","outputs":{"a":{"value":"b","type":"string"}},"resources":[`, serial)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"mode":"managed","type":"aws_instance","name":"n%d","provider":"provider[\"registry.opentofu.org/hashicorp/aws\"]","instances":[{"schema_version":1,"attributes":{"id":"i-%016x","tags":{"Name":"n%d"},"user_data":"%s"}}]}`,
			i, i, i, strings.Repeat("abcdefgh", 250))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// benchmark runs do with a fixture and the number of the round, from 1.
func benchmark(b *testing.B, size int, prepare func(f *fixture), do func(f *fixture, round int)) {
	f := setUpIn(b, apptest.StartBench(b))
	if prepare != nil {
		prepare(f)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for round := 1; b.Loop(); round++ {
		do(f, round)
	}
}

func BenchmarkCreateInline(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"100kB", 100 << 10}, {"5MB", 5 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			s := stateOf(c.size, 1)
			rest := fmt.Sprintf(`,"md5":%q,"state":%q}}}`, *sum(s), base64.StdEncoding.EncodeToString(s))
			benchmark(b, c.size, nil, func(f *fixture, round int) {
				body := io.MultiReader(strings.NewReader(fmt.Sprintf(`{"data":{"type":"state-versions","attributes":{"serial":%d`, round)), strings.NewReader(rest))
				if r := f.Do("POST", "/api/v2/workspaces/"+f.ws+"/state-versions", f.org.Owner.Token, body); r.Status != 201 {
					b.Fatalf("POST = %d %s", r.Status, r.Body)
				}
			})
		})
	}
}

func BenchmarkUpload5MB(b *testing.B) {
	s := stateOf(5<<20, 1)
	benchmark(b, len(s), nil, func(f *fixture, round int) {
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(round, s))
		f.must(err)
		if r := f.Do("PUT", v.UploadURL, "", s); r.Status != 200 {
			b.Fatalf("PUT = %d %s", r.Status, r.Body)
		}
	})
}

func BenchmarkDownload5MB(b *testing.B) {
	var address string
	s := stateOf(5<<20, 1)
	benchmark(b, len(s), func(f *fixture) {
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, inline(1, s))
		f.must(err)
		address = v.DownloadURL
	}, func(f *fixture, _ int) {
		req, err := http.NewRequestWithContext(f.ctx, http.MethodGet, address, nil)
		f.must(err)
		res, err := http.DefaultClient.Do(req)
		f.must(err)
		n, err := io.Copy(io.Discard, res.Body)
		f.must(errors.Join(err, res.Body.Close()))
		if n != int64(len(s)) {
			b.Fatalf("GET = %d bytes, want %d", n, len(s))
		}
	})
}
