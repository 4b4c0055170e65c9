package sshkeys_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"
	"golang.org/x/crypto/ssh"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

// newKey returns a private key and the public one.
func newKey(t *testing.T, passphrase string) (private, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(priv, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(k))
}

func document(attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "ssh-keys", "attributes": attributes}}
}

func TestKeyLifecycle(t *testing.T) {
	private, _ := newKey(t, "")
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c := s.Client(org.Owner.Token)
		key, err := c.SSHKeys.Create(ctx, "acme", tfe.SSHKeyCreateOptions{Name: new("deploy"), Value: &private})
		if err != nil {
			s.T.Fatal(err)
		}
		if secret, err := s.App.SSHKeys.Reveal(ctx, key.ID); err != nil || secret.Reveal() != private {
			s.T.Errorf("Reveal = %q, %v, want the private key", secret.Reveal(), err)
		}
		if got, err := c.SSHKeys.Update(ctx, key.ID, tfe.SSHKeyUpdateOptions{Name: new("ci")}); err != nil || got.Name != "ci" {
			s.T.Errorf("Update = %+v, %v, want ci", got, err)
		}
		list, err := c.SSHKeys.List(ctx, "acme", nil)
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != "ci" || list.TotalCount != 1 {
			s.T.Errorf("List = %+v, %v, want ci alone", list, err)
		}
		for _, path := range []string{"/api/v2/organizations/acme/ssh-keys", "/api/v2/ssh-keys/" + key.ID} {
			if body := string(s.Do("GET", path, org.Owner.Token, nil).Body); strings.Contains(body, "PRIVATE") || strings.Contains(body, "value") {
				s.T.Errorf("GET %s = %s, want no value in it", path, body)
			}
		}
		if err := c.SSHKeys.Delete(ctx, key.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if _, err := s.App.SSHKeys.Reveal(ctx, key.ID); err == nil {
			s.T.Errorf("Reveal after Delete = nil, want an error")
		}
	})
}

func TestRefusedKeys(t *testing.T) {
	private, public := newKey(t, "")
	locked, _ := newKey(t, "secret")
	s := apptest.Start(t)
	org := s.Org("acme")
	post := func(attributes map[string]any) *apptest.Response {
		return s.Do("POST", "/api/v2/organizations/acme/ssh-keys", org.Owner.Token, document(attributes))
	}
	if r := post(map[string]any{"name": "deploy", "value": private}); r.Status != 201 {
		t.Fatalf("create = %d %s", r.Status, r.Body)
	}
	for name, c := range map[string]struct {
		attributes      map[string]any
		detail, pointer string
	}{
		"taken name":  {map[string]any{"name": "deploy", "value": private}, "Name has already been taken", "/data/attributes/name"},
		"no name":     {map[string]any{"value": private}, "Name can't be blank", "/data/attributes/name"},
		"blank name":  {map[string]any{"name": " ", "value": private}, "Name can't be blank", "/data/attributes/name"},
		"long name":   {map[string]any{"name": strings.Repeat("x", 256), "value": private}, "Name is too long", "/data/attributes/name"},
		"NUL in name": {map[string]any{"name": "a\x00b", "value": private}, "Name can't contain", "/data/attributes/name"},
		"no value":    {map[string]any{"name": "a"}, "Value can't be blank", "/data/attributes/value"},
		"public key":  {map[string]any{"name": "a", "value": public}, "Value is a public key", "/data/attributes/value"},
		"passphrase":  {map[string]any{"name": "a", "value": locked}, "with a passphrase", "/data/attributes/value"},
		"cut key":     {map[string]any{"name": "a", "value": private[:100]}, "not a private key", "/data/attributes/value"},
		"big value":   {map[string]any{"name": "a", "value": strings.Repeat("x", 65<<10)}, "Value is too large", "/data/attributes/value"},
	} {
		r := post(c.attributes)
		if r.Status != 422 || !strings.Contains(r.Detail(), c.detail) || !strings.Contains(string(r.Body), `"pointer":"`+c.pointer+`"`) {
			t.Errorf("create with %s = %d %s, want 422 %q at %s", name, r.Status, r.Body, c.detail, c.pointer)
		}
		if strings.Contains(string(r.Body), "BEGIN") {
			t.Errorf("create with %s = %s, want no key in it", name, r.Body)
		}
	}
	if r := s.Do("POST", "/api/v2/organizations/acme/ssh-keys", org.Owner.Token, `{"data":{"type":"ssh-keys","attributes":{"name":7,"value":[]}}}`); r.Status < 400 || r.Status >= 500 {
		t.Errorf("create with wrong types = %d %s, want a client's error", r.Status, r.Body)
	}
}

func TestWhoMayUseKeys(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		ws := s.Workspace(org, "", "app")
		orgToken := s.Token(tokens.Token{Kind: tokens.Org, OrgID: &org.ID})
		who := map[string]struct {
			token       string
			read, write int
		}{
			"guest":           {"", 401, 401},
			"stranger":        {other.Owner.Token, 404, 404},
			"member":          {s.Member(org, "member").Token, 404, 404},
			"workspace write": {s.With(org, "writer", nil, map[string]string{ws: "write"}).Token, 404, 404},
			"workspace admin": {s.With(org, "wsadmin", nil, map[string]string{ws: "admin"}).Token, 200, 404},
			"vcs manager":     {s.With(org, "vcs", []string{"manage-vcs-settings"}, nil).Token, 200, 200},
			"owner":           {org.Owner.Token, 200, 200},
			"organization":    {orgToken, 404, 404},
			"site admin":      {s.AdminToken(), 200, 200},
		}
		i := 0
		for name, w := range who {
			i++
			var made struct{ Data struct{ ID string } }
			r := s.Do("POST", "/api/v2/organizations/acme/ssh-keys", org.Owner.Token, document(map[string]any{"name": fmt.Sprint("k", i), "value": "text"}))
			if err := json.Unmarshal(r.Body, &made); err != nil || r.Status != 201 {
				s.T.Fatalf("create = %d %s", r.Status, r.Body)
			}
			key := "/api/v2/ssh-keys/" + made.Data.ID
			for _, step := range []struct {
				method, path string
				body         any
				want         int
			}{
				{"GET", "/api/v2/organizations/acme/ssh-keys", nil, w.read},
				{"GET", key, nil, w.read},
				{"POST", "/api/v2/organizations/acme/ssh-keys", document(map[string]any{"name": fmt.Sprint("n", i), "value": "text"}), w.write},
				{"PATCH", key, document(map[string]any{"name": fmt.Sprint("r", i)}), w.write},
				{"DELETE", key, nil, w.write},
			} {
				want := step.want
				if want < 400 {
					want = map[string]int{"GET": 200, "POST": 201, "PATCH": 200, "DELETE": 204}[step.method]
				}
				if r := s.Do(step.method, step.path, w.token, step.body); r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", step.method, step.path, name, r.Status, r.Body, want)
				}
			}
		}
	})
}
