package llm

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

const (
	maxFindings = 20
	maxElements = 10
	maxNesting  = 4
)

// finding is what a model sees of one.
type finding struct {
	Object   string   `json:"object"`
	Path     string   `json:"path,omitempty"`
	Kind     string   `json:"kind"`
	Severity string   `json:"severity"`
	Rules    []string `json:"rules,omitempty"`
	Actions  []string `json:"next_apply,omitempty"`
	Recorded any      `json:"recorded,omitempty"`
	Real     any      `json:"real,omitempty"`
	Stateful bool     `json:"holds_data,omitempty"`
}

// redact returns what the model may see and the real addresses of the aliases in it.
func redact(v severity.Verdict) ([]byte, map[string]string) {
	names, byAddress := map[string]string{}, map[string]string{}
	alias := func(f severity.Judged) string {
		if a := byAddress[f.Address]; a != "" {
			return a
		}
		a := fmt.Sprintf("%s.r%d", typeOf(f.Type), len(names)+1)
		names[a], byAddress[f.Address] = f.Address, a
		return a
	}
	var list []finding
	for _, f := range v.Findings {
		if f.Kind == classify.StateOnly || len(list) == maxFindings {
			continue
		}
		list = append(list, finding{Object: alias(f), Path: pathOf(f.Path), Kind: string(f.Kind), Severity: string(f.Severity), Rules: ids(f.Rules),
			Actions: known(f.Actions, "create", "update", "delete", "forget", "no-op", "read"), Recorded: valueOf(f.Recorded, f.Masked), Real: valueOf(f.Real, f.Masked), Stateful: f.Stateful})
	}
	failing := 0
	for _, c := range v.Checks {
		if c.Status == "fail" || c.Status == "error" {
			failing++
		}
	}
	b, err := json.Marshal(map[string]any{"severity": v.Severity, "resources": v.Resources, "drifted": v.Drifted, "failing_checks": failing, "findings": list})
	if err != nil {
		return nil, nil // cannot happen: all of it is made here
	}
	return b, names
}

var (
	typeName = regexp.MustCompile(`^[a-z][a-z0-9]{0,20}(_[a-z0-9]{1,20}){0,8}$`)
	stepName = regexp.MustCompile(`^[a-z][a-z0-9]{0,20}(_[a-z0-9]{1,20}){0,6}$`)
	ruleID   = regexp.MustCompile(`^[A-Z]{1,6}[0-9]{1,4}$`)
	step     = regexp.MustCompile(`\["(?:[^"\\]|\\.)*"\]|\[\d+\]|[^.\[]+`)
	portSpan = regexp.MustCompile(`^\d{1,5}(-\d{1,5})?$`)
	// namesKept are names of attributes in blocks. Others may be keys of maps, which anybody chooses.
	namesKept = strings.Fields(`from_port to_port port ports protocol ip_protocol cidr_blocks ipv6_cidr_blocks cidr_block cidr_ipv4 cidr_ipv6 source_ranges
		self security_groups action access direction priority type rule ingress egress enabled status value values name description principal actions
		resources effect source_address_prefix source_address_prefixes destination_port_range destination_port_ranges default_action bypass ip_rules
		endpoint_public_access endpoint_private_access public_access_cidrs http_tokens http_endpoint settings ip_configuration ipv4_enabled ssl_mode
		authorized_networks backup_configuration point_in_time_recovery_enabled tier spec template container image replicas security_context privileged
		host_network capabilities add metadata labels annotations env versioning_configuration expiration days required_approving_review_count
		allow deny include everyone decision target engine mode size`)
	wordsKept = strings.Fields(`true false enabled disabled Enabled Disabled on off ON OFF tcp udp icmp all -1 any Allow Deny allow deny Inbound
		Outbound ingress egress private public public-read public-read-write authenticated-read internal required optional Suspended NONE AWS_IAM HTTP HTTPS TLS TCP
		enforced inherited admin maintain push pull triage read write none member bypass block skip strict full flexible ClusterIP NodePort LoadBalancer
		Periodic Continuous Standard Free selected allUsers allAuthenticatedUsers * Internet 1.0 1.1 1.2 1.3 TLS1_0 TLS1_1 TLS1_2 TLS1_3`)
)

func typeOf(s string) string {
	if typeName.MatchString(s) {
		return s
	}
	return "unknown_type"
}

// pathOf keeps the names of attributes; the keys of maps are texts of others. The first name of
// a path is always an attribute's.
func pathOf(p string) string {
	var out strings.Builder
	for i, s := range step.FindAllString(p, -1) {
		switch {
		case strings.HasPrefix(s, "[") && !strings.HasPrefix(s, `["`):
			out.WriteString(s)
			continue
		case i == 0 && stepName.MatchString(s) || slices.Contains(namesKept, s):
		default:
			s = "<key>"
		}
		if i > 0 {
			out.WriteString(".")
		}
		out.WriteString(s)
	}
	return out.String()
}

func ids(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !ruleID.MatchString(s) })
}

func known(list []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !slices.Contains(words, s) })
}

// valueOf keeps what is harmless of a value.
func valueOf(v any, masked bool) any {
	if masked {
		return "<sensitive>"
	}
	return harmless(v, maxNesting)
}

func harmless(v any, depth int) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case json.Number:
		if len(v) > 7 {
			return "<number>" // ids of accounts are numbers
		}
		return v
	case string:
		return textOf(v)
	}
	if depth == 0 {
		return "<nested>"
	}
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, e := range v[:min(len(v), maxElements)] {
			out = append(out, harmless(e, depth-1))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for i, k := range slices.Sorted(maps.Keys(v)) {
			name := k
			if !slices.Contains(namesKept, k) {
				name = fmt.Sprintf("<key%d>", i+1)
			}
			out[name] = harmless(v[k], depth-1)
		}
		return out
	}
	return "<value>"
}

func textOf(s string) any {
	if s == "" || slices.Contains(wordsKept, s) || portSpan.MatchString(s) {
		return s
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Bits() == 0 || p.Addr().IsPrivate() || p.Addr().IsLoopback() {
			return s
		}
		return fmt.Sprintf("<public-range:/%d>", p.Bits())
	}
	if a, err := netip.ParseAddr(s); err == nil {
		if a.IsUnspecified() || a.IsLoopback() {
			return s
		}
		return "<address>"
	}
	return fmt.Sprintf("<string:len=%d>", utf8.RuneCountInString(s))
}

// The second net: if the allow-list let a secret through, the request is not sent.
var (
	secretForms = regexp.MustCompile(`(?i)AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[opsu]_[A-Za-z0-9]{20}|github_pat_|glpat-|xox[abpr]-|-----BEGIN|eyJ[A-Za-z0-9_-]{10,}\.|AIza[0-9A-Za-z_-]{20}|sk-[A-Za-z0-9]{16}|://[^/\s:@]+:[^/\s@]+@`)
	tokens      = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)
	plainWords  = regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)*$`)
)

const maxEntropy = 4.0 // bits for each character; words of people have about 3

func suspicious(question []byte) bool {
	if secretForms.Match(question) {
		return true
	}
	return slices.ContainsFunc(tokens.FindAllString(string(question), -1), func(s string) bool { return !plainWords.MatchString(s) && entropy(s) > maxEntropy })
}

// entropy is Shannon's, in bits for each character.
func entropy(s string) float64 {
	count := map[rune]float64{}
	for _, r := range s {
		count[r]++
	}
	sum, n := 0.0, float64(utf8.RuneCountInString(s))
	for _, c := range count {
		sum -= c / n * math.Log2(c/n)
	}
	return sum
}
