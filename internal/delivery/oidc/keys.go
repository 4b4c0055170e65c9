package oidc

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The life of a key.
const (
	bits    = 2048
	signing = 60 * 24 * time.Hour // it signs for so long
	early   = 24 * time.Hour      // published before it signs
	late    = 48 * time.Hour      // published after it signed last; longer than any token lives
	longest = 24 * time.Hour      // life of a token
	site    = "site"              // owns what is sealed here
)

// key is a key pair.
type key struct {
	ID         string  `db:"id"`
	Generation int64   `db:"generation"`
	Public     string  `db:"public"`
	Private    []byte  `db:"private"`
	SignsAt    db.Time `db:"signs_at"`
	CreatedAt  db.Time `db:"created_at"`
}

func aad(id string) string { return "oidc_keys:private:" + id }

// Rotate makes the next key if it is due, and removes those that nobody needs any more.
func (f *Feature) Rotate(ctx context.Context) error {
	now := db.Now()
	newest, err := db.One[key](ctx, f.DB, `FROM oidc_keys ORDER BY generation DESC LIMIT 1`)
	switch {
	case errors.Is(err, problem.NotFound):
		return f.add(ctx, 1, now)
	case err != nil:
		return err
	case now.After(newest.SignsAt.Add(signing - early)):
		if err := f.add(ctx, newest.Generation+1, db.At(now.Add(early))); err != nil {
			return err
		}
	}
	// A key is no longer needed once the one after it has signed for a while.
	_, err = f.DB.Exec(ctx, `DELETE FROM oidc_keys WHERE generation < (SELECT MAX(n.generation) FROM oidc_keys n WHERE n.signs_at < ?)`, db.At(now.Add(-late)))
	return err
}

// add makes the key of a generation, unless another node has.
func (f *Feature) add(ctx context.Context, generation int64, signsAt db.Time) error {
	k, err := f.newKey(ctx)
	if err != nil {
		return err
	}
	k.Generation, k.SignsAt = generation, signsAt
	return db.InsertAll(ctx, f.DB, "oidc_keys", []key{k}, "ON CONFLICT (generation) DO NOTHING")
}

// newKey makes a key pair that has no generation yet. It takes a processor for a while.
func (f *Feature) newKey(ctx context.Context) (key, error) {
	k := key{CreatedAt: db.Now()}
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return k, err
	}
	if k.ID, k.Public, err = jwk(&private.PublicKey); err != nil {
		return k, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return k, err
	}
	k.Private, err = f.Keyring.Seal(ctx, site, der, aad(k.ID))
	return k, err
}

// jwk is a public key as a JSON Web Key (RFC 7518 §6.3) and its thumbprint (RFC 7638).
func jwk(public *rsa.PublicKey) (kid, text string, err error) {
	n, e := encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	thumb := sha256.Sum256(fmt.Appendf(nil, `{"e":%q,"kty":"RSA","n":%q}`, e, n))
	kid = encode(thumb[:])
	raw, err := json.Marshal(map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e})
	return kid, string(raw), err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signer returns the key that signs now.
func (f *Feature) signer(ctx context.Context) (kid string, private *rsa.PrivateKey, err error) {
	const current = `FROM oidc_keys WHERE signs_at <= ? ORDER BY generation DESC LIMIT 1`
	k, err := db.One[key](ctx, f.DB, current, db.Now())
	if errors.Is(err, problem.NotFound) {
		if err = f.Rotate(ctx); err == nil {
			k, err = db.One[key](ctx, f.DB, current, db.Now())
		}
	}
	if err != nil {
		return "", nil, err
	}
	der, err := f.Keyring.Open(ctx, site, k.Private, aad(k.ID))
	if err != nil {
		return "", nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return "", nil, err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", nil, errors.New("oidc: a key that is not RSA")
	}
	return k.ID, private, nil
}

// sign makes a JSON Web Token (RFC 7519) of claims, by RS256.
func (f *Feature) sign(ctx context.Context, claims map[string]any) (string, error) {
	kid, private, err := f.signer(ctx)
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": kid})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := encode(header) + "." + encode(body)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	return text + "." + encode(signature), err
}
