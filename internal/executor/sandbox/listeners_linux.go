package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listens says whether all sockets that wait on a port are of processes of the sandbox:
// programs may talk to themselves, through a tunnel for example. There must be one.
func listens(port uint16, datagrams bool) bool {
	waiting := listeners(port, datagrams)
	if len(waiting) == 0 {
		return false
	}
	held := map[string]bool{}
	for _, pid := range descendants() {
		links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*") // the pattern is right
		for _, link := range links {
			target, _ := os.Readlink(link) // it may be closed by now
			held[target] = true
		}
	}
	for _, inode := range waiting {
		if !held["socket:["+inode+"]"] {
			return false
		}
	}
	return true
}

// listeners are the inodes of the sockets that wait on a port (proc_net(5)).
func listeners(port uint16, datagrams bool) []string {
	var inodes []string
	files := []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"}
	if datagrams {
		files = []string{"/proc/self/net/udp", "/proc/self/net/udp6"}
	}
	for _, file := range files {
		b, _ := os.ReadFile(file) // without IPv6 there is no tcp6
		for line := range strings.Lines(string(b)) {
			// "sl local remote state queues timer retransmits user timeout inode …"
			fields := strings.Fields(line)
			if len(fields) < 10 || !datagrams && fields[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseUint(hex, 16, 16); err == nil && uint16(n) == port {
				inodes = append(inodes, fields[9])
			}
		}
	}
	return inodes
}
