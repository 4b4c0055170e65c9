package severity

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// statements returns the statements of a policy that allow something. The policy is a JSON
// document or a text that holds one.
func statements(policy any) []map[string]any {
	if s, ok := policy.(string); ok {
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			return nil
		}
		policy = v
	}
	m, ok := policy.(map[string]any)
	if !ok {
		return nil
	}
	var out []map[string]any
	for _, e := range several(m["Statement"]) {
		if s, ok := e.(map[string]any); ok && s["Effect"] != "Deny" {
			out = append(out, s)
		}
	}
	return out
}

func several(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case nil:
		return nil
	}
	return []any{v}
}

// wildcard says whether a policy lets its holder become anything: all actions, all of IAM,
// or to assume or pass any role.
func wildcard(policy any) bool {
	return slices.ContainsFunc(statements(policy), func(s map[string]any) bool {
		if s["NotAction"] != nil {
			return true
		}
		everything := slices.Contains(several(s["Resource"]), any("*")) || s["NotResource"] != nil
		return slices.ContainsFunc(several(s["Action"]), func(a any) bool {
			switch strings.ToLower(key(a)) {
			case "*", "*:*", "iam:*":
				return true
			case "sts:assumerole", "sts:*", "iam:passrole":
				return everything
			}
			return false
		})
	})
}

// publicPrincipal says whether a policy allows everybody, without a condition.
func publicPrincipal(policy any) bool {
	return slices.ContainsFunc(statements(policy), func(s map[string]any) bool {
		return empty(s["Condition"]) && texts(s["Principal"], func(p string) bool { return p == "*" })
	})
}

var accountID = regexp.MustCompile(`(?:^|:)(\d{12})(?::|$)`)

// accounts are the ids of accounts in the principals of a policy, or anywhere in a value that
// is no policy.
func accounts(x any) map[string]bool {
	out := map[string]bool{}
	note := func(s string) bool {
		for _, m := range accountID.FindAllStringSubmatch(s, -1) {
			out[m[1]] = true
		}
		return false
	}
	if list := statements(x); list != nil {
		for _, s := range list {
			texts(s["Principal"], note)
		}
		return out
	}
	texts(x, note)
	return out
}

func foreign(before, after any) bool {
	had := accounts(before)
	for id := range accounts(after) {
		if !had[id] {
			return true
		}
	}
	return false
}
