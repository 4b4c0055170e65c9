package providers

import (
	"regexp"
	"strings"
)

// needed is a line of what engines print for "providers".
var needed = regexp.MustCompile(`provider\[([^\]\s]+)\](?: (.+))?$`)

// ParseNeeds reads the output of "providers": a tree of modules, and then the providers of
// the state.
func ParseNeeds(output string) Needs {
	needs := Needs{}
	for line := range strings.Lines(output) {
		found := needed.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			continue
		}
		address, more := found[1], strings.TrimSpace(found[2])
		if have := needs[address]; have != "" && more != "" {
			more = have + ", " + more
		} else if more == "" {
			more = have
		}
		needs[address] = more
	}
	return needs
}
