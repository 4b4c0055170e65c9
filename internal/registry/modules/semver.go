package modules

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// semver is the form of a version (semver.org 2.0.0).
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
	`(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`)

const (
	maxVersion = 128 // characters
	maxDigits  = 18  // of a number in it
)

// sortKey returns text whose byte order is the precedence of semantic versions.
func sortKey(v string) (string, error) {
	if v == "" {
		return "", problem.Invalid("version", "Version can't be blank")
	}
	parts := semver.FindStringSubmatch(v)
	if len(v) > maxVersion || parts == nil {
		return "", problem.Invalid("version", "Version must be a semantic version such as 1.2.3")
	}
	var key strings.Builder
	for _, number := range parts[1:4] {
		if len(number) > maxDigits {
			return "", problem.Invalid("version", "Version must be a semantic version such as 1.2.3")
		}
		key.WriteString(strings.Repeat("0", maxDigits-len(number)) + number + ".")
	}
	if parts[4] == "" {
		return key.String() + "~", nil // after every pre-release
	}
	return key.String() + prerelease(parts[4]), nil
}

// prerelease is the part of a sort key that comes of a pre-release. Numbers go before
// words and by size; a comma, which sorts before all that identifiers have, ends each.
func prerelease(s string) string {
	var key strings.Builder
	for part := range strings.SplitSeq(s, ".") {
		if strings.Trim(part, "0123456789") == "" {
			fmt.Fprintf(&key, "0%03d%s,", len(part), part)
		} else {
			key.WriteString("1" + part + ",")
		}
	}
	return key.String()
}

// compare orders two versions by their sort keys. Versions that differ in their build
// metadata alone have no precedence and are ordered by their text.
func compare(keyA, versionA, keyB, versionB string) int {
	return cmp.Or(strings.Compare(keyA, keyB), strings.Compare(versionA, versionB))
}

// final reports whether a sort key is that of a version that is no pre-release.
func final(key string) bool { return strings.HasSuffix(key, "~") }
