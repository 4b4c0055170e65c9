package modules_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// sampleVersion is the page's sample of a version, with what other samples have beyond it.
func sampleVersion(status, version, commit, more string) string {
	return fmt.Sprintf(`{"data":{"id":"*","type":"registry-module-versions","attributes":{"source":"tfe-api","status":%q,"version":%q,"commit-sha":%s,"branch":null,
		"created-at":"*","updated-at":"*"%s},"relationships":{"registry-module":{"data":{"id":"*","type":"registry-modules"}}},"links":{"upload":"*"}}}`, status, version, commit, more)
}

func TestVersionsLookAsOnThePage(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		body := doc("registry-module-versions", `{"version":"1.2.3","commit-sha":"abcdef12345"}`)
		r := f.want(201, "POST", at("net", "aws", "versions"), body)
		like(s.T, "create a version", sampleVersion("pending", "1.2.3", `"abcdef12345"`, ""), r)
		like(s.T, "show a version", sampleVersion("pending", "1.2.3", `"abcdef12345"`, ""), f.want(200, "GET", at("net", "aws", "version?module_version=1.2.3"), nil))
		like(s.T, "create a version the older way", sampleVersion("pending", "1.3.0", `null`, ""),
			f.want(201, "POST", "/api/v2/registry-modules/acme/net/aws/versions", doc("registry-module-versions", `{"version":"1.3.0"}`)))
		f.refused(404, "", "POST", "/api/v2/registry-modules/acme/net/aws/version", doc("registry-module-versions", `{"version":"1.3.1"}`))
		f.refused(404, "", "GET", at("net", "aws", "version?module_version=9.0.0"), nil)
		f.refused(400, "module_version is missing", "GET", at("net", "aws", "version"), nil)
		if got := f.status("net", "aws", "1.2.3")["status"]; got != "pending" {
			s.T.Errorf("status = %v, want pending", got)
		}
		like(s.T, "the module meanwhile", sampleModule("private", "acme", "net", "aws", "pending", `[{"version":"1.3.0","status":"pending"},{"version":"1.2.3","status":"pending"}]`, ""),
			f.want(200, "GET", at("net", "aws"), nil))
		if r := s.Do("GET", at("net", "aws", "version?module_version=1.2.3"), s.Member(f.org, "member").Token, nil); r.Status != 200 || data(r)["links"] != nil {
			s.T.Errorf("GET by a member = %d %s, want no address for the upload", r.Status, r.Body)
		}
	})
}

func TestVersionsAreChecked(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		path := at("net", "aws", "versions")
		for attributes, words := range map[string]string{
			`{}`:                     "Version can't be blank",
			`{"version":null}`:       "Version can't be blank",
			`{"version":"1"}`:        "Version must be a semantic version",
			`{"version":"1.2"}`:      "Version must be a semantic version",
			`{"version":"v1.2.3"}`:   "Version must be a semantic version",
			`{"version":"1.02.3"}`:   "Version must be a semantic version",
			`{"version":"1.2.3-"}`:   "Version must be a semantic version",
			`{"version":"1.2.3-01"}`: "Version must be a semantic version",
			`{"version":"1.2.3/4"}`:  "Version must be a semantic version",
			`{"version":"` + strings.Repeat("9", 19) + `.0.0"}`:                   "Version must be a semantic version",
			`{"version":"1.0.0-` + strings.Repeat("a", 200) + `"}`:                "Version must be a semantic version",
			`{"version":["1.0.0"]}`:                                               "A JSON array is not what is expected",
			`{"version":"1.0.0","commit-sha":"` + strings.Repeat("a", 129) + `"}`: "Commit SHA is too long",
		} {
			f.refused(422, words, "POST", path, doc("registry-module-versions", attributes))
		}
		f.want(201, "POST", path, doc("registry-module-versions", `{"version":"1.2.3-alpha+feature"}`))
		f.refused(422, "Version has already been taken", "POST", path, doc("registry-module-versions", `{"version":"1.2.3-alpha+feature"}`))
		f.refused(404, "", "POST", at("absent", "aws", "versions"), doc("registry-module-versions", `{"version":"1.0.0"}`))
		f.want(201, "POST", base, doc("registry-modules", `{"name":"vpc","provider":"aws","registry-name":"public","namespace":"x"}`))
		f.refused(403, "public registry", "POST", base+"/public/x/vpc/aws/versions", doc("registry-module-versions", `{"version":"1.0.0"}`))
	})
}

func TestUploadsAreReadBeforeTheyCanBeInstalled(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		id := tfe.NewPrivateRegistryModuleID("acme", "net", "aws")
		f.module("net", "aws")
		v, err := f.c.RegistryModules.CreateVersion(f.ctx, id, tfe.RegistryModuleCreateVersionOptions{Version: new("1.0.0")})
		if err != nil {
			s.T.Fatal(err)
		}
		if r := f.do("GET", "/api/registry/v1/modules/acme/net/aws/1.0.0/download", nil); r.Status != 404 {
			s.T.Errorf("download before the upload = %d, want 404", r.Status)
		}
		body := apptest.TarGz(s.T, plain)
		if err := f.c.RegistryModules.UploadTarGzip(f.ctx, v.Links["upload"].(string), bytes.NewReader(body)); err != nil {
			s.T.Fatal(err)
		}
		f.Settle()
		rm, err := f.c.RegistryModules.Read(f.ctx, id)
		if err != nil || rm.Status != tfe.RegistryModuleStatusSetupComplete || rm.VersionStatuses[0].Status != tfe.RegistryModuleVersionStatusOk {
			s.T.Errorf("Read = %+v, %v, want the version to be ok", rm, err)
		}
		if got := f.fetch("net", "aws", "1.0.0", f.owner); !bytes.Equal(got, body) {
			s.T.Errorf("download = %d bytes, want what was uploaded", len(got))
		}
	})
}

