package sandbox

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// egress says to where a program may connect.
type egress struct {
	Allow, Deny []netip.AddrPort  // as in Options
	Resolvers   []netip.AddrPort  // of names, wherever they are
	Folders     map[string]string // whose sockets may be used: their names inside and outside
}

// verdict on an address.
type verdict int

const (
	no  verdict = iota
	own         // yes, if the process of the sandbox itself listens there
	yes
)

// closed are ranges that hold nothing for a run: credentials of the machine (AWS and
// others, AWS over IPv6, Google over IPv6, Alibaba, Oracle, Azure's wire server),
// neighbours on the link, and groups.
var closed = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("fd20:ce::254/128"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("ff00::/8"),
}

// carriers are ranges of IPv6 whose last 32 bits are an address of IPv4: NAT64 (RFC 6052)
// and the deprecated IPv4-compatible addresses (RFC 4291, 2.5.5.1).
var carriers = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::/96")}

// judge decides on an address.
func (e egress) judge(to netip.AddrPort) verdict {
	to = netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port())
	addr := carried(to.Addr())
	here := isHere(to.Addr()) || addr != to.Addr() && isHere(addr)
	switch {
	case matches(e.Allow, to, here), slices.Contains(e.Resolvers, to):
		return yes
	case matches(e.Deny, to, here), matches(e.Deny, netip.AddrPortFrom(addr, to.Port()), here), isClosed(to.Addr()), isClosed(addr):
		return no
	case here:
		return own
	}
	return yes
}

// addFolder adds a folder that has the same name inside and outside, and the name that it
// has when links are followed.
func (e egress) addFolder(path string) {
	e.Folders[filepath.Clean(path)] = path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		e.Folders[real] = path
	}
}

// folder returns the folder of the run, outside, that a path is in, and the rest of the path.
func (e egress) folder(path string) (outside, rest string) {
	longest := -1 // one may lie in another
	for inside, folder := range e.Folders {
		if below, ok := strings.CutPrefix(path, inside+"/"); ok && len(inside) > longest {
			longest, outside, rest = len(inside), folder, below
		}
	}
	return outside, rest
}

// carried returns the address of IPv4 that an address of IPv6 leads to, else the address.
func carried(addr netip.Addr) netip.Addr {
	if addr == netip.IPv6Unspecified() || addr == netip.IPv6Loopback() || !slices.ContainsFunc(carriers, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func isClosed(addr netip.Addr) bool {
	return slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// matches says whether a list has an address: port 0 stands for all ports, the
// unspecified address for all of this machine.
func matches(list []netip.AddrPort, to netip.AddrPort, here bool) bool {
	return slices.ContainsFunc(list, func(entry netip.AddrPort) bool {
		addr := entry.Addr().Unmap()
		return (entry.Port() == 0 || entry.Port() == to.Port()) && (addr == to.Addr() || addr.IsUnspecified() && here)
	})
}

// isHere says whether an address leads to this machine. What cannot be found out does.
func isHere(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() || addr.Is4() && addr.As4()[0] == 0 {
		return true
	}
	locals, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(locals, func(l net.Addr) bool {
		p, err := netip.ParsePrefix(l.String())
		return err == nil && p.Addr().Unmap().WithZone("") == addr
	})
}

// resolvers are the name servers of this machine (resolv.conf(5)): those on localhost
// when none is given.
func resolvers() []netip.AddrPort {
	b, _ := os.ReadFile("/etc/resolv.conf") // no file is as an empty one
	return parseResolvers(string(b))
}

func parseResolvers(text string) []netip.AddrPort {
	var list []netip.AddrPort
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(fields[1]); err == nil {
			list = append(list, netip.AddrPortFrom(addr.Unmap().WithZone(""), 53))
		}
	}
	if len(list) == 0 {
		return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53"), netip.MustParseAddrPort("[::1]:53")}
	}
	return list
}
