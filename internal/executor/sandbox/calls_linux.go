package sandbox

import (
	"encoding/binary"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connect is connect(fd, name, length).
func (c *call) connect() (int64, unix.Errno) {
	raw, sock, errno := c.target(c.Args[0], c.Args[1], c.Args[2])
	if errno != 0 {
		return 0, errno
	}
	var name []byte
	if len(raw) >= 2 && binary.NativeEndian.Uint16(raw) == unix.AF_UNSPEC { // ends what was connected
		name = make([]byte, unix.SizeofSockaddrInet4)
	} else if name, errno = c.name(raw, sock); errno != 0 {
		return 0, errno
	}
	connect := func() unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(sock), uintptr(unsafe.Pointer(&name[0])), uintptr(len(name))) //nolint:gosec // how a system call takes an address
		return errno
	}
	kind, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_TYPE)
	family := binary.NativeEndian.Uint16(name)
	if err != nil || kind != unix.SOCK_STREAM || (family != unix.AF_INET && family != unix.AF_INET6) || !blocks(sock) {
		return 0, connect()
	}
	return 0, c.connectStream(sock, connect)
}

// target copies an address and duplicates a socket.
func (c *call) target(fd, at, length uint64) (raw []byte, sock int, errno unix.Errno) {
	if int32(length) < 0 || uint32(length) > maxName {
		return nil, -1, unix.EINVAL
	}
	if raw, errno = c.read(at, int(uint32(length))); errno != 0 {
		return nil, -1, errno
	}
	if sock, errno = c.file(fd); errno != 0 {
		return nil, -1, errno
	}
	return raw, sock, c.valid()
}

// sendto is sendto(fd, data, length, flags, name, length).
func (c *call) sendto() (int64, unix.Errno) {
	raw, sock, errno := c.target(c.Args[0], c.Args[4], c.Args[5])
	if errno != 0 {
		return 0, errno
	}
	m := message{parts: []unix.RemoteIovec{{Base: uintptr(c.Args[1]), Len: int(min(c.Args[2], maxData+1))}}, named: raw}
	return c.send(sock, m, c.Args[3])
}

// sendmsg is sendmsg(fd, message, flags).
func (c *call) sendmsg() (int64, unix.Errno) {
	m, errno := c.message(c.Args[1])
	if errno != 0 {
		return 0, errno
	}
	sock, errno := c.file(c.Args[0])
	if errno != 0 {
		return 0, errno
	}
	return c.send(sock, m, c.Args[2])
}

const sizeofMmsghdr = unix.SizeofMsghdr + 8 // with what was sent, and padding

// sendmmsg is sendmmsg(fd, messages, number, flags). It counts the messages that were sent.
func (c *call) sendmmsg() (int64, unix.Errno) {
	sock, errno := c.file(c.Args[0])
	if errno != 0 {
		return 0, errno
	}
	for i := range min(uint64(uint32(c.Args[2])), maxParts) {
		at := c.Args[1] + i*sizeofMmsghdr
		m, errno := c.message(at)
		var sent int64
		if errno == 0 {
			sent, errno = c.send(sock, m, c.Args[3])
		}
		if errno == 0 {
			errno = c.put(at+unix.SizeofMsghdr, uint32(sent))
		}
		if errno != 0 && i > 0 { // the next call tells
			return int64(i), 0
		}
		if errno != 0 {
			return 0, errno
		}
	}
	return int64(min(uint64(uint32(c.Args[2])), maxParts)), 0
}

// message is what to send: places of data, the address as given, and control messages.
type message struct {
	parts []unix.RemoteIovec
	named []byte
	extra []byte
}

// message copies a struct msghdr and what it points to, less the data.
func (c *call) message(at uint64) (m message, errno unix.Errno) {
	b, errno := c.read(at, unix.SizeofMsghdr)
	if errno != 0 {
		return m, errno
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(b[8*i:]) }
	name, nameLen, parts, number, extra, extraLen := word(0), int32(word(1)), word(2), word(3), word(4), word(5)
	switch {
	case nameLen < 0:
		return m, unix.EINVAL
	case number > maxParts:
		return m, unix.EMSGSIZE
	case extraLen > maxExtra:
		return m, unix.ENOBUFS
	}
	if name != 0 && nameLen > 0 {
		if m.named, errno = c.read(name, int(min(nameLen, maxName))); errno != 0 {
			return m, errno
		}
	}
	if b, errno = c.read(parts, 16*int(number)); errno != 0 {
		return m, errno
	}
	for left := maxData + 1; len(b) > 0 && left > 0; b = b[16:] {
		part := unix.RemoteIovec{Base: uintptr(binary.NativeEndian.Uint64(b)), Len: int(min(binary.NativeEndian.Uint64(b[8:]), uint64(left)))}
		m.parts = append(m.parts, part)
		left -= part.Len
	}
	if extra != 0 {
		m.extra, errno = c.read(extra, int(extraLen))
	}
	return m, errno
}

