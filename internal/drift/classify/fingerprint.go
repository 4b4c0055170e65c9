package classify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Fingerprint is stable over scans as long as the same drift stands: another change of the same
// attribute is new drift. Values enter through an HMAC, so that nobody without the key can
// guess one. The value of drift that only feeds other changes is left out: such attributes are
// computed and may be different at every scan.
func Fingerprint(key []byte, configID, folder string, f Finding) string {
	h := hmac.New(sha256.New, key)
	part(h, configID, folder)
	enter(h, f)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// FingerprintAll is the fingerprint of all findings that are drift, in any order; "" if none is.
func FingerprintAll(key []byte, configID, folder string, list []Finding) string {
	var each []string
	for _, f := range list {
		if f.Kind.Drifted() {
			each = append(each, Fingerprint(key, configID, folder, f))
		}
	}
	if len(each) == 0 {
		return ""
	}
	slices.Sort(each)
	h := hmac.New(sha256.New, key)
	part(h, configID, folder)
	part(h, slices.Compact(each)...)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

func enter(h hash.Hash, f Finding) {
	part(h, f.Address, f.Deposed, f.Path, string(f.Kind))
	if f.Kind != Feeds && f.Kind != Deleted {
		part(h, string(form{typ: f.Type}.canonical(nil, f.Real)))
	}
}

// part writes strings so that no two lists of strings are written alike.
func part(h hash.Hash, parts ...string) {
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), strings.ToValidUTF8(p, "?")) // a hash takes all
	}
}
