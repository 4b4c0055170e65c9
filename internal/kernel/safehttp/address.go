package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// rules decides which addresses may be dialled.
type rules struct {
	public *ssrf.Guardian // what is public, by the IANA registries
	allow  []netip.Prefix
	hosts  []string
	own    []netip.AddrPort
}

// metadata holds the addresses where clouds hand credentials to their machines: AWS,
// Google and others; AWS over IPv6; Alibaba; Oracle; Azure's wire server, which is
// public by its number.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"),
	netip.MustParseAddr("169.254.170.2"),
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"),
	netip.MustParseAddr("168.63.129.16"),
}

// kinds names the special ranges that people meet; the first that fits is told.
var kinds = []struct {
	prefix netip.Prefix
	name   string
}{
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("::/128"), "an address of this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address of a provider's shared range"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{ssrf.IPv6NAT64Prefix, "an IPv4 address behind NAT64"},
}

func newRules(o Options) *rules {
	r := &rules{public: ssrf.New(ssrf.WithAnyPort()), own: o.Own}
	for _, p := range o.Allow {
		r.allow = append(r.allow, p.Masked())
	}
	for _, h := range o.AllowHosts {
		r.hosts = append(r.hosts, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	return r
}

// allowsHost reports whether the operator vouches for every address of a name.
func (r *rules) allowsHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(r.hosts, func(h string) bool {
		below, wild := strings.CutPrefix(h, "*")
		return h == host || wild && strings.HasSuffix(host, below)
	})
}

// refuse returns why an address may not be dialled, or "". A trusted address comes from
// a name or a URL that the operator wrote.
func (r *rules) refuse(to netip.AddrPort, trusted bool) string {
	addr := to.Addr().Unmap()
	if r.isOwn(netip.AddrPortFrom(addr, to.Port())) {
		return "an address of this server, which is never reached this way"
	}
	if slices.Contains(metadata, embedded(addr)) && !slices.Contains(r.allow, netip.PrefixFrom(addr, addr.BitLen())) {
		return "the metadata service of a cloud; an operator may allow this single address"
	}
	if trusted {
		return ""
	}
	if r.allowed(addr) || r.public.SafeAddr(addr) == nil {
		return ""
	}
	return describe(addr) + "; an operator may allow it"
}

// allowed reports whether the operator's ranges hold an address. Behind NAT64 both the
// address and the IPv4 address inside must be reachable, for the gateway may not check.
func (r *rules) allowed(addr netip.Addr) bool {
	inside := func(a netip.Addr) bool {
		return slices.ContainsFunc(r.allow, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	v4 := embedded(addr)
	return inside(addr) && (v4 == addr || inside(v4) || r.public.SafeAddr(v4) == nil)
}

// embedded returns the IPv4 address inside a NAT64 address (RFC 6052), else addr itself.
func embedded(addr netip.Addr) netip.Addr {
	if !ssrf.IPv6NAT64Prefix.Contains(addr) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func (r *rules) isOwn(to netip.AddrPort) bool {
	return slices.ContainsFunc(r.own, func(own netip.AddrPort) bool {
		if own.Port() != to.Port() {
			return false
		}
		addr := embedded(to.Addr())
		if own.Addr().IsUnspecified() {
			return isLocal(addr)
		}
		// To dial 0.0.0.0 is to dial this machine.
		return own.Addr().Unmap() == addr || addr.IsUnspecified()
	})
}

// isLocal reports whether an address belongs to this machine.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	locals, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(locals, func(l net.Addr) bool {
		p, err := netip.ParsePrefix(l.String())
		return err == nil && p.Addr().Unmap() == addr.WithZone("")
	})
}

func describe(addr netip.Addr) string {
	for _, k := range kinds {
		if k.prefix.Contains(addr.WithZone("")) {
			return fmt.Sprintf("%s (%s)", k.name, k.prefix)
		}
	}
	return "not a public address"
}

// dialer resolves a name once, and dials only addresses that the rules pass.
type dialer struct {
	rules   *rules
	resolve func(context.Context, string) ([]netip.Addr, error)
	trusted bool
}

func (d *dialer) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	addrs, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	trusted := d.trusted || d.rules.allowsHost(host)
	err = fmt.Errorf("%s has no address", host)
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = d.dialOne(ctx, network, host, netip.AddrPortFrom(a.Unmap(), uint16(number)), trusted); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// address returns the first address of a host that the rules pass.
func (d *dialer) address(ctx context.Context, host string, port uint16) (netip.Addr, error) {
	addrs, err := d.lookup(ctx, host)
	if err != nil {
		return netip.Addr{}, err
	}
	trusted := d.trusted || d.rules.allowsHost(host)
	err = fmt.Errorf("%s has no address", host)
	for _, a := range addrs {
		why := d.rules.refuse(netip.AddrPortFrom(a.Unmap(), port), trusted)
		if why == "" {
			return a.Unmap(), nil
		}
		err = refused(host, why)
	}
	return netip.Addr{}, err
}

func (d *dialer) dialOne(ctx context.Context, network, host string, to netip.AddrPort, trusted bool) (net.Conn, error) {
	nd := net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		real, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if why := d.rules.refuse(real, trusted); why != "" {
			return refused(host, why)
		}
		return nil
	}}
	conn, err := nd.DialContext(ctx, network, to.String())
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return nil, p // without the address that net.OpError would tell
	}
	return conn, err
}

// refused tells the range, not the address: what names mean inside the operator's
// network is none of the user's business.
func refused(host, why string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return problem.Unprocessable("%s is refused: it is %s.", host, why)
	}
	return problem.Unprocessable("%s is refused: the name leads to %s.", host, why)
}

func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if numeric(host) {
		return nil, problem.Unprocessable("%s is refused: it is neither a host name nor an address in the usual form.", host)
	}
	if d.resolve != nil {
		return d.resolve(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// numeric reports whether the last label of a host is a number, decimal or
// hexadecimal. No top-level domain is one, but some resolvers read such a host as an
// IPv4 address: 2130706433, 0177.0.0.1, 0x7f.1 (URL Standard, "ends in a number").
func numeric(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
