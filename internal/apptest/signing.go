package apptest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Signer is somebody who signs providers with a GPG key.
type Signer struct {
	Armor string // the public key
	KeyID string // 16 upper-case hex digits
	key   *openpgp.Entity
	t     testing.TB
}

// NewSigner makes a key, of EdDSA.
func NewSigner(t testing.TB) Signer {
	t.Helper()
	return newSigner(t, packet.PubKeyAlgoEdDSA)
}

// NewRSASigner makes an RSA key, which takes longer. Terraform up to 1.5 reads RSA and DSA
// keys alone.
func NewRSASigner(t testing.TB) Signer {
	t.Helper()
	return newSigner(t, packet.PubKeyAlgoRSA)
}

func newSigner(t testing.TB, algorithm packet.PublicKeyAlgorithm) Signer {
	t.Helper()
	key, err := openpgp.NewEntity("Test", "", "test@example.com", &packet.Config{Algorithm: algorithm, RSABits: 2048, Time: func() time.Time { return time.Now().Add(-time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = key.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return Signer{Armor: b.String(), KeyID: key.PrimaryKey.KeyIdString(), key: key, t: t}
}

// PrivateArmor is the private key, which nobody should send anywhere.
func (g Signer) PrivateArmor() string {
	g.t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PrivateKeyType, nil)
	if err == nil {
		err = g.key.SerializePrivate(w, nil)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return b.String()
}

// Sign returns a binary detached signature.
func (g Signer) Sign(document []byte) []byte {
	g.t.Helper()
	var b bytes.Buffer
	if err := openpgp.DetachSign(&b, g.key, bytes.NewReader(document), nil); err != nil {
		g.t.Fatal(err)
	}
	return b.Bytes()
}

// SHA256 is the checksum of content in hex.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Shasums is the SHA256SUMS file of a release with these files.
func Shasums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(SHA256(files[name]) + "  " + name + "\n")
	}
	return b.Bytes()
}

// ProviderZip is the archive of a provider whose binary has this name and content.
func ProviderZip(t testing.TB, binary string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: binary, Method: zip.Deflate}
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
