package cli_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestScansReadStatesOnly: with credentials that may only read, scans find drift; what is
// stored is as before, and nobody has tried to write or to lock.
func TestScansReadStatesOnly(t *testing.T) {
	for _, e := range cli.Engines() {
		t.Run(e.Name+" with s3", func(t *testing.T) { readsS3(t, e) })
		t.Run(e.Name+" with http", func(t *testing.T) { readsHTTP(t, e) })
	}
}

func readsS3(t *testing.T, e cli.Engine) {
	s3 := newS3(t)
	p := newPatrol(t, beat{engine: e.Name, forge: gitHub, storage: s3Storage(t, e, s3)})
	before := s3.objects()
	if len(before) != 1 || !strings.Contains(before[0], `"serial"`) {
		t.Fatalf("objects = %v, want one state and no lock", before)
	}
	s3.take()
	p.findsDrift()
	asked := s3.take()
	reads := slices.ContainsFunc(asked, func(r string) bool { return strings.HasPrefix(r, "GET /states/network/terraform.tfstate") })
	writes := slices.ContainsFunc(asked, func(r string) bool { return !strings.HasPrefix(r, "GET ") && !strings.HasPrefix(r, "HEAD ") })
	if !reads || writes {
		t.Errorf("the S3 server was asked %q, want the state read and nothing written", asked)
	}
	if diff := cmp.Diff(before, s3.objects()); diff != "" {
		t.Errorf("what is stored has changed (-before +after):\n%s", diff)
	}

	reader := s3.client(s3.reader)
	for _, name := range []string{"network/terraform.tfstate", "network/terraform.tfstate.tflock", "other"} {
		_, err := reader.PutObject(t.Context(), s3.bucket, name, strings.NewReader("{}"), 2, minio.PutObjectOptions{})
		if minio.ToErrorResponse(err).Code != "AccessDenied" {
			t.Errorf("writing %s as scans are allowed to = %v, want it denied: else this test shows nothing", name, err)
		}
		if err := reader.RemoveObject(t.Context(), s3.bucket, name, minio.RemoveObjectOptions{}); minio.ToErrorResponse(err).Code != "AccessDenied" {
			t.Errorf("removing %s as scans are allowed to = %v, want it denied", name, err)
		}
	}
	if diff := cmp.Diff(before, s3.objects()); diff != "" {
		t.Errorf("what is stored has changed (-before +after):\n%s", diff)
	}
	if locksInS3(t, e) {
		p.terminal.Env = append(p.terminal.Env, "AWS_ACCESS_KEY_ID="+s3.reader.id, "AWS_SECRET_ACCESS_KEY="+s3.reader.secret)
		p.terminal.Fail("Error acquiring the state lock", "plan")
	}
}

func readsHTTP(t *testing.T, e cli.Engine) {
	p := newPatrol(t, beat{engine: e.Name, forge: gitHub})
	before := p.states.content()
	p.findsDrift()
	asked := p.states.take()
	if len(asked) < 2 || slices.ContainsFunc(asked, func(method string) bool { return method != "GET" }) {
		t.Errorf("the server of the state was asked %q, want GET only", asked)
	}
	if after := p.states.content(); after != before || !strings.Contains(after, `"serial"`) {
		t.Errorf("the state is %s\nafter the scans, and was %s", after, before)
	}
	p.terminal.Env = append(p.terminal.Env, "TF_HTTP_USERNAME=scan")
	p.terminal.Fail("Error acquiring the state lock", "plan")
	if asked := p.states.take(); !slices.Contains(asked, "LOCK") {
		t.Errorf("a plan with a lock asked %q, want LOCK: else this test shows nothing", asked)
	}
}

// findsDrift scans what is clean, and what was changed by hand.
func (p *patrol) findsDrift() {
	p.T.Helper()
	p.scan("finished 0 2")
	p.change("aws_db_instance", "db", "password", canaryReal)
	p.scan("finished 1 1")
	p.change("aws_db_instance", "db", "password", canaryPassword)
	p.scan("finished 0 2")
}

// s3Storage is a state in S3, locked there by engines that can.
func s3Storage(t *testing.T, e cli.Engine, s3 *s3Server) storage {
	t.Helper()
	endpoint := fmt.Sprintf("endpoints = { s3 = %q }\n    use_path_style = true\n    skip_requesting_account_id = true", s3.address)
	if locksInS3(t, e) {
		endpoint += "\n    use_lockfile = true"
	} else {
		endpoint = fmt.Sprintf("endpoint = %q\n    force_path_style = true", s3.address)
	}
	return storage{
		block: fmt.Sprintf(`backend "s3" {
    bucket = %q
    key    = "network/terraform.tfstate"
    region = "us-east-1"
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    %s
  }`, s3.bucket, endpoint),
		writing: []string{"AWS_ACCESS_KEY_ID=" + s3.writer.id, "AWS_SECRET_ACCESS_KEY=" + s3.writer.secret},
		infra:   map[string]any{"infra_type": "aws", "infra_name": "states", "infra_key_id": s3.reader.id, "infra_key_secret": s3.reader.secret},
		host:    strings.TrimPrefix(s3.address, "http://"),
	}
}

// locksInS3 reports whether an engine keeps locks of states beside them: OpenTofu and
// Terraform from 1.10 on, which also name the server in another way.
func locksInS3(t *testing.T, e cli.Engine) bool {
	t.Helper()
	var v struct {
		Version string `json:"terraform_version"`
	}
	out := cli.NewShell(t, e, "", "", "").Run("version", "-json")
	var major, minor int
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(v.Version, "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 1 || minor >= 10
}
