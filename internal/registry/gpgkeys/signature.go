package gpgkeys

import (
	"bytes"
	"errors"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// maxArmor is the size of the largest key in bytes: one with many signatures of others.
const maxArmor = 256 << 10

// signing are the kinds of keys that can sign. The documentation names RSA and DSA; the
// others are what gpg makes today, and both engines verify them.
var signing = map[packet.PublicKeyAlgorithm]bool{
	packet.PubKeyAlgoRSA: true, packet.PubKeyAlgoRSASignOnly: true, packet.PubKeyAlgoDSA: true, packet.PubKeyAlgoECDSA: true,
	packet.PubKeyAlgoEdDSA: true, packet.PubKeyAlgoEd25519: true, packet.PubKeyAlgoEd448: true,
}

// keyID returns the id of the one public key in an armored block: the last 16 hex digits
// of the primary key's fingerprint.
func keyID(armored string) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", problem.Invalid("ascii-armor", format, args...)
	}
	switch {
	case strings.TrimSpace(armored) == "":
		return bad("ASCII armor can't be blank")
	case len(armored) > maxArmor:
		return bad("ASCII armor is too large (maximum is %d bytes)", maxArmor)
	case strings.Contains(armored, openpgp.PrivateKeyType):
		return bad("ASCII armor is a private key. Send the public key: gpg --armor --export KEY. Whoever has seen the private key can sign in your name.")
	case strings.Count(armored, "-----BEGIN ") > 1:
		return bad("ASCII armor has several blocks. Add each key by itself.")
	}
	block, err := armor.Decode(strings.NewReader(armored))
	if err != nil || block.Type != openpgp.PublicKeyType {
		return bad("ASCII armor is not a valid GPG public key. Export it with gpg --armor --export KEY.")
	}
	keys, err := openpgp.ReadKeyRing(block.Body)
	switch {
	case err != nil || len(keys) == 0:
		return bad("ASCII armor is not a valid GPG public key: its content cannot be read")
	case len(keys) > 1:
		return bad("ASCII armor holds %d keys. Add each by itself.", len(keys))
	case keys[0].PrivateKey != nil:
		return bad("ASCII armor is a private key. Send the public key: gpg --armor --export KEY.")
	case len(keys[0].Revocations) > 0:
		return bad("The key was revoked by its owner")
	case !signs(keys[0]):
		return bad("The key cannot sign. Use an RSA, DSA, ECDSA or EdDSA key.")
	}
	return keys[0].PrimaryKey.KeyIdString(), nil
}

func signs(e *openpgp.Entity) bool {
	if signing[e.PrimaryKey.PubKeyAlgo] {
		return true
	}
	for _, sub := range e.Subkeys {
		if signing[sub.PublicKey.PubKeyAlgo] {
			return true
		}
	}
	return false
}

// Verify returns nil if signature is a binary detached signature of document by this key,
// and else a problem that says what is wrong. An expired key counts, as it does for the
// engines: what it signed while it was good stays good.
func (k Key) Verify(document, signature []byte) error {
	return Verify(k.ASCIIArmor, document, signature)
}

// Verify is Key.Verify for a key in ASCII armor.
func Verify(armored string, document, signature []byte) error {
	keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armored))
	if err == nil && len(keys) == 0 {
		err = errors.New("its block is empty")
	}
	if err != nil {
		return problem.Unprocessable("The GPG key cannot be read: %v", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN PGP")) {
		return problem.Unprocessable("The signature is in ASCII armor. Make a binary one, without --armor: gpg --detach-sign SHA256SUMS.")
	}
	_, err = openpgp.CheckDetachedSignature(keys, bytes.NewReader(document), bytes.NewReader(signature), nil)
	var structural pgperrors.StructuralError
	switch {
	case err == nil, errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrSignatureExpired):
		return nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return problem.Unprocessable("The signature was made by another key than %s.", keys[0].PrimaryKey.KeyIdString())
	case errors.As(err, &structural):
		return problem.Unprocessable("The signature is not an OpenPGP signature.")
	}
	return problem.Unprocessable("The signature by key %s does not fit the file: either was changed after signing.", keys[0].PrimaryKey.KeyIdString())
}
