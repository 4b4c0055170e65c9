package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/apptest/process"
)

// fifty is a folder with fifty resources in a cloud that takes 50 ms for each answer. %q is
// the address of its state.
const fifty = `
terraform {
  required_providers { aws = { source = "lab/aws" } }
  backend "http" { address = %q }
}
provider "aws" {
  faults = { latency = "50ms" }
}
resource "aws_instance" "web" {
  count = 50
  name  = "web-${count.index}"
  tags  = { Owner = "ops" }
}
`

// watched is a server with a schedule for folders that are all alike.
type watched struct {
	*process.Server
	cloud    *fakecloud.Cloud
	token    string
	schedule string
}

const watchedFolders = 24

func newWatched(b *testing.B) *watched {
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		b.Skip("tofu is not here: run make engines")
	}
	mirror, git := cli.FakeProviderMirror(b), apptest.NewGitHost(b)
	w := &watched{cloud: &fakecloud.Cloud{}}
	states := &stateStore{}
	cloud, states0 := httptest.NewServer(w.cloud), httptest.NewServer(states)
	b.Cleanup(cloud.Close)
	b.Cleanup(states0.Close)
	store := states.storage(states0.URL)
	main := fmt.Sprintf(fifty, states0.URL+"/network")
	sh := cli.NewShell(b, engines[0], "", "", "")
	sh.Write("main.tf", main)
	sh.Mirror(mirror)
	sh.Env = append(append(sh.Env, "FAKECLOUD="+cloud.URL), store.writing...)
	sh.Run("init")
	sh.Run("apply", "-auto-approve", "-lock=false")
	files, folders := map[string]string{}, []string{}
	for i := range watchedFolders {
		folder := fmt.Sprintf("stack-%02d", i)
		files[folder+"/main.tf"], files[folder+"/.terraform.lock.hcl"] = main, sh.Read(".terraform.lock.hcl")
		folders = append(folders, fmt.Sprintf("%q", folder))
	}
	git.Commit("acme/infra", "main", files)
	address := func(url string) string { return strings.TrimPrefix(url, "http://") }
	w.Server = process.StartTLS(b, b.TempDir(), "--engine", engines[0].Path, "--provider-mirror", mirror, "--run-allow", address(cloud.URL)+","+address(states0.URL),
		"--outbound-allow", "127.0.0.0/8", "--outbound-http")
	w.token = w.AdminToken()
	w.post(b, "organizations", `"name":"acme","email":"a@example.com"`, "")
	repo := w.post(b, "organizations/acme/drift-repositories", fmt.Sprintf(`"url":%q,"type":"git"`, git.Address("acme/infra")), "")
	infra := w.post(b, "organizations/acme/drift-connections", fmt.Sprintf(`"name":"lab","type":"oth","credentials":%q`, "FAKECLOUD="+cloud.URL+"\n"+store.reading), "")
	w.schedule = w.post(b, "organizations/acme/drift-schedules", `"name":"all","branch":"main","frequency":"off","folders":[`+strings.Join(folders, ",")+`]`,
		fmt.Sprintf(`"repository":{"data":{"type":"drift-repositories","id":%q}},"connections":{"data":[{"type":"drift-connections","id":%q}]}`, repo, infra))
	return w
}

func (w *watched) post(b *testing.B, path, attributes, relationships string) (id string) {
	b.Helper()
	typ := path[strings.LastIndex(path, "/")+1:]
	status, body := w.Do("POST", "/api/v2/"+path, w.token, strings.NewReader(`{"data":{"type":"`+typ+`","attributes":{`+attributes+`},"relationships":{`+relationships+`}}}`))
	if status != http.StatusCreated {
		b.Fatalf("POST %s = %d %s", path, status, body)
	}
	return found(body, `"id":"`)
}

// found is what follows a word, up to a quote.
func found(body []byte, word string) string {
	_, rest, _ := strings.Cut(string(body), word)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// round scans all folders and waits for the last.
func (w *watched) round(b *testing.B) (batch string) {
	b.Helper()
	status, body := w.Do("POST", "/api/v2/drift-schedules/"+w.schedule+"/actions/scan", w.token, nil)
	if batch = found(body, `"scan-id":"`); status != http.StatusAccepted || batch == "" {
		b.Fatalf("scan = %d %s", status, body)
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		_, body := w.Do("GET", "/api/v2/organizations/acme/drift-scans?filter[batch]="+batch+"&filter[status]=queued,running&page[size]=1", w.token, nil)
		if strings.Contains(string(body), `"total-count":0`) {
			return batch
		}
	}
}

// good fails the benchmark unless all scans of a batch ended well, warm if that is wanted.
func (w *watched) good(b *testing.B, batch, drifted string, warm bool) {
	b.Helper()
	_, body := w.Do("GET", "/api/v2/organizations/acme/drift-scans?filter[batch]="+batch+"&page[size]=100", w.token, nil)
	text := string(body)
	if n := strings.Count(text, `"status":"finished"`); n != watchedFolders || strings.Count(text, `"resources-drifted":`+drifted+`,`) != watchedFolders ||
		warm && strings.Count(text, `"warm":true`) != watchedFolders {
		b.Fatalf("%d scans have finished, want %d with %s drifted, warm %v: %.3000s\nthe server's log ends with:\n%s", n, watchedFolders, drifted, warm, text, tail(w.Log(), 2000))
	}
}

// BenchmarkScans looks at folders of a repository again and again: 50 resources each, 50 ms
// for each answer of the cloud, a warm server, and the whole way from git over the engine and
// the rules into the database. Each operation is a round through 24 folders. The metrics are
// scans an hour, and seconds of CPU time for a scan, of the server with all its descendants.
// "drifted" has two resources changed in each folder.
func BenchmarkScans(b *testing.B) {
	w := newWatched(b)
	w.good(b, w.round(b), "0", false)
	w.round(b)
	measure := func(drifted string) func(b *testing.B) {
		return func(b *testing.B) {
			rounds, cpu, wall := 0, time.Duration(0), time.Duration(0)
			for b.Loop() {
				began, before := time.Now(), w.CPU()
				batch := w.round(b)
				wall, cpu, rounds = wall+time.Since(began), cpu+w.CPU()-before, rounds+1
				w.good(b, batch, drifted, true)
			}
			scans := float64(rounds * watchedFolders)
			b.ReportMetric(scans/wall.Hours(), "scans/h")
			b.ReportMetric(cpu.Seconds()/scans, "cpu-s/scan")
			b.ReportMetric(0, "ns/op")
		}
	}
	b.Run("clean", measure("0"))
	for _, name := range []string{"web-1", "web-2"} {
		if err := w.cloud.Change("aws_instance", name, func(o fakecloud.Object) { o["tags"] = map[string]any{"Owner": "by hand"} }); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("drifted", measure("2"))
}
