package drift_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// TestRepositoriesOverSSH: a key opens a repository; the host's key is kept when it is seen
// first, or given, and another one is refused until somebody says that it is right.
func TestRepositoriesOverSSH(t *testing.T) {
	w := &world{host: apptest.NewGitHost(t)}
	commit := w.host.Commit("private/infra", "main", map[string]string{"net/main.tf": `terraform { backend "local" {} }`})
	host := w.host.SSH()
	w.Server = apptest.Start(t, func(c *config.Server) { c.Outbound.Allow = []string{"127.0.0.0/8"} })
	w.org = w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	save := func(more obj) (int, obj) {
		in := obj{"save": 1, "state_type": "git", "state_repo": host.Address + "/private/infra", "state_token": host.Key}
		maps.Copy(in, more)
		status, answer, _ := w.call(w.key, "state", in)
		return status, answer
	}
	if status, answer := save(obj{"state_token": "no key"}); status != 400 || answer["field"] != "state_token" {
		t.Errorf("save with what is no key = %d %v, want 400", status, answer)
	}
	if status, answer := save(obj{"state_token": w.host.SSH().Key}); status != 400 || answer["code"] != "repo_unreachable" || answer["field"] != "state_token" {
		t.Errorf("save with the key of another = %d %v, want 400 of the token", status, answer)
	}
	status, saved := save(obj{"skip_check": true}) // so that the first use is a scan's
	id, _ := saved["state_id"].(string)
	if status != 200 || id == "" {
		t.Fatalf("save = %d %v", status, saved)
	}
	hosts := func() string {
		_, got, _ := w.call(w.key, "state", obj{"get": 1, "state_id": id})
		payload, _ := got["payload"].(obj)
		return fmt.Sprint(payload["known_hosts"])
	}
	if hosts() != "" {
		t.Errorf("known hosts = %q before the first use", hosts())
	}
	archive := func() error {
		a, err := w.App.Drift.Repositories.Archive(t.Context(), id, "main", []string{"net"})
		if err == nil && a.Commit != commit {
			t.Errorf("commit = %s, want %s", a.Commit, commit)
		}
		return err
	}
	if err := archive(); err != nil {
		t.Fatal(err)
	}
	pinned := hosts()
	if !strings.HasPrefix(pinned, "[127.0.0.1]:") || !strings.Contains(pinned, "ssh-ed25519 ") {
		t.Errorf("known hosts = %q after the first use, want the key of the host", pinned)
	}
	test := func() obj {
		_, answer, _ := w.call(w.key, "state", obj{"test": 1, "state_id": id})
		return answer
	}
	if answer := test(); answer["status"] != "good" || fmt.Sprint(answer["branches"], answer["files"]) != "[main] [net]" {
		t.Errorf("test = %v", answer)
	}

	line := host.NewHostKey()
	if answer := test(); answer["status"] != "bad" || answer["code"] != vcs.HostKey || !strings.Contains(fmt.Sprint(answer["message"]), "another SSH key") {
		t.Errorf("test after the host has got another key = %v, want it refused", answer)
	}
	if err := archive(); !errors.Is(err, &vcs.Error{Code: vcs.HostKey}) || hosts() != pinned {
		t.Errorf("Archive after that = %v, known hosts %q; want it refused and the key kept", err, hosts())
	}
	if _, err := w.App.Drift.Repositories.Head(t.Context(), id, "main"); !errors.Is(err, &vcs.Error{Code: vcs.HostKey}) {
		t.Errorf("Head after that = %v, want it refused", err)
	}
	if status, answer := save(obj{"state_id": id, "state_known_hosts": line}); status != 200 || archive() != nil {
		t.Errorf("save with the new key = %d %v, want it taken", status, answer)
	}
	host.NewHostKey()
	if status, answer := save(obj{"state_id": id, "state_known_hosts": ""}); status != 200 || archive() != nil || hosts() == pinned {
		t.Errorf("save with no known hosts = %d %v %q, want the key that is shown now", status, answer, hosts())
	}
	w.leaksNothing("OPENSSH PRIVATE KEY")
}
