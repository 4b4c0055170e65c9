package crypt

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/streamingaead/aesgcmhkdf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// segment is the size of the pieces in which streams are encrypted, in bytes. A
// stream holds two or three of them in memory.
const segment = 64 << 10

// keys are the opened keys of one owner.
type keys struct {
	column tink.AEAD
	stream tink.StreamingAEAD
}

// envelope is the stored form of an owner's keys: two keysets of Tink, each
// encrypted by the root key and bound to the owner and to its use.
type envelope struct {
	Version int    `json:"v"`
	Column  []byte `json:"column"`
	Stream  []byte `json:"stream"`
}

const envelopeVersion = 1

// generate makes the keys of a new owner and wraps them.
func generate(root tink.AEAD, owner string) ([]byte, error) {
	column, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	stream, err := newStreamKeyset()
	if err != nil {
		return nil, err
	}
	e := envelope{Version: envelopeVersion}
	if e.Column, err = wrap(root, column, owner, "column"); err != nil {
		return nil, err
	}
	if e.Stream, err = wrap(root, stream, owner, "stream"); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

func newStreamKeyset() (*keyset.Handle, error) {
	params, err := aesgcmhkdf.NewParameters(aesgcmhkdf.ParametersOpts{
		KeySizeInBytes: 32, DerivedKeySizeInBytes: 32, HKDFHashType: aesgcmhkdf.SHA256, SegmentSizeInBytes: segment,
	})
	if err != nil {
		return nil, err
	}
	m := keyset.NewManager()
	key, err := m.AddNewKeyFromParameters(params)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(key); err != nil {
		return nil, err
	}
	return m.Handle()
}

// unwrap opens what generate made.
func unwrap(root tink.AEAD, owner string, wrapped []byte) (*keys, error) {
	var e envelope
	if err := json.Unmarshal(wrapped, &e); err != nil {
		return nil, fmt.Errorf("crypt: keyset of %s: %w", owner, err)
	}
	if e.Version != envelopeVersion {
		return nil, fmt.Errorf("crypt: keyset of %s: version %d is not known to this server", owner, e.Version)
	}
	column, err := open(root, e.Column, owner, "column")
	if err != nil {
		return nil, err
	}
	stream, err := open(root, e.Stream, owner, "stream")
	if err != nil {
		return nil, err
	}
	k := &keys{}
	if k.column, err = aead.New(column); err != nil {
		return nil, err
	}
	k.stream, err = streamingaead.New(stream)
	return k, err
}

func wrap(root tink.AEAD, h *keyset.Handle, owner, use string) ([]byte, error) {
	var b bytes.Buffer
	err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), root, keysetData(owner, use))
	return b.Bytes(), err
}

func open(root tink.AEAD, b []byte, owner, use string) (*keyset.Handle, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(b)), root, keysetData(owner, use))
	if err != nil {
		return nil, fmt.Errorf("crypt: the root key does not open the keyset of %s; is it the key that this database was made with? %w", owner, err)
	}
	return h, nil
}

func keysetData(owner, use string) []byte { return []byte("keyset:" + use + ":" + owner) }

// derive makes a 32-byte key for one use from the root key (HKDF-SHA256, RFC 5869).
func derive(root []byte, use string) []byte {
	key, err := hkdf.Key(sha256.New, root, nil, "plumbline:"+use, 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot give
	}
	return key
}
