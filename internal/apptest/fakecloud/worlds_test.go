package fakecloud_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	semver "github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

// world is a stack in which situations share one plan; those that would influence each other
// have worlds of their own.
type world struct {
	name       string
	situations []situation
	noFaults   bool     // the providers with faults are not there: everything is clean
	checks     []string // address and status
	secondPass bool     // a check is unknown at first
}

const data = `check "KEY" {
  data "aws_lookup" "KEY" {
    key = "health"
    FEED
  }
  assert {
    condition = data.aws_lookup.KEY.value == "ok"
    error_message = "it is not healthy"
  }
}
`

func check(feed string) string { return strings.Replace(data, "FEED", feed, 1) }

var worlds = []world{
	{name: "many", situations: slices.Concat(attributes, shapes, plans)},
	// A plan of this one exits with 2 and is "applyable", as the check reads a data source.
	{name: "clean with a check", noFaults: true, checks: []string{"check.clean pass"}, situations: []situation{
		{name: "clean", code: obj("aws_instance", `tags = { a = "1" }`) + check("")}}},
	// What a check reads is a relevant attribute, though nothing follows from it.
	{name: "noise that a check reads", noFaults: true, checks: []string{"check.noise pass"}, situations: []situation{
		{name: "noise", code: obj("aws_db_instance", "") + check("feed = aws_db_instance.KEY.latest_restorable_time"),
			happens: set("aws_db_instance", "latest_restorable_time", "later"),
			want:    []string{"aws_db_instance.KEY latest_restorable_time: state-only info"}}}},
	{name: "a check that fails", noFaults: true, checks: []string{"check.fails fail"}, situations: []situation{
		{name: "fails", code: obj("aws_instance", "") + check(""), happens: func(c *fakecloud.Cloud) error {
			c.Answer("health", "down")
			return nil
		}}}},
	{name: "a check that is unknown", noFaults: true, secondPass: true, checks: []string{"check.unknown fail"}, situations: []situation{
		{name: "unknown", code: obj("aws_db_instance", `engine = "a"`) + "check \"KEY\" {\n  assert {\n    condition = aws_db_instance.KEY.platform_version == \"platform_version-1\"\n    error_message = \"moved\"\n  }\n}\n",
			happens: func(c *fakecloud.Cloud) error {
				return c.Change("aws_db_instance", "KEY", func(o fakecloud.Object) { o["engine"], o["platform_version"] = "b", "v2" })
			},
			want: []string{"aws_db_instance.KEY engine: drift critical", "aws_db_instance.KEY platform_version: state-only info"}}}},
	{name: "drift that feeds another", noFaults: true, situations: []situation{
		{name: "feeds", code: obj("aws_db_instance", "") + "resource \"aws_instance\" \"KEY_fed\" {\n  name = \"KEY_fed\"\n  description = aws_db_instance.KEY.platform_version\n}\n",
			happens: set("aws_db_instance", "platform_version", "v2"),
			want:    []string{"aws_db_instance.KEY platform_version: drift-feeds low", "aws_instance.KEY_fed description: pending-config low"}}}},
	{name: "drift that feeds an output", noFaults: true, situations: []situation{
		{name: "output", code: obj("aws_db_instance", "") + "output \"KEY\" {\n  value = aws_db_instance.KEY.platform_version\n}\n",
			happens: set("aws_db_instance", "platform_version", "v2"),
			want:    []string{"aws_db_instance.KEY platform_version: drift-feeds low"}}}},
	{name: "only an output changes", noFaults: true, situations: []situation{
		{name: "output", code: obj("aws_db_instance", "") + "output \"KEY\" {\n  value = \"a\"\n}\n", now: obj("aws_db_instance", "") + "output \"KEY\" {\n  value = \"b\"\n}\n",
			want: []string{"output.KEY: pending-config low"}}}},
}

// TestSituations: on both engines each situation is told as it is, and nothing else is told.
func TestSituations(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 {
		t.Skip("neither tofu nor terraform is here: run make engines")
	}
	count := 0
	for _, w := range worlds {
		count += len(w.situations)
	}
	if count < 60 {
		t.Errorf("there are %d situations, want 60", count)
	}
	config := cli.FakeProviderConfig(t)
	slots := make(chan struct{}, 2)
	var mu sync.Mutex
	verdicts := map[string]map[string][]string{}
	t.Run("engines", func(t *testing.T) {
		for _, w := range worlds {
			for _, e := range engines {
				t.Run(w.name+"/"+e.Name, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					told := w.scan(t, cli.NewShell(t, e, "", "", ""), config)
					mu.Lock()
					defer mu.Unlock()
					if verdicts[w.name] == nil {
						verdicts[w.name] = map[string][]string{}
					}
					verdicts[w.name][e.Name] = told
				})
			}
		}
	})
	for name, byEngine := range verdicts {
		for _, line := range byEngine["terraform"] { // which may be too old for some situations
			if tofu := byEngine["tofu"]; tofu != nil && !slices.Contains(tofu, line) {
				t.Errorf("%s: Terraform's plan tells %q, OpenTofu's does not", name, line)
			}
		}
	}
}

func (s situation) text(text string) string { return strings.ReplaceAll(text, "KEY", s.name) }

// possible leaves out the situations whose words an older Terraform does not know.
func (w world) possible(s *cli.Shell) world {
	var is struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal([]byte(output(s, "version", "-json")), &is); err != nil {
		s.T.Fatal(err)
	}
	version, err := semver.NewVersion(is.Version)
	if err != nil {
		s.T.Fatal(err)
	}
	w.situations = slices.DeleteFunc(slices.Clone(w.situations), func(one situation) bool {
		return s.Engine.Name == "terraform" && one.since != "" && version.LessThan(semver.Must(semver.NewVersion(one.since)))
	})
	return w
}

