// Package sshkeys keeps the SSH keys of an organization, with which runs fetch
// modules from Git servers. A private key goes in and never comes out: clients see
// its name, and only what executes a run reads it, with Reveal.
package sshkeys

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Key is an SSH key.
type Key struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	Name      string  `db:"name"`
	Value     []byte  `db:"value"` // the private key, sealed
	CreatedAt db.Time `db:"created_at"`
}

// Scope implements authz.Scoped.
func (k Key) Scope() authz.Scope { return authz.Scope{Org: k.OrgID} }

// Feature serves SSH keys.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
	Orgs    *orgs.Feature
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "ssh-keys", authz.ReadSSHKeys, f.byIDs, view)
	api.List(r, "/organizations/{organization}/ssh-keys", authz.ReadSSHKeys, f.Orgs.ByName, f.list)
	api.Create(r, "/organizations/{organization}/ssh-keys", authz.ManageSSHKeys, f.Orgs.ByName, f.create)
	api.Read(r, "/ssh-keys/{id}", authz.ReadSSHKeys, f.Find)
	api.Update(r, "/ssh-keys/{id}", authz.ManageSSHKeys, f.Find, f.update)
	api.Delete(r, "/ssh-keys/{id}", authz.ManageSSHKeys, f.Find, f.delete)
}

// view is a key as clients see it.
func view(_ context.Context, k Key) jsonapi.Resource {
	return jsonapi.Resource{
		Type: "ssh-keys", ID: k.ID, Attributes: attributes{Name: k.Name},
		Links: jsonapi.Self("/api/v2/ssh-keys/" + k.ID),
	}
}

type attributes struct {
	Name string `json:"name"`
}

// request are the attributes that clients send. Value counts only when a key is made.
type request struct {
	Name  jsonapi.Opt[string]       `json:"name"`
	Value jsonapi.Opt[crypt.Secret] `json:"value"`
}

// maxName is in characters, maxValue in bytes: an RSA key of 16,384 bits takes 13 kB.
const (
	maxName  = 255
	maxValue = 64 << 10
)

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Key, error) {
	k := Key{ID: id.New("sshkey"), OrgID: org.ID, CreatedAt: db.Now()}
	value := in.Data.Attributes.Value.V.Reveal()
	if err := problem.All(k.rename(in.Data.Attributes.Name), checkValue(value)); err != nil {
		return k, err
	}
	var err error
	if k.Value, err = f.Keyring.Seal(ctx, k.OrgID, []byte(value), aad(k.ID)); err != nil {
		return k, err
	}
	return k, taken(f.DB.Insert(ctx, "ssh_keys", k))
}

func (f *Feature) update(ctx context.Context, k Key, in jsonapi.In[request]) (Key, error) {
	if err := problem.All(k.rename(in.Data.Attributes.Name)); err != nil {
		return k, err
	}
	return k, taken(f.DB.Update(ctx, "ssh_keys", k, "name"))
}

func (f *Feature) delete(ctx context.Context, k Key) error { return f.DB.Delete(ctx, "ssh_keys", k.ID) }

// rename sets the name if the client sent one.
func (k *Key) rename(name jsonapi.Opt[string]) *problem.Problem {
	name.Into(&k.Name)
	k.Name = strings.TrimSpace(k.Name)
	switch {
	case k.Name == "":
		return problem.Invalid("name", "Name can't be blank")
	case utf8.RuneCountInString(k.Name) > maxName:
		return problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	case strings.ContainsRune(k.Name, 0):
		return problem.Invalid("name", "Name can't contain a NUL character")
	}
	return nil
}

var publicKey = regexp.MustCompile(`^(ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+ AAAA`)

// checkValue refuses what is recognisably no usable private key: PEM that does not
// hold one, a passphrase, a public key. Text that is no PEM at all is taken, as HCP
// Terraform does and go-tfe's tests expect.
func checkValue(value string) *problem.Problem {
	text := strings.TrimSpace(value)
	switch {
	case text == "":
		return problem.Invalid("value", "Value can't be blank")
	case len(value) > maxValue:
		return problem.Invalid("value", "Value is too large (maximum is %d bytes)", maxValue)
	case publicKey.MatchString(text):
		return problem.Invalid("value", "Value is a public key. Send the private key that belongs to it.")
	case !strings.Contains(text, "-----BEGIN "):
		return nil
	}
	_, err := ssh.ParseRawPrivateKey([]byte(text))
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return problem.Invalid("value", "Value is a private key with a passphrase, which nobody could enter. Send one without.")
	case err != nil:
		return problem.Invalid("value", "Value is not a private key in PEM or OpenSSH form")
	}
	return nil
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("name", "Name has already been taken")
	}
	return err
}

func aad(id string) string { return "ssh_keys:value:" + id }

// Reveal returns the private key itself, for who runs an engine. It ends with a line
// break, without which OpenSSH refuses it.
func (f *Feature) Reveal(ctx context.Context, id string) (crypt.Secret, error) {
	k, err := f.Find(ctx, id)
	if err != nil {
		return "", err
	}
	value, err := f.Keyring.Open(ctx, k.OrgID, k.Value, aad(k.ID))
	return crypt.Secret(strings.TrimRight(string(value), "\r\n") + "\n"), err
}

// Find returns the key with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Key, error) {
	return db.One[Key](ctx, f.DB, `FROM ssh_keys WHERE id = ?`, id)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Key, error) {
	return db.In[Key](ctx, f.DB, `FROM ssh_keys WHERE id IN (?)`, ids)
}

func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Key], error) {
	return api.Select[Key](ctx, f.DB, q, `FROM ssh_keys WHERE org_id = ? ORDER BY name, id`, org.ID)
}
