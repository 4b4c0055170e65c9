package classify

import (
	"regexp"
	"strings"
)

// document reduces a JSON document that is the value of a string: policies by the rules of IAM,
// container definitions by those of ECS, all others by their members.
func (f form) document(p path, doc any) any {
	switch d := doc.(type) {
	case map[string]any:
		if _, ok := d["Statement"]; ok {
			return policy(d)
		}
	case []any:
		if len(p) > 0 && p[len(p)-1] == "container_definitions" {
			return containers(d)
		}
	}
	return plainJSON(doc)
}

// plainJSON keeps the order of arrays and drops empty members, as APIs add and omit them.
func plainJSON(v any) any {
	return form{}.reduceDocument(v)
}

func (f form) reduceDocument(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if r := f.reduceDocument(e); r != nil {
				out[k] = r
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = f.reduceDocument(e)
		}
		return out
	case string:
		if v == "" {
			return nil
		}
		return v
	default:
		return f.reduce(nil, v)
	}
}

// policy reduces an IAM policy: a string is a list of one, order means nothing, actions are
// compared without case, an account is its root user
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
func policy(d map[string]any) any {
	out := map[string]any{}
	for k, v := range d {
		if k != "Statement" {
			out[k] = plainJSON(v)
		}
	}
	if out["Id"] == nil {
		delete(out, "Id")
	}
	var statements []any
	for _, s := range oneOrMore(d["Statement"]) {
		m, ok := s.(map[string]any)
		if !ok {
			statements = append(statements, plainJSON(s))
			continue
		}
		statements = append(statements, statement(m))
	}
	sortAny(statements)
	out["Statement"] = statements
	return out
}

func statement(m map[string]any) any {
	out := map[string]any{}
	for k, v := range m {
		switch k {
		case "Action", "NotAction":
			out[k] = words(v, strings.ToLower)
		case "Resource", "NotResource":
			out[k] = words(v, nil)
		case "Principal", "NotPrincipal":
			out[k] = principal(v)
		case "Condition":
			out[k] = condition(v)
		default:
			if r := plainJSON(v); r != nil {
				out[k] = r
			}
		}
	}
	return out
}

// words sorts a string or a list of strings, each of which fold may rewrite.
func words(v any, fold func(string) string) any {
	list := oneOrMore(v)
	out := make([]any, 0, len(list))
	seen := map[string]bool{}
	for _, e := range list {
		r := form{}.reduceDocument(e)
		if s, ok := r.(string); ok && fold != nil {
			r = fold(s)
		}
		if key := string(encode(r)); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	sortAny(out)
	return out
}

var account = regexp.MustCompile(`^\d{12}$`)

func principal(v any) any {
	if v == "*" {
		v = map[string]any{"AWS": "*"}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return plainJSON(v)
	}
	out := map[string]any{}
	for k, e := range m {
		out[k] = words(e, func(s string) string {
			if account.MatchString(s) {
				return "arn:aws:iam::" + s + ":root"
			}
			return s
		})
	}
	return out
}

func condition(v any) any {
	operators, ok := v.(map[string]any)
	if !ok {
		return plainJSON(v)
	}
	out := map[string]any{}
	for operator, keys := range operators {
		m, ok := keys.(map[string]any)
		if !ok {
			out[operator] = plainJSON(keys)
			continue
		}
		reduced := map[string]any{}
		for key, values := range m {
			reduced[strings.ToLower(key)] = words(values, nil)
		}
		out[operator] = reduced
	}
	return out
}

func oneOrMore(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

// containers reduces the container definitions of ECS, which the API fills with defaults and
// whose environment it sorts.
func containers(list []any) any {
	out := make([]any, 0, len(list))
	for _, c := range list {
		m, ok := c.(map[string]any)
		if !ok {
			return plainJSON(list)
		}
		reduced := map[string]any{}
		for k, v := range m {
			switch k {
			case "environment", "secrets":
				v = sorted(v)
			}
			r := plainJSON(v)
			if (k == "cpu" && r == "0") || (k == "essential" && r == "true") || r == nil {
				continue
			}
			reduced[k] = r
		}
		out = append(out, reduced)
	}
	sortAny(out)
	return out
}

func sorted(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := append([]any(nil), list...)
	sortAny(out)
	return out
}
