package gpgkeys_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
)

const all = "/api/registry/private/v2/gpg-keys"

func document(attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "gpg-keys", "attributes": attributes}}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, signer := s.Client(org.Owner.Token), apptest.NewSigner(s.T)
		key, err := c.GPGKeys.Create(ctx, tfe.PrivateRegistry, tfe.GPGKeyCreateOptions{Namespace: "acme", AsciiArmor: signer.Armor})
		if err != nil {
			s.T.Fatal(err)
		}
		if key.KeyID != signer.KeyID || key.AsciiArmor != signer.Armor || key.Namespace != "acme" || key.CreatedAt.IsZero() {
			s.T.Errorf("Create = %+v, want key %s", key, signer.KeyID)
		}
		id := tfe.GPGKeyID{RegistryName: tfe.PrivateRegistry, Namespace: "acme", KeyID: signer.KeyID}
		if got, err := c.GPGKeys.Read(ctx, id); err != nil || got.ID != key.ID {
			s.T.Errorf("Read = %+v, %v", got, err)
		}
		list, err := c.GPGKeys.ListPrivate(ctx, tfe.GPGKeyListOptions{Namespaces: []string{"acme"}})
		if err != nil || len(list.Items) != 1 || list.TotalCount != 1 {
			s.T.Errorf("List = %+v, %v, want the key alone", list, err)
		}
		if err := c.GPGKeys.Delete(ctx, id); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if _, err := c.GPGKeys.Read(ctx, id); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Read after Delete = %v, want not found", err)
		}
	})
}

