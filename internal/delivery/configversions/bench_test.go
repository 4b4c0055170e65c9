package configversions_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

func BenchmarkUpload5MB(b *testing.B) {
	s := apptest.StartBench(b)
	org := s.Org("acme")
	c, ws := s.Client(org.Owner.Token), s.Workspace(org, "", "net")
	body := tgz(b, file("main.tf", "# code"), file("data.bin", noise(5<<20)))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := c.ConfigurationVersions.Create(b.Context(), ws, options(false))
		if err != nil {
			b.Fatal(err)
		}
		if r := s.Do("PUT", v.UploadURL, "", body); r.Status != 200 {
			b.Fatalf("PUT = %d %s", r.Status, r.Body)
		}
	}
}
