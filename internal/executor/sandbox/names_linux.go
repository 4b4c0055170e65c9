package sandbox

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// name returns what to call with instead of the address that the caller gave, or why it is
// refused. Refused is EACCES, as if by a firewall.
func (c *call) name(raw []byte, sock int) ([]byte, unix.Errno) {
	if len(raw) < 2 {
		return nil, unix.EINVAL
	}
	switch binary.NativeEndian.Uint16(raw) {
	case unix.AF_INET:
		if len(raw) < unix.SizeofSockaddrInet4 {
			return nil, unix.EINVAL
		}
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:]))
		return raw[:unix.SizeofSockaddrInet4], c.judge(to, sock)
	case unix.AF_INET6:
		if len(raw) < 24 { // without the scope, RFC 2133
			return nil, unix.EINVAL
		}
		to := netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])), binary.BigEndian.Uint16(raw[2:]))
		return raw[:min(len(raw), unix.SizeofSockaddrInet6)], c.judge(to, sock)
	case unix.AF_UNIX:
		return c.socketFile(raw[2:])
	case unix.AF_NETLINK:
		if len(raw) < unix.SizeofSockaddrNetlink {
			return nil, unix.EINVAL
		}
		if binary.NativeEndian.Uint64(raw[4:]) != 0 { // not the kernel, but a process or a group
			return nil, unix.EACCES
		}
		return raw[:unix.SizeofSockaddrNetlink], 0
	}
	return nil, unix.EAFNOSUPPORT
}

// judge decides on an address of the internet.
func (c *call) judge(to netip.AddrPort, sock int) unix.Errno {
	switch c.gate.egress.judge(to) {
	case yes:
		return 0
	case own:
		kind, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_TYPE)
		if err == nil && listens(to.Port(), kind == unix.SOCK_DGRAM) {
			return 0
		}
	case no:
	}
	return unix.EACCES
}

// socketFile finds a socket in the file system that lies in a folder of the run, where
// nobody else makes sockets. The address that it returns leads to the file that was found.
func (c *call) socketFile(raw []byte) ([]byte, unix.Errno) {
	path, _, _ := strings.Cut(string(raw), "\x00")
	if path == "" { // it starts with NUL: the abstract ones are those of the whole machine
		return nil, unix.EACCES
	}
	if !filepath.IsAbs(path) {
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", c.PID))
		if err != nil {
			return nil, unix.EACCES
		}
		if errno := c.valid(); errno != 0 {
			return nil, errno
		}
		path = cwd + "/" + path
	}
	folder, rest := c.gate.egress.folder(filepath.Clean(path))
	if folder == "" {
		return nil, unix.EACCES
	}
	return c.socketBelow(folder, rest)
}

// socketBelow opens a socket below a folder. The links on the way are the program's, and
// must not lead out of the folder.
func (c *call) socketBelow(folder, rest string) ([]byte, unix.Errno) {
	root, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, unix.EACCES
	}
	c.files = append(c.files, root)
	fd, err := unix.Openat2(root, rest, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS})
	switch err {
	case nil:
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG:
		return nil, err.(unix.Errno) //nolint:errorlint // it is one of the above
	default:
		return nil, unix.EACCES
	}
	c.files = append(c.files, fd)
	name := binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX)
	return append(name, fmt.Sprintf("/proc/self/fd/%d\x00", fd)...), 0
}
