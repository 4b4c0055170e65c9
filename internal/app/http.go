package app

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// health serves /healthz: 200 once the database answers.
func (a *App) health() {
	a.Router.At("").Raw("GET /healthz", authz.Anyone, func(w http.ResponseWriter, req *http.Request) error {
		if err := a.DB.Ping(req.Context()); err != nil {
			return &problem.Problem{Status: http.StatusServiceUnavailable, Title: "service unavailable", Detail: "The database does not answer."}
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, err := w.Write([]byte("ok\n"))
		return err
	})
}

// trusts returns a function that reports whether a peer is in one of the networks.
// What is no network was refused when the settings were read.
func trusts(networks []string) func(remote string) bool {
	var list []netip.Prefix
	for _, n := range networks {
		if p, err := netip.ParsePrefix(n); err == nil {
			list = append(list, p)
		}
	}
	return func(remote string) bool {
		host, _, err := net.SplitHostPort(remote)
		if err != nil {
			return false
		}
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return false
		}
		for _, p := range list {
			if p.Contains(ip.Unmap()) {
				return true
			}
		}
		return false
	}
}

// hostOf returns the host of an address, without its port; "" if it is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
