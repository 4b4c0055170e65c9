package configversions_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/configversions"
)

func TestUploadThenDownload(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		want := tgz(s.T, file("main.tf", "# nothing"))
		v := f.create()
		if v.Status != tfe.ConfigurationPending || v.Source != tfe.ConfigurationSourceAPI || v.UploadURL == "" || v.Error != "" || v.AutoQueueRuns || v.Speculative || v.Provisional {
			s.T.Errorf("Create = %+v, want pending, from the API, with an upload address", v)
		}
		if _, err := f.c.ConfigurationVersions.Download(f.ctx, v.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Download while pending = %v, want not found", err)
		}
		f.must(f.c.ConfigurationVersions.UploadTarGzip(f.ctx, v.UploadURL, bytes.NewReader(want)))
		r := f.do("GET", v.ID)
		f.wantStatus(v.ID, "uploaded")
		for _, words := range []string{`"uploaded-at":"`, `"error":null`, `"error-message":null`, `"download":"/api/v2/configuration-versions/` + v.ID + `/download"`} {
			if !bytes.Contains(r.Body, []byte(words)) {
				s.T.Errorf("GET = %s, want %s", r.Body, words)
			}
		}
		if bytes.Contains(r.Body, []byte("upload-url")) || bytes.Contains(r.Body, []byte("_archivist")) {
			s.T.Errorf("GET shows a signed address: %s", r.Body)
		}
		got, err := f.c.ConfigurationVersions.Download(f.ctx, v.ID)
		if err != nil || !bytes.Equal(got, want) {
			s.T.Errorf("Download = %d bytes, %v; want what was uploaded", len(got), err)
		}
		if r := f.do("GET", v.ID+"/download"); r.Status != 302 || !strings.Contains(r.Header.Get("Location"), "/_archivist/v1/object/") {
			s.T.Errorf("GET download = %d %v, want a redirection", r.Status, r.Header)
		}
	})
}

func TestSources(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		req := post(s.T, s.URL+"/api/v2/workspaces/"+f.ws+"/configuration-versions", `{"data":{"type":"configuration-versions"}}`)
		req.Header.Set("Authorization", "Bearer "+f.org.Owner.Token)
		req.Header.Set("Content-Type", "application/vnd.api+json")
		req.Header.Set("X-Terraform-Integration", "cloud")
		r := s.Send(req)
		var doc struct {
			Data struct{ Attributes map[string]any }
		}
		f.must(json.Unmarshal(r.Body, &doc))
		if a := doc.Data.Attributes; r.Status != 201 || a["source"] != "terraform" || a["auto-queue-runs"] != true {
			s.T.Errorf("POST by a command line = %d %s, want the source terraform, and runs queued", r.Status, r.Body)
		}
	})
}

func TestAnEmptyFolderIsAConfiguration(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.uploaded(tgz(s.T))
		f.wantStatus(v.ID, "uploaded")
	})
}

// bomb is an archive of 400 MB of nothing.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	const size = 400 << 20
	err = w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Size: size, Mode: 0o644})
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if err == nil {
			_, err = w.Write(zeros)
		}
	}
	if err != nil || w.Close() != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBadArchivesAreRefusedAndSaidWhy(t *testing.T) {
	good := tgz(t, file("main.tf", strings.Repeat("x", 5000)))
	hostile := map[string]struct {
		body  []byte
		words string
	}{
		"dot-dot":             {tgz(t, file("../evil", "x")), "leaves the folder"},
		"absolute":            {tgz(t, file("/etc/evil", "x")), "absolute path"},
		"link out":            {tgz(t, entry{name: "l", flag: tar.TypeSymlink, link: "../out"}), "leaves the folder"},
		"link, then its file": {tgz(t, entry{name: "l", flag: tar.TypeSymlink, link: "d"}, file("l/f", "x")), "goes through the symbolic link"},
		"device":              {tgz(t, entry{name: "null", flag: tar.TypeChar}), "is a device"},
		"hard link":           {tgz(t, file("a", "x"), entry{name: "b", flag: tar.TypeLink, link: "a"}), "is a hard link"},
		"bomb":                {bomb(t), "times its size"},
		"truncated":           {good[:len(good)/2], "cut off"},
		"without its end":     {good[:len(good)-8], "cut off"},
		"not gzip":            {[]byte("resource \"null_resource\" \"a\" {}"), "not a gzip file"},
		"gzip of no tar":      {gzipped([]byte(strings.Repeat("no tar", 1000))), "not a tar file"},
		"nothing":             {[]byte{}, "archive is empty"},
		"data after its end":  {append(slices.Clone(good), "more than a header of gzip"...), "data after its end"},
	}
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		for name, c := range hostile {
			v := f.create()
			refused(s.T, "PUT of "+name, s.Do("PUT", v.UploadURL, "", c.body), 422, c.words)
			if got := f.read(v.ID); got.Status != tfe.ConfigurationErrored || got.Error != "invalid-archive" || !strings.Contains(got.ErrorMessage, c.words) {
				s.T.Errorf("after %s: %+v, want errored with %q", name, got, c.words)
			}
			refused(s.T, "PUT after "+name, s.Do("PUT", v.UploadURL, "", good), 409, "takes no files any more")
			refused(s.T, "download after "+name, f.do("GET", v.ID+"/download"), 404, "")
		}
		if n := f.objects(); n != 0 {
			s.T.Errorf("objects after refused uploads = %d, want none", n)
		}
	})
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// noise cannot be packed, so that a small limit of the packed size is met.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return string(b)
}

