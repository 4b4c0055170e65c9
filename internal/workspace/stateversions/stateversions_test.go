package stateversions_test

import (
	"bytes"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestUploadThenDownload(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		want := state(1)
		v, err := f.c.StateVersions.Upload(f.ctx, f.ws, tfe.StateVersionUploadOptions{StateVersionCreateOptions: promise(1, want),
			RawState: want, RawJSONState: []byte(`{"format_version":"1.0"}`)})
		f.must(err)
		if v.Status != tfe.StateVersionFinalized || !v.ResourcesProcessed || v.Serial != 1 || v.Size != int64(len(want)) || v.StateVersion != 4 || v.TerraformVersion != "1.12.6" {
			t.Errorf("Upload = %+v, want finalized, processed, serial 1", v)
		}
		if v.UploadURL != "" || v.JSONUploadURL != "" {
			t.Errorf("Upload = upload addresses %q and %q, want none once finalized", v.UploadURL, v.JSONUploadURL)
		}
		got, err := f.c.StateVersions.Download(f.ctx, v.DownloadURL)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Download = %q, %v; want %q", got, err, want)
		}
		guest := s.Do("GET", v.DownloadURL, "", nil)
		if guest.Status != 200 || !bytes.Equal(guest.Body, want) || guest.Header.Get("ETag") != `"`+*sum(want)+`"` || guest.Header.Get("Content-Type") != "application/json" {
			t.Errorf("GET of the signed address without a token = %d %v %q", guest.Status, guest.Header, guest.Body)
		}
		if r := s.Do("GET", v.JSONDownloadURL, "", nil); string(r.Body) != `{"format_version":"1.0"}` {
			t.Errorf("GET of the JSON state = %d %q", r.Status, r.Body)
		}
		if id := f.currentID(f.ws); id != v.ID {
			t.Errorf("current version = %s, want %s", id, v.ID)
		}
	})
}

func TestInlineStateIsCurrentAtOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		want := state(3)
		o := inline(3, want)
		o.JSONState = new("e30=") // {}
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, o)
		f.must(err)
		if v.Status != tfe.StateVersionFinalized || v.Serial != 3 || v.UploadURL != "" || *v.BillableRUMCount != 2 {
			t.Errorf("Create = %+v, want finalized, serial 3, 2 billable", v)
		}
		if len(v.Resources) != 2 || *v.Resources[1] != (tfe.StateVersionResources{Name: "b", Count: 2, Type: "aws_instance", Module: "m", Provider: `provider["registry.opentofu.org/hashicorp/aws"]`}) {
			t.Errorf("resources = %+v", v.Resources)
		}
		if v.Modules.Root.NullResource != 1 {
			t.Errorf("modules = %+v, want one null-resource in root", v.Modules)
		}
		if len(v.Outputs) != 3 {
			t.Errorf("outputs = %d, want 3", len(v.Outputs))
		}
		got, err := f.c.StateVersions.Download(f.ctx, v.DownloadURL)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Download = %q, %v; want %q", got, err, want)
		}
		if r := s.Do("GET", v.JSONDownloadURL, "", nil); string(r.Body) != `{}` {
			t.Errorf("GET of the JSON state = %d %q", r.Status, r.Body)
		}
	})
}
