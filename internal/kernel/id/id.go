// Package id makes the external ids of resources: a prefix that tells the kind,
// a dash and 16 random characters, such as "ws-8Wbk4ZaB1cDeFgH2". Ids carry no
// meaning and no order; 16 base62 characters are 95 bits, so they are never
// checked for collisions before use.
package id

import (
	"crypto/rand"
	"strings"
)

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0lIO"

// New returns a fresh id with the given prefix, which has no dash at its end.
func New(prefix string) string { return prefix + "-" + Random(16) }

// Random returns n characters drawn evenly from the 62 letters and digits.
func Random(n int) string {
	out := make([]byte, 0, n)
	var buf [32]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // never fails, see crypto/rand
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte: larger values would favour the first letters.
			if b < 248 && len(out) < n {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// Valid reports whether s has the form of an id with this prefix. The tail may
// be of any length, because other servers used other lengths.
func Valid(prefix, s string) bool {
	tail, ok := strings.CutPrefix(s, prefix+"-")
	if !ok || tail == "" {
		return false
	}
	for _, c := range []byte(tail) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