// scan applies the world, lets happen what happens, plans and judges. It returns what is told.
func (w world) scan(t *testing.T, s *cli.Shell, config string) []string {
	cloud := new(fakecloud.Cloud)
	cloud.Answer("health", "ok")
	server := httptest.NewServer(cloud)
	defer server.Close()
	s.Env = append(s.Env, "TF_CLI_CONFIG_FILE="+config, "FAKECLOUD="+server.URL)
	w = w.possible(s)
	w.write(t, s, cloud, false)
	s.Run("init", "-input=false")
	s.Run("apply", "-auto-approve", "-input=false", "-compact-warnings")
	for _, one := range w.situations {
		for _, command := range one.commands {
			s.Run(strings.Fields(one.text(command))...)
		}
	}
	w.happen(t, cloud)
	w.write(t, s, cloud, true)
	plan := show(s, "plan", "-out=tfplan", "-input=false", "-lock=false")
	schemas := []byte(output(s, "providers", "schema", "-json"))
	result := classified(t, plan, classify.Options{Schemas: bytes.NewReader(schemas)})
	w.sameWithoutSchemas(t, result, classified(t, plan, classify.Options{}))
	if result.NeedsRefresh() != w.secondPass {
		t.Errorf("NeedsRefresh = %v, want %v", result.NeedsRefresh(), w.secondPass)
	}
	if result.NeedsRefresh() {
		if err := result.Refresh(bytes.NewReader(show(s, "plan", "-refresh-only", "-out=tfplan", "-input=false", "-lock=false"))); err != nil {
			t.Fatal(err)
		}
	}
	return w.judge(t, result)
}

// happen runs what changes the cloud, with the names of the situations.
func (w world) happen(t *testing.T, cloud *fakecloud.Cloud) {
	for _, one := range w.situations {
		if one.happens == nil {
			continue
		}
		if err := one.happens(cloud.Named("KEY", one.name)); err != nil {
			t.Fatalf("%s: %v", one.name, err)
		}
	}
}

// write puts the code of all situations into the folder.
func (w world) write(t *testing.T, s *cli.Shell, cloud *fakecloud.Cloud, now bool) {
	var main strings.Builder
	main.WriteString("terraform {\n  required_providers {\n")
	for _, p := range cli.FakeProviders {
		if p == "aws" || !w.noFaults {
			fmt.Fprintf(&main, "    %s = { source = \"fakecloud.test/lab/%s\" }\n", p, p)
		}
	}
	main.WriteString("  }\n}\n")
	if !w.noFaults {
		main.WriteString("provider \"aws\" {\n  alias = \"second\"\n  region = \"b\"\n}\n")
		for alias, faults := range map[string]string{"busy": `429 = "1", 500 = "1", latency = "5ms"`, "noisy": `noise = "latest_restorable_time"`, "stale": `stale = "3"`} {
			fmt.Fprintf(&main, "provider \"aws\" {\n  alias = %q\n  faults = { %s }\n}\n", alias, faults)
		}
	}
	s.Write("main.tf", main.String())
	for _, one := range w.situations {
		for name, content := range one.files {
			file := filepath.Join(s.Dir, one.text(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(one.text(content)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code := one.code
		if now && one.now != "" {
			code = one.now
		}
		if one.exists && now {
			code = strings.ReplaceAll(code, "IMPORTED", cloud.Add("aws_instance", fakecloud.Object{"name": one.name}))
		}
		s.Write("s_"+one.name+".tf", one.text(code))
	}
}

// show makes a plan and returns it as JSON.
func show(s *cli.Shell, args ...string) []byte {
	s.Run(args...)
	return []byte(output(s, "show", "-json", "tfplan"))
}

// output is what a command prints to its standard output.
func output(s *cli.Shell, args ...string) string {
	s.T.Helper()
	cmd := s.Command(s.T.Context(), "", args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		s.T.Fatalf("%v: %v\n%s", args, err, failed.String())
	}
	return string(out)
}

func classified(t *testing.T, plan []byte, o classify.Options) classify.Result {
	t.Helper()
	r, err := classify.Plan(bytes.NewReader(plan), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameWithoutSchemas: schemas make paths more exact, they do not decide what drifted.
func (w world) sameWithoutSchemas(t *testing.T, with, without classify.Result) {
	t.Helper()
	kinds := func(r classify.Result) []string {
		var out []string
		for _, f := range r.Findings {
			out = append(out, f.Address+" "+string(f.Kind))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if diff := cmp.Diff(kinds(with), kinds(without)); diff != "" {
		t.Errorf("schemas decide what drifted (-with +without):\n%s", diff)
	}
}

// judge compares what is told with what each situation wants.
func (w world) judge(t *testing.T, r classify.Result) []string {
	v, err := severity.Judge(r, severity.Context{})
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, one := range w.situations {
		for _, line := range one.want {
			want = append(want, one.text(line))
		}
	}
	drifted := map[string]bool{}
	for _, f := range v.Findings {
		line := fmt.Sprintf("%s %s", f.Finding, f.Severity)
		if f.Masked {
			line += " masked"
		}
		got = append(got, line)
		if f.Kind.Drifted() {
			drifted[f.Address] = true
		}
		if text := fmt.Sprintf("%+v %v", f, f.Object); strings.Contains(text, "s3cret") {
			t.Errorf("%s holds a secret: %s", f.Finding, text)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if r.Drifted != len(drifted) {
		t.Errorf("%d resources drifted, want %d", r.Drifted, len(drifted))
	}
	var checks []string
	for _, c := range r.Checks {
		checks = append(checks, c.Address+" "+c.Status)
	}
	if diff := cmp.Diff(w.checks, checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	return append(got, checks...)
}
