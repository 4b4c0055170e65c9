package app

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// ipRanges are the networks that the server is reached at and connects from, in CIDR
// notation (ip-ranges.md).
type ipRanges struct {
	API           []string `json:"api"`
	Notifications []string `json:"notifications"`
	Sentinel      []string `json:"sentinel"`
	VCS           []string `json:"vcs"`
}

// serveIPRanges serves what the operator says, or the addresses of this machine. It
// changes with the settings only, so it was last modified when the server started.
func (a *App) serveIPRanges() {
	ranges, modified := rangesOf(a.Config.IPRanges, machine()), time.Now().UTC().Truncate(time.Second)
	a.Router.At("").Raw("GET /api/meta/ip-ranges", authz.Anyone, func(w http.ResponseWriter, req *http.Request) error {
		w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
		if since, err := http.ParseTime(req.Header.Get("If-Modified-Since")); err == nil && !modified.After(since) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		return api.WriteJSON(w, http.StatusOK, "application/json", ranges)
	})
}

func rangesOf(c config.IPRanges, machine []string) ipRanges {
	or := func(list []string) []string {
		if len(list) == 0 {
			return machine
		}
		return list
	}
	return ipRanges{or(c.API), or(c.Notifications), or(c.Sentinel), or(c.VCS)}
}

// machine returns the addresses of this machine, or its loopback if it has no other.
func machine() []string {
	addrs, _ := net.InterfaceAddrs()
	var out []string
	for _, addr := range addrs {
		p, err := netip.ParsePrefix(addr.String())
		if err == nil && p.Addr().IsGlobalUnicast() {
			out = append(out, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()).String())
		}
	}
	if len(out) == 0 {
		return []string{"127.0.0.1/32"}
	}
	return out
}
