package severity

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sensitive are the ports of administration and of data.
var sensitive = []int{22, 23, 135, 139, 445, 1433, 1521, 2375, 2376, 2379, 3306, 3389, 5432, 5601, 5900, 5985, 6379, 6443, 8500, 9000, 9092,
	9200, 10250, 11211, 15672, 27017}

// portNames are what people call them.
var portNames = map[string]string{"22": "SSH (22)", "23": "Telnet (23)", "445": "SMB (445)", "1433": "SQL Server (1433)", "1521": "Oracle (1521)",
	"2375": "Docker (2375)", "2379": "etcd (2379)", "3306": "MySQL (3306)", "3389": "RDP (3389)", "5432": "PostgreSQL (5432)", "5900": "VNC (5900)",
	"6379": "Redis (6379)", "6443": "Kubernetes (6443)", "9200": "Elasticsearch (9200)", "10250": "kubelet (10250)", "27017": "MongoDB (27017)",
	"all": "all ports"}

// named joins ports as a title shows them.
func named(ports []string) string {
	out := make([]string, 0, len(ports))
	for _, p := range ports {
		if n := portNames[p]; n != "" {
			p = n
		} else {
			p = "port " + p
		}
		out = append(out, p)
	}
	if len(out) > 3 {
		out = append(out[:3], "and more")
	}
	return strings.Join(out, ", ")
}

// span is a range of ports.
type span struct{ from, to int }

var everyPort = span{0, 65535}

// ports returns the sensitive ports that x speaks of, "all" for every port.
func ports(x any) []string {
	spans := portSpans(x, true)
	if slices.ContainsFunc(spans, func(s span) bool { return s.from <= 1 && s.to >= 65535 }) {
		return []string{"all"}
	}
	var out []string
	for _, p := range sensitive {
		if slices.ContainsFunc(spans, func(s span) bool { return s.from <= p && p <= s.to }) {
			out = append(out, strconv.Itoa(p))
		}
	}
	return out
}

// exposes returns the sensitive ports that are newly open to everybody: those of new elements
// that everybody is in, or of the block around a list of sources.
func exposes(before, after, block any) []string {
	var out []string
	for _, e := range gained(before, after) {
		if !world(e) {
			continue
		}
		if found := portSpans(e, false); len(found) > 0 {
			out = append(out, ports(e)...)
			continue
		}
		out = append(out, ports(block)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	lowKeys   = []string{"from_port", "port_range_min", "start_port"}
	highKeys  = []string{"to_port", "port_range_max", "end_port"}
	rangeKeys = []string{"ports", "port", "port_range", "destination_port_range", "destination_port_ranges", "allow", "allowed"}
	short     = regexp.MustCompile(`^[a-z]+:([0-9*-]+):`)
	oneSpan   = regexp.MustCompile(`^(\d{1,5})(?:-(\d{1,5}))?$`)
)

// portSpans reads ranges of ports out of x: texts and numbers on their own (bare), members of
// blocks by their names.
func portSpans(x any, bare bool) []span {
	switch x := x.(type) {
	case map[string]any:
		return blockSpans(x)
	case []any:
		var out []span
		for _, e := range x {
			out = append(out, portSpans(e, bare)...)
		}
		return out
	case string:
		if m := short.FindStringSubmatch(x); m != nil {
			x, bare = m[1], true
		}
		if bare {
			return textSpan(x)
		}
	case int64:
		if bare {
			return []span{{int(x), int(x)}}
		}
	}
	return nil
}

func textSpan(s string) []span {
	if s == "*" || strings.EqualFold(s, "all") {
		return []span{everyPort}
	}
	m := oneSpan.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	from, _ := strconv.Atoi(m[1])
	to := from
	if m[2] != "" {
		to, _ = strconv.Atoi(m[2])
	}
	return []span{{from, to}}
}

// blockSpans reads the ports of one block. A protocol of all, and one without ports, is all.
func blockSpans(m map[string]any) []span {
	protocol, hasProtocol := m["protocol"]
	if !hasProtocol {
		protocol, hasProtocol = m["ip_protocol"]
	}
	if p := strings.ToLower(key(protocol)); hasProtocol && (p == "-1" || p == "all") {
		return []span{everyPort}
	}
	low, high := firstNumber(m, lowKeys), firstNumber(m, highKeys)
	if low >= 0 || high >= 0 {
		if high < low {
			high = low
		}
		return []span{{max(low, 0), high}}
	}
	var out []span
	for _, k := range rangeKeys {
		out = append(out, portSpans(m[k], true)...)
	}
	if len(out) == 0 && hasProtocol && !strings.EqualFold(key(protocol), "icmp") {
		return []span{everyPort}
	}
	return out
}

// firstNumber returns the first member that is a number, -1 if none is.
func firstNumber(m map[string]any, keys []string) int {
	for _, k := range keys {
		if n, ok := numeric(m[k]); ok {
			return int(n)
		}
	}
	return -1
}