// TestAnswersAreThoseOfTheDocumentation compares members and statuses with the samples of
// private-registry_gpg-keys.md.
func TestAnswersAreThoseOfTheDocumentation(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, signer := s.Org("acme"), apptest.NewSigner(s.T)
		s.Org("acme2")
		check := func(what string, r *apptest.Response, status int, data any) string {
			s.T.Helper()
			if one, ok := data.(map[string]any); r.Status != status || !ok {
				s.T.Fatalf("%s = %d %s, want %d", what, r.Status, r.Body, status)
			} else {
				a := one["attributes"].(map[string]any)
				for _, at := range []string{"created-at", "updated-at"} {
					if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`).MatchString(fmt.Sprint(a[at])) {
						s.T.Errorf("%s: %s = %v, want a time", what, at, a[at])
					}
					delete(a, at)
				}
				want := map[string]any{"type": "gpg-keys", "id": one["id"], "links": map[string]any{"self": "/v2/gpg-keys/" + fmt.Sprint(one["id"])},
					"attributes": map[string]any{"ascii-armor": signer.Armor, "key-id": signer.KeyID, "namespace": "acme", "source": "", "source-url": nil, "trust-signature": ""}}
				if diff := cmp.Diff(want, one); diff != "" {
					s.T.Errorf("%s (-want +got):\n%s", what, diff)
				}
				return fmt.Sprint(one["id"])
			}
			return ""
		}
		r := s.Do("POST", all, org.Owner.Token, document(map[string]any{"namespace": "acme", "ascii-armor": signer.Armor}))
		check("POST", r, 201, r.JSON()["data"])
		one := all + "/acme/" + signer.KeyID
		r = s.Do("GET", one, org.Owner.Token, nil)
		check("GET", r, 200, r.JSON()["data"])
		r = s.Do("GET", all+"?filter%5Bnamespace%5D=acme,nobody", org.Owner.Token, nil)
		list, _ := r.JSON()["data"].([]any)
		if len(list) != 1 {
			s.T.Fatalf("GET list = %d %s", r.Status, r.Body)
		}
		check("GET list", r, 200, list[0])
		if meta := r.JSON()["meta"].(map[string]any)["pagination"].(map[string]any); meta["page-size"] != 20.0 || meta["total-count"] != 1.0 {
			s.T.Errorf("pagination = %v, want pages of 20 and 1 in all", meta)
		}
		r = s.Do("PATCH", one, org.Owner.Token, document(map[string]any{"namespace": "acme"}))
		check("PATCH", r, 201, r.JSON()["data"])
		r = s.Do("DELETE", one, org.Owner.Token, document(map[string]any{}))
		check("DELETE", r, 201, r.JSON()["data"])
		if r = s.Do("GET", one, org.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET after DELETE = %d, want 404", r.Status)
		}
	})
}

func TestEveryKindOfKeySigns(t *testing.T) {
	s := apptest.Start(t)
	org, content := s.Org("acme"), read(t, "document")
	for _, kind := range []string{"rsa2048", "dsa2048", "ed25519", "nistp256", "expired"} {
		armor, signature := string(read(t, kind+".asc")), read(t, kind+".sig")
		r := s.Do("POST", all, org.Owner.Token, document(map[string]any{"namespace": "acme", "ascii-armor": armor}))
		if r.Status != 201 {
			t.Errorf("POST of %s = %d %s", kind, r.Status, r.Body)
		}
		if err := gpgkeys.Verify(armor, content, signature); err != nil {
			t.Errorf("Verify(%s) = %v", kind, err)
		}
		if err := gpgkeys.Verify(armor, append(content, '!'), signature); err == nil || !strings.Contains(err.Error(), "does not fit") {
			t.Errorf("Verify(%s) of another document = %v, want that it does not fit", kind, err)
		}
		if err := gpgkeys.Verify(apptest.NewSigner(t).Armor, content, signature); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Errorf("Verify(%s) with another key = %v, want that another key made it", kind, err)
		}
		if err := gpgkeys.Verify(armor, content, []byte("no signature")); err == nil {
			t.Errorf("Verify(%s) of nonsense = nil", kind)
		}
	}
	if err := gpgkeys.Verify(apptest.NewSigner(t).Armor, content, []byte("-----BEGIN PGP SIGNATURE-----\n")); err == nil || !strings.Contains(err.Error(), "--armor") {
		t.Errorf("Verify of an armored signature = %v, want how to make a binary one", err)
	}
}

func TestRefusedKeys(t *testing.T) {
	s := apptest.Start(t)
	org, signer := s.Org("acme"), apptest.NewSigner(t)
	post := func(attributes map[string]any) *apptest.Response {
		return s.Do("POST", all, org.Owner.Token, document(attributes))
	}
	if r := post(map[string]any{"namespace": "acme", "ascii-armor": signer.Armor}); r.Status != 201 {
		t.Fatalf("POST = %d %s", r.Status, r.Body)
	}
	two := string(read(t, "rsa2048.asc")) + string(read(t, "dsa2048.asc"))
	for name, c := range map[string]struct {
		attributes      map[string]any
		detail, pointer string
	}{
		"no namespace":  {map[string]any{"ascii-armor": signer.Armor}, "Namespace can't be blank", "namespace"},
		"no armor":      {map[string]any{"namespace": "acme"}, "ASCII armor can't be blank", "ascii-armor"},
		"taken":         {map[string]any{"namespace": "acme", "ascii-armor": signer.Armor}, "has this key already", "ascii-armor"},
		"no key":        {map[string]any{"namespace": "acme", "ascii-armor": "hello"}, "not a valid GPG public key", "ascii-armor"},
		"damaged":       {map[string]any{"namespace": "acme", "ascii-armor": strings.Replace(signer.Armor, signer.Armor[200:230], "", 1)}, "not a valid GPG public key", "ascii-armor"},
		"private key":   {map[string]any{"namespace": "acme", "ascii-armor": signer.PrivateArmor()}, "is a private key", "ascii-armor"},
		"revoked":       {map[string]any{"namespace": "acme", "ascii-armor": string(read(t, "revoked.asc"))}, "was revoked", "ascii-armor"},
		"two blocks":    {map[string]any{"namespace": "acme", "ascii-armor": two}, "several blocks", "ascii-armor"},
		"too large":     {map[string]any{"namespace": "acme", "ascii-armor": strings.Repeat("x", 257<<10)}, "too large", "ascii-armor"},
		"wrong type":    {map[string]any{"namespace": "acme", "ascii-armor": 7}, "", "ascii-armor"},
		"NUL character": {map[string]any{"namespace": "acme", "ascii-armor": "a\x00b"}, "not a valid GPG public key", "ascii-armor"},
	} {
		r := post(c.attributes)
		if r.Status != 422 || !strings.Contains(r.Detail(), c.detail) || !strings.Contains(string(r.Body), `"pointer":"/data/attributes/`+c.pointer+`"`) {
			t.Errorf("POST with %s = %d %s, want 422 %q at %s", name, r.Status, r.Body, c.detail, c.pointer)
		}
		if strings.Contains(string(r.Body), "BEGIN") {
			t.Errorf("POST with %s = %s, want no key in it", name, r.Body)
		}
	}
}

func TestErrorsOfTheRegistryName(t *testing.T) {
	s := apptest.Start(t)
	org, signer := s.Org("acme"), apptest.NewSigner(t)
	body := document(map[string]any{"namespace": "acme", "ascii-armor": signer.Armor})
	if r := s.Do("POST", all, org.Owner.Token, body); r.Status != 201 {
		t.Fatalf("POST = %d %s", r.Status, r.Body)
	}
	for registry, want := range map[string]int{"public": 403, "elsewhere": 404} {
		base := "/api/registry/" + registry + "/v2/gpg-keys"
		for _, c := range [][2]string{{"GET", base + "?filter[namespace]=acme"}, {"POST", base}, {"GET", base + "/acme/" + signer.KeyID},
			{"PATCH", base + "/acme/" + signer.KeyID}, {"DELETE", base + "/acme/" + signer.KeyID}} {
			if r := s.Do(c[0], c[1], org.Owner.Token, body); r.Status != want {
				t.Errorf("%s %s = %d %s, want %d", c[0], c[1], r.Status, r.Body, want)
			}
		}
	}
	if r := s.Do("GET", all, org.Owner.Token, nil); r.Status != 400 {
		t.Errorf("GET without namespaces = %d %s, want 400", r.Status, r.Body)
	}
	if r := s.Do("GET", all+"?filter[other]=x&filter[namespace]=acme", org.Owner.Token, nil); r.Status != 400 {
		t.Errorf("GET with an unknown filter = %d %s, want 400", r.Status, r.Body)
	}
}

func TestAKeyMovesToAnotherOrganization(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, from, to := s.T.Context(), s.Org("acme"), s.Org("globex")
		signer, both := apptest.NewSigner(s.T), s.AdminToken()
		c := s.Client(both)
		for _, o := range []apptest.Org{from, to} {
			if _, err := s.Client(o.Owner.Token).GPGKeys.Create(ctx, tfe.PrivateRegistry, tfe.GPGKeyCreateOptions{Namespace: o.Name, AsciiArmor: signer.Armor}); err != nil {
				s.T.Fatal(err)
			}
		}
		id := tfe.GPGKeyID{RegistryName: tfe.PrivateRegistry, Namespace: "acme", KeyID: signer.KeyID}
		move := tfe.GPGKeyUpdateOptions{Namespace: "globex"}
		if _, err := s.Client(from.Owner.Token).GPGKeys.Update(ctx, id, move); !errors.Is(err, tfe.ErrNamespaceNotAuthorized) {
			s.T.Errorf("Update into a foreign namespace = %v, want not authorized", err)
		}
		if _, err := c.GPGKeys.Update(ctx, id, move); err == nil || !strings.Contains(err.Error(), "has this key already") {
			s.T.Errorf("Update into a namespace that has the key = %v, want a refusal", err)
		}
		if err := c.GPGKeys.Delete(ctx, tfe.GPGKeyID{RegistryName: tfe.PrivateRegistry, Namespace: "globex", KeyID: signer.KeyID}); err != nil {
			s.T.Fatal(err)
		}
		got, err := c.GPGKeys.Update(ctx, id, move)
		if err != nil || got.Namespace != "globex" || got.KeyID != signer.KeyID {
			s.T.Errorf("Update = %+v, %v, want it in globex", got, err)
		}
		if _, err := c.GPGKeys.Read(ctx, id); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Read in the old namespace = %v, want not found", err)
		}
		if r := s.Do("PATCH", all+"/globex/"+signer.KeyID, both, document(map[string]any{})); r.Status != 422 {
			s.T.Errorf("PATCH without a namespace = %d %s, want 422", r.Status, r.Body)
		}
	})
}

func TestWhoMayUseKeys(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		ws := s.Workspace(org, "", "app")
		for name, w := range map[string]struct {
			token                           string
			list, read, add, change, remove int
		}{
			"guest":            {"", 401, 401, 401, 401, 401},
			"stranger":         {other.Owner.Token, 403, 404, 404, 404, 404},
			"member":           {s.Member(org, "member").Token, 200, 200, 404, 404, 404},
			"module manager":   {s.With(org, "modules", []string{"manage-modules"}, nil).Token, 200, 200, 404, 404, 404},
			"workspace admin":  {s.With(org, "wsadmin", nil, map[string]string{ws: "admin"}).Token, 200, 200, 404, 404, 404},
			"run":              {s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws}), 200, 200, 404, 404, 404},
			"provider manager": {s.With(org, "providers", []string{"manage-providers"}, nil).Token, 200, 200, 201, 201, 201},
			"organization":     {s.Token(tokens.Token{Kind: tokens.Org, OrgID: &org.ID}), 200, 200, 201, 201, 201},
			"owner":            {org.Owner.Token, 200, 200, 201, 201, 201},
			"site admin":       {s.AdminToken(), 200, 200, 201, 201, 201},
		} {
			signer := apptest.NewSigner(s.T)
			body := document(map[string]any{"namespace": "acme", "ascii-armor": signer.Armor})
			check := func(method, path string, want int) {
				s.T.Helper()
				if r := s.Do(method, path, w.token, body); r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", method, path, name, r.Status, r.Body, want)
				}
			}
			check("POST", all, w.add)
			if w.add != 201 {
				s.Do("POST", all, org.Owner.Token, body)
			}
			one := all + "/acme/" + signer.KeyID
			check("GET", all+"?filter[namespace]=acme", w.list)
			check("GET", one, w.read)
			check("PATCH", one, w.change)
			check("DELETE", one, w.remove)
			if r := s.Do("GET", one, org.Owner.Token, nil); (r.Status == 404) != (w.remove == 201) {
				s.T.Errorf("after DELETE by %s the key is %d", name, r.Status)
			}
		}
	})
}

func TestListsTakeTheSameStatementsForAnyLength(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		add := func() {
			body := document(map[string]any{"namespace": "acme", "ascii-armor": apptest.NewSigner(s.T).Armor})
			if r := s.Do("POST", all, org.Owner.Token, body); r.Status != 201 {
				s.T.Fatalf("POST = %d %s", r.Status, r.Body)
			}
		}
		list := func() []string {
			return s.Statements(func() { s.Do("GET", all+"?filter[namespace]=acme", org.Owner.Token, nil) })
		}
		add()
		list()
		one := list()
		for range 4 {
			add()
		}
		if five := list(); len(five) != len(one) {
			s.T.Errorf("five keys take %d statements, one takes %d:\n%s", len(five), len(one), strings.Join(five, "\n"))
		}
		var doc struct{ Data []struct{ ID string } }
		r := s.Do("GET", all+"?filter[namespace]=acme&page[size]=2&page[number]=3", org.Owner.Token, nil)
		if err := json.Unmarshal(r.Body, &doc); err != nil || len(doc.Data) != 1 {
			s.T.Errorf("page 3 of 2 = %s, want the fifth key", r.Body)
		}
	})
}

// TestAKeyThatIsNone: registries name their keys themselves, and a block may hold nothing.
func TestAKeyThatIsNone(t *testing.T) {
	document, signature := read(t, "document"), read(t, "rsa2048.sig")
	for name, armor := range map[string]string{
		"nothing":  "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=twTO\n-----END PGP PUBLIC KEY BLOCK-----\n",
		"no block": "key",
	} {
		err := gpgkeys.Verify(armor, document, signature)
		if p, ok := problem.From(err); !ok || p.Status != 422 || !strings.Contains(p.Detail, "The GPG key cannot be read") {
			t.Errorf("Verify with %s = %v, want a problem with the key", name, err)
		}
	}
}