// send sends a message on a duplicate of the caller's socket.
func (c *call) send(sock int, m message, flags uint64) (int64, unix.Errno) {
	if flags&unix.MSG_ZEROCOPY != 0 { // of memory that is not the caller's
		return 0, unix.ENOBUFS
	}
	data, errno := c.data(sock, m.parts)
	if errno != 0 {
		return 0, errno
	}
	var h unix.Msghdr
	if m.extra, errno = c.extra(m.extra); errno != 0 {
		return 0, errno
	}
	if errno := c.valid(); errno != 0 {
		return 0, errno
	}
	if len(m.named) > 0 {
		name, errno := c.name(m.named, sock)
		if errno != 0 {
			return 0, errno
		}
		h.Name, h.Namelen = &name[0], uint32(len(name))
	}
	if len(m.extra) > 0 {
		h.Control = &m.extra[0]
		h.SetControllen(len(m.extra))
	}
	if len(data) > 0 {
		h.Iov = &unix.Iovec{Base: &data[0], Len: uint64(len(data))}
		h.SetIovlen(1)
	}
	return c.deliver(sock, &h, uint32(flags)|unix.MSG_NOSIGNAL)
}

// deliver sends, and waits if the caller does.
func (c *call) deliver(sock int, h *unix.Msghdr, flags uint32) (int64, unix.Errno) {
	waits := flags&(unix.MSG_DONTWAIT|unix.MSG_FASTOPEN) == 0 && blocks(sock) // fast open connects as well
	if waits {
		flags |= unix.MSG_DONTWAIT
	}
	for {
		sent, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(sock), uintptr(unsafe.Pointer(h)), uintptr(flags)) //nolint:gosec // how a system call takes a struct
		if errno == 0 {
			return int64(sent), 0
		}
		if errno != unix.EAGAIN || !waits {
			return 0, errno
		}
		if errno := c.writable(sock, unix.EAGAIN); errno != 0 {
			return 0, errno
		}
		time.Sleep(time.Millisecond) // the queue of who is named, not this one, may be full
	}
}

// data copies what to send. A stream takes as much as is copied; of datagrams, those that
// are too long are refused.
func (c *call) data(sock int, parts []unix.RemoteIovec) ([]byte, unix.Errno) {
	total := 0
	for _, part := range parts {
		total += part.Len
	}
	if total <= maxData {
		return c.gather(parts, total)
	}
	if kind, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return nil, unix.EMSGSIZE
	}
	return c.gather(parts, maxData)
}

// harmless are control messages that are passed on: level and type. None sends a packet
// elsewhere or tells who sends it.
var harmless = map[[2]int32]bool{
	{unix.IPPROTO_IP, unix.IP_TOS}: true, {unix.IPPROTO_IP, unix.IP_TTL}: true, {unix.IPPROTO_IP, unix.IP_PKTINFO}: true,
	{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}: true, {unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT}: true,
	{unix.IPPROTO_IPV6, unix.IPV6_TCLASS}: true, {unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG}: true,
	{unix.IPPROTO_UDP, unix.UDP_SEGMENT}: true,
}

// extra returns control messages to send: descriptors that are passed on are duplicated.
func (c *call) extra(b []byte) ([]byte, unix.Errno) {
	out := append([]byte{}, b...)
	for b := out; len(b) >= unix.SizeofCmsghdr; {
		length := binary.NativeEndian.Uint64(b)
		kind := [2]int32{int32(binary.NativeEndian.Uint32(b[8:])), int32(binary.NativeEndian.Uint32(b[12:]))}
		if length < unix.SizeofCmsghdr || length > uint64(len(b)) {
			return nil, unix.EINVAL
		}
		if kind == [2]int32{unix.SOL_SOCKET, unix.SCM_RIGHTS} {
			if errno := c.descriptors(b[unix.SizeofCmsghdr:length]); errno != 0 {
				return nil, errno
			}
		} else if !harmless[kind] {
			return nil, unix.EPERM
		}
		b = b[min((length+7)&^7, uint64(len(b))):]
	}
	return out, 0
}

// descriptors replaces descriptors of the caller by duplicates.
func (c *call) descriptors(b []byte) unix.Errno {
	for ; len(b) >= 4; b = b[4:] {
		fd, errno := c.file(uint64(binary.NativeEndian.Uint32(b)))
		if errno != 0 {
			return errno
		}
		binary.NativeEndian.PutUint32(b, uint32(fd))
	}
	return 0
}
