package safehttp

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestLoopbackIsRefusedUntilTheOperatorAllowsIt(t *testing.T) {
	s, n := serve(t, hello)
	_, err := get(t, client(t, Options{AllowHTTP: true}), s.URL)
	wantRefused(t, err, "a loopback address (127.0.0.0/8); an operator may allow it")
	if *n != 0 {
		t.Errorf("the server was reached %d times, want 0", *n)
	}
	got, err := get(t, client(t, Options{AllowHTTP: true, Allow: loopback}), s.URL)
	if got != "hello" || err != nil {
		t.Errorf("allowed: Do = %q, %v", got, err)
	}
}

func TestNamesThatLeadInsideAreRefused(t *testing.T) {
	s, n := serve(t, hello)
	for _, addr := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "0.0.0.0", "::"} {
		c := client(t, Options{AllowHTTP: true, Resolver: resolver(addr)})
		_, err := get(t, c, "http://rebind.example:"+port(t, s))
		wantRefused(t, err, "the name leads to")
		if err != nil && strings.Contains(err.Error(), "10.1.2.3") {
			t.Errorf("error = %v, tells the address", err)
		}
	}
	if *n != 0 {
		t.Errorf("the server was reached %d times, want 0", *n)
	}
}

func TestANameIsResolvedOncePerConnection(t *testing.T) {
	s, _ := serve(t, hello)
	lookups := 0
	c := client(t, Options{AllowHTTP: true, Allow: loopback, Resolver: func(context.Context, string) ([]netip.Addr, error) {
		lookups++
		return resolver("127.0.0.1")(nil, "")
	}})
	if got, err := get(t, c, "http://hook.example:"+port(t, s)); got != "hello" || err != nil {
		t.Fatalf("Do = %q, %v", got, err)
	}
	if lookups != 1 {
		t.Errorf("lookups = %d, want 1", lookups)
	}
}

func TestAllowedHostsMayBePrivate(t *testing.T) {
	s, _ := serve(t, hello)
	c := client(t, Options{AllowHTTP: true, AllowHosts: []string{"ghe.corp", "*.in.corp"}, Resolver: resolver("127.0.0.1")})
	for host, ok := range map[string]bool{
		"ghe.corp": true, "GHE.corp": true, "a.in.corp": true, "a.b.in.corp": true,
		"in.corp": false, "xin.corp": false, "ghe.corp.evil.example": false, "127.0.0.1": false,
	} {
		_, err := get(t, c, "http://"+host+":"+port(t, s))
		if (err == nil) != ok {
			t.Errorf("%s: err = %v, want allowed %v", host, err, ok)
		}
	}
}