// fetch installs a version as a command line does.
func (f *fixture) fetch(name, provider, version, token string) []byte {
	f.T.Helper()
	r := f.Do("GET", "/api/registry/v1/modules/acme/"+name+"/"+provider+"/"+version+"/download", token, nil)
	if r.Status != 204 {
		f.T.Fatalf("download = %d %s, want 204", r.Status, r.Body)
	}
	address, query, _ := strings.Cut(r.Header.Get("X-Terraform-Get"), "?")
	if !strings.HasPrefix(query, "archive=tar.gz&checksum=sha256:") {
		f.T.Errorf("X-Terraform-Get = %s, want it to say what comes", r.Header.Get("X-Terraform-Get"))
	}
	if head := f.Do(http.MethodHead, address, "", nil); head.Status != 200 || len(head.Body) != 0 {
		f.T.Errorf("HEAD = %d", head.Status)
	}
	r = f.Do("GET", address, "", nil)
	if r.Status != 200 || r.Header.Get("Content-Type") != "application/gzip" {
		f.T.Fatalf("GET of the archive = %d %v", r.Status, r.Header)
	}
	return r.Body
}

func TestWrongArchivesAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		upload := f.version("net", "aws", "1.0.0")
		whole := apptest.TarGz(s.T, map[string]string{"main.tf": strings.Repeat("# more\n", 2000)})
		for name, c := range map[string]struct {
			body  []byte
			words string
		}{
			"nothing":          {nil, "archive is empty"},
			"text":             {[]byte("variable \"a\" {}"), "not a gzip file"},
			"half":             {whole[:len(whole)/2], "cut off"},
			"no configuration": {apptest.TarGz(s.T, map[string]string{"README.md": "hello"}), "holds no configuration"},
			"an empty archive": {apptest.TarGz(s.T, nil), "holds no configuration"},
			"a way out":        {apptest.TarGz(s.T, map[string]string{"../main.tf": ""}), "leaves the folder"},
		} {
			if r := s.Do("PUT", upload, "", c.body); r.Status != 422 || !strings.Contains(string(r.Body), c.words) {
				s.T.Errorf("PUT of %s = %d %s, want 422 %q", name, r.Status, r.Body, c.words)
			}
		}
		if got := f.status("net", "aws", "1.0.0")["status"]; got != "pending" || f.objects() != 0 {
			s.T.Errorf("after refused uploads: status %v, %d objects; want pending and none", got, f.objects())
		}
		damaged := upload[:len(upload)-10] + "AAAAAAAAAA"
		if r := s.Do("PUT", damaged, "", whole); r.Status != 404 {
			s.T.Errorf("PUT to a damaged address = %d, want 404", r.Status)
		}
		f.put(upload, whole)
		f.Settle()
		if got := f.status("net", "aws", "1.0.0")["status"]; got != "ok" {
			s.T.Errorf("status after a good upload = %v, want ok", got)
		}
	})
}

func TestFilesThatNoEngineCanReadSayWhy(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		for i, c := range []struct {
			files map[string]string
			words string
		}{
			{map[string]string{"net/main.tf": ""}, "The module must be in the root of the archive, not in the folder net."},
			{map[string]string{"main.tf": "variable \"a\" {\n  type = \n}\n"}, "main.tf, line 2: "},
			{map[string]string{"main.tf": strings.Repeat("(", 5000)}, "main.tf is nested too deeply"},
			{map[string]string{"a.tf.json": `{"variable":`}, "a.tf.json, line 1: "},
		} {
			version := fmt.Sprintf("1.%d.0", i)
			upload := f.version("net", "aws", version)
			f.put(upload, apptest.TarGz(s.T, c.files))
			f.Settle()
			got := f.status("net", "aws", version)
			if got["status"] != "reg_ingress_failed" || !strings.Contains(fmt.Sprint(got["error"]), c.words) {
				s.T.Errorf("version of %v = %v, want it to fail with %q", c.files, got, c.words)
			}
			if r := f.do("GET", "/api/registry/v1/modules/acme/net/aws/"+version+"/download", nil); r.Status != 404 {
				s.T.Errorf("download of a version that failed = %d, want 404", r.Status)
			}
			f.put(upload, apptest.TarGz(s.T, plain)) // mended
			f.Settle()
			if got := f.status("net", "aws", version); got["status"] != "ok" || got["error"] != nil {
				s.T.Errorf("version after it was mended = %v, want ok", got)
			}
		}
	})
}

func TestFilesThatSomebodyHasStay(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		upload := f.version("net", "aws", "1.0.0")
		first, second, third := apptest.TarGz(s.T, plain), apptest.TarGz(s.T, map[string]string{"main.tf": "# two"}), apptest.TarGz(s.T, map[string]string{"main.tf": "# three"})
		f.put(upload, first)
		f.put(upload, second) // nobody has the first
		f.Settle()
		if got := f.fetch("net", "aws", "1.0.0", f.owner); !bytes.Equal(got, second) {
			s.T.Error("the second archive did not take the place of the first")
		}
		f.put(upload, second)
		if r := s.Do("PUT", upload, "", third); r.Status != 409 || !strings.Contains(string(r.Body), "has been installed already") {
			s.T.Errorf("PUT of other files that somebody has = %d %s, want 409", r.Status, r.Body)
		}
		if got := f.fetch("net", "aws", "1.0.0", f.owner); !bytes.Equal(got, second) || f.objects() != 1 {
			s.T.Errorf("after a refused upload: %d objects, want the second archive alone", f.objects())
		}
	})
}