func TestAnArchiveThatIsTooLargeIsRefused(t *testing.T) {
	s := apptest.Start(t)
	f := setUp(s)
	v := f.create()
	r, w := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(w, gzip.NoCompression)
		packed := tar.NewWriter(z)
		err := packed.WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 400 << 20, Mode: 0o644})
		for piece := []byte(noise(1 << 20)); err == nil; {
			_, err = packed.Write(piece)
		}
		_ = w.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(f.ctx, http.MethodPut, v.UploadURL, r)
	f.must(err)
	if res, err := http.DefaultClient.Do(req); err == nil { // else the server closed while the rest was being sent
		_ = res.Body.Close()
		if res.StatusCode != 413 {
			t.Errorf("PUT = %d, want 413", res.StatusCode)
		}
	}
	_ = r.Close()
	if got := f.read(v.ID); got.Status != tfe.ConfigurationErrored || got.Error != "archive-too-large" || !strings.Contains(got.ErrorMessage, "larger than 268435456 bytes") {
		t.Errorf("after the upload: %+v, want errored", got)
	}
	if n := f.objects(); n != 0 {
		t.Errorf("objects = %d, want none", n)
	}
}

func TestABrokenUploadLeavesNothingAndMayBeRepeated(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.create()
		whole := tgz(s.T, file("main.tf", noise(300_000)))
		address, err := url.Parse(v.UploadURL)
		f.must(err)
		conn, err := net.Dial("tcp", address.Host)
		f.must(err)
		_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", address.Path, address.Host, len(whole))
		f.must(err)
		_, err = conn.Write(whole[:len(whole)/2])
		f.must(err)
		f.must(conn.(*net.TCPConn).CloseWrite())
		_, _ = io.Copy(io.Discard, conn) // until the server has given up
		_ = conn.Close()
		f.wantStatus(v.ID, "pending")
		if n := f.objects(); n != 0 {
			s.T.Errorf("objects after a broken upload = %d, want none", n)
		}
		f.put(v, whole)
		f.wantStatus(v.ID, "uploaded")
	})
}

func TestRepeatedUploads(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, second := tgz(s.T, file("main.tf", "1")), tgz(s.T, file("main.tf", "2"))
		v := f.uploaded(first)
		f.put(v, first)
		f.put(v, second) // no run can have seen the first
		got, err := f.c.ConfigurationVersions.Download(f.ctx, v.ID)
		if err != nil || !bytes.Equal(got, second) {
			s.T.Errorf("Download = %d bytes, %v; want the second archive", len(got), err)
		}
		refused(s.T, "PUT of no archive", s.Do("PUT", v.UploadURL, "", "no archive"), 422, "not a gzip file")
		f.wantStatus(v.ID, "uploaded")
		if n := f.objects(); n != 1 {
			s.T.Errorf("objects = %d, want the second archive alone", n)
		}
		queued := f.createWith(tfe.ConfigurationVersionCreateOptions{})
		f.put(queued, first)
		f.put(queued, first)
		refused(s.T, "PUT of other files that runs may have seen", s.Do("PUT", queued.UploadURL, "", second), 409, "has its files already")
	})
}

func TestFilesThatARunSawStay(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		old := f.uploaded(tgz(s.T, file("main.tf", "1")))
		f.create()
		inProgress := map[string]bool{old.ID: true}
		s.App.Configs.Uses = func(context.Context, []string) (map[string]bool, error) { return inProgress, nil }
		refused(s.T, "PUT", s.Do("PUT", old.UploadURL, "", tgz(s.T, file("main.tf", "2"))), 409, "has its files already")
		refused(s.T, "archive", f.do("POST", old.ID+"/actions/archive"), 409, "has a run in progress")
		refused(s.T, "soft delete", f.do("POST", old.ID+"/actions/soft_delete_backing_data"), 400, "has a run in progress")
		f.wantStatus(old.ID, "uploaded")
		inProgress[old.ID] = false // it has ended
		refused(s.T, "PUT after the run", s.Do("PUT", old.UploadURL, "", tgz(s.T, file("main.tf", "2"))), 409, "has its files already")
		if r := f.do("POST", old.ID+"/actions/archive"); r.Status != 202 {
			s.T.Errorf("archive after the run = %d %s, want 202", r.Status, r.Body)
		}
	})
}

func TestConcurrentUploadsOfOneVersion(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		calls := 0
		s.App.Configs.OnUploaded = append(s.App.Configs.OnUploaded, func(ctx context.Context, v configversions.Version) error {
			calls++ // transactions of one version exclude each other
			return nil
		})
		v := f.createWith(tfe.ConfigurationVersionCreateOptions{})
		archives := [][]byte{tgz(s.T, file("main.tf", "1")), tgz(s.T, file("main.tf", "2"))}
		statuses := make([]int, 8)
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() { statuses[i] = s.Do("PUT", v.UploadURL, "", archives[i%2]).Status })
		}
		wg.Wait()
		got, err := f.c.ConfigurationVersions.Download(f.ctx, v.ID)
		f.must(err)
		for i, status := range statuses {
			want := 409
			if bytes.Equal(got, archives[i%2]) {
				want = 200
			}
			if status != want {
				s.T.Errorf("PUT %d = %d, want %d", i, status, want)
			}
		}
		if n := f.objects(); n != 1 || calls != 1 {
			s.T.Errorf("objects = %d, calls of OnUploaded = %d; want one of each", n, calls)
		}
	})
}