func TestOwnListenersAreNeverReached(t *testing.T) {
	s, n := serve(t, hello)
	own := netip.MustParseAddrPort(s.Listener.Addr().String())
	for _, listener := range []netip.AddrPort{own, netip.AddrPortFrom(netip.IPv4Unspecified(), own.Port()), netip.AddrPortFrom(netip.IPv6Unspecified(), own.Port())} {
		c := client(t, Options{
			AllowHTTP: true, Own: []netip.AddrPort{listener}, Resolver: resolver("127.0.0.1"), AllowHosts: []string{"ghe.corp"},
			Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		})
		for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "ghe.corp", "[64:ff9b::7f00:1]"} {
			_, err := get(t, c, "http://"+host+":"+port(t, s))
			wantRefused(t, err, "an address of this server")
		}
	}
	if *n != 0 {
		t.Errorf("the server was reached %d times, want 0", *n)
	}
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	r := newRules(Options{})
	for _, a := range []string{
		"127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.31.255.255", "192.168.0.1", "169.254.1.1", "100.64.0.1",
		"192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "169.254.169.254", "100.100.100.200", "168.63.129.16",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::7f00:1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2002:7f00:1::", "2001::1", "2001:db8::1",
	} {
		if why := r.refuse(netip.AddrPortFrom(netip.MustParseAddr(a), 443), false); why == "" {
			t.Errorf("refuse(%s) = \"\", want a reason", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "::ffff:1.1.1.1", "140.82.121.3", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"} {
		if why := r.refuse(netip.AddrPortFrom(netip.MustParseAddr(a), 443), false); why != "" {
			t.Errorf("refuse(%s) = %q, want it public", a, why)
		}
	}
}

func TestMetadataNeedsItsOwnPermission(t *testing.T) {
	wide := newRules(Options{Allow: []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fd00::/8")}})
	for _, a := range []string{"169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"} {
		for _, trusted := range []bool{false, true} {
			if why := wide.refuse(netip.AddrPortFrom(netip.MustParseAddr(a), 80), trusted); !strings.Contains(why, "metadata") {
				t.Errorf("refuse(%s, trusted %v) = %q, want metadata", a, trusted, why)
			}
		}
	}
	if why := wide.refuse(netip.MustParseAddrPort("100.64.0.9:443"), false); why != "" {
		t.Errorf("a neighbour in the allowed range: %q", why)
	}
	single := newRules(Options{Allow: []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32")}})
	if why := single.refuse(netip.MustParseAddrPort("169.254.169.254:80"), false); why != "" {
		t.Errorf("refuse = %q although the address is allowed", why)
	}
}

func TestAllowedNAT64LeadsOnlyToPublicIPv4(t *testing.T) {
	r := newRules(Options{Allow: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}})
	for a, ok := range map[string]bool{"64:ff9b::101:101": true, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false} {
		if why := r.refuse(netip.AddrPortFrom(netip.MustParseAddr(a), 443), false); (why == "") != ok {
			t.Errorf("refuse(%s) = %q, want allowed %v", a, why, ok)
		}
	}
}

func TestDisguisedAddressesAreRefused(t *testing.T) {
	s, n := serve(t, hello)
	c := client(t, Options{AllowHTTP: true, Resolver: resolver("127.0.0.1")}) // as a lenient resolver would read the numbers
	hosts := []string{
		"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.0x1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1",
		"localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fd00::1]", "[fe80::1]", "[fe80::1%25lo]", "[::]", "0",
	}
	for _, h := range hosts {
		req, err := http.NewRequest("GET", "http://"+h+":"+port(t, s), nil)
		if err != nil {
			continue // no URL at all
		}
		if _, err := do(t, c, req); err == nil {
			t.Errorf("%s was reached", h)
		} else if _, ok := problem.From(err); !ok {
			t.Errorf("%s: error = %v, want a problem", h, err)
		}
	}
	if *n != 0 {
		t.Errorf("the server was reached %d times, want 0", *n)
	}
}

func TestParseAllowSortsRangesAndNames(t *testing.T) {
	prefixes, hosts, err := ParseAllow([]string{"10.1.2.3/8", " 192.168.0.7 ", "::1", "*.Corp", "ghe.corp"})
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.7/32"), netip.MustParsePrefix("::1/128")}
	if err != nil || len(prefixes) != 3 || prefixes[0] != want[0] || prefixes[1] != want[1] || prefixes[2] != want[2] || strings.Join(hosts, " ") != "*.corp ghe.corp" {
		t.Errorf("ParseAllow = %v, %v, %v", prefixes, hosts, err)
	}
	for _, bad := range []string{"", "*", "*.", "10.0.0.0/33", "https://ghe.corp", "ghe.corp:443", "2130706433", "a b"} {
		if _, _, err := ParseAllow([]string{bad}); err == nil {
			t.Errorf("ParseAllow(%q): no error", bad)
		}
	}
	for _, bad := range []string{"", "ghe.corp", "ftp://x", "http://"} {
		if _, err := New(Options{Rewrite: map[string]string{"github.com": bad}}); err == nil {
			t.Errorf("New with a rewrite to %q: no error", bad)
		}
	}
}
