package users

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The cost of a hash: 19 MiB and two passes, the least that OWASP's password storage
// cheat sheet advises for argon2id. Stored hashes carry their own cost.
const (
	memory     = 19 << 10 // KiB
	passes     = 2
	threads    = 1
	saltBytes  = 16
	hashBytes  = 32
	minLength  = 10  // characters, as in HCP Terraform
	maxLength  = 512 // bytes
	concurrent = 2   // hashes at a time, so that logins cannot take all memory
)

var hashing = make(chan struct{}, concurrent)

// dummy is the hash of no password, to spend the same time on users who are not there.
var dummy = encode([]byte("no such user 123"), make([]byte, hashBytes))

// CheckNewPassword explains what is wrong with a password that somebody chose.
func CheckNewPassword(password crypt.Secret) *problem.Problem {
	p := password.Reveal()
	switch {
	case utf8.RuneCountInString(p) < minLength:
		return problem.Invalid("password", "Password is too short (minimum is %d characters)", minLength)
	case len(p) > maxLength:
		return problem.Invalid("password", "Password is too long (maximum is %d bytes)", maxLength)
	}
	return nil
}

// HashPassword returns what is kept of a password: argon2id in PHC form. It takes
// some 50 ms and must not run in a transaction.
func HashPassword(ctx context.Context, password crypt.Secret) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	sum, err := argon(ctx, password, salt, memory, passes, threads, hashBytes)
	return encode(salt, sum), err
}

func encode(salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads, b64(salt), b64(sum))
}

// VerifyPassword reports whether the password is that of the hash. It takes the same
// time for an empty hash, which no password has.
func VerifyPassword(ctx context.Context, hash string, password crypt.Secret) (bool, error) {
	present := hash != ""
	if !present {
		hash = dummy
	}
	if len(password.Reveal()) > maxLength {
		return false, nil
	}
	salt, want, cost, err := parse(hash)
	if err != nil {
		return false, err
	}
	got, err := argon(ctx, password, salt, cost.memory, cost.passes, cost.threads, uint32(len(want)))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1 && present, err
}

// argon waits for its turn, then hashes.
func argon(ctx context.Context, password crypt.Secret, salt []byte, memory, passes uint32, threads uint8, length uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password.Reveal()), salt, passes, memory, threads, length), nil
}

type cost struct {
	memory, passes uint32
	threads        uint8
}

var errHash = errors.New("users: a password hash is not argon2id in PHC form")

// parse takes a hash in PHC form apart.
func parse(hash string) (salt, sum []byte, c cost, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, c, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return nil, nil, c, errHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(sum) == 0 || len(sum) > 64 || c.memory > 1<<20 || c.passes == 0 || c.passes > 100 || c.threads == 0 {
		return nil, nil, c, errHash
	}
	return salt, sum, c, nil
}
