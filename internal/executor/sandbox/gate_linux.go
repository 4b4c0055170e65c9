package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// gate answers, outside of the sandbox, for the system calls that name an address. The
// kernel tells of each call and holds the thread that made it. The gate copies address and
// data, judges the copy, and makes the call itself with the copy on a duplicate of the
// program's socket: whatever the program does meanwhile, to its memory or its descriptors,
// what was judged is what happens. It never lets the kernel continue the program's own call,
// which would read the memory again (seccomp_unotify(2), NOTES).
type gate struct {
	listener int
	egress   egress
}

const (
	maxCalls = 256       // that are answered at a time, each by a thread
	maxData  = 256 << 10 // bytes that one call sends; streams send the rest by another
	maxName  = 128       // bytes of an address, sizeof(struct sockaddr_storage)
	maxExtra = 4 << 10   // bytes of control messages
	maxParts = 1024      // of a message, and messages of a call (IOV_MAX)
)

// notification is struct seccomp_notif.
type notification struct {
	ID    uint64
	PID   uint32 // of the thread, as seen from here
	Flags uint32
	Call  int32
	Arch  uint32
	IP    uint64
	Args  [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	ID    uint64
	Value int64
	Error int32
	Flags uint32
}

// Requests of ioctl that golang.org/x/sys lacks: _IOW('!', 2, __u64) and _IOW('!', 4, __u64).
const (
	notifIDValid  = 0x40082102
	notifSetFlags = 0x40082104
)

// serve answers until no process of the sandbox is left.
func (g *gate) serve() {
	flags := uint64(unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) // saves a change of processors
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(g.listener), notifSetFlags, uintptr(flags))
	slots := make(chan struct{}, maxCalls)
	for {
		n := &notification{}
		errno := g.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n)) //nolint:gosec // how a system call takes a struct
		if errno == unix.EINTR || errno == unix.ENOENT && g.asked() {      // who asked is gone
			continue
		}
		if errno != 0 {
			_ = unix.Close(g.listener) // nobody waits: the calls fail
			return
		}
		slots <- struct{}{}
		go g.attend(n, slots)
	}
}

// asked waits for a call. It returns false when nobody is left who could make one: the
// kernel then answers at once, again and again, that there is none.
func (g *gate) asked() bool {
	list := []unix.PollFd{{Fd: int32(g.listener), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(list, -1)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && list[0].Revents&unix.POLLIN != 0
		}
	}
}

func (g *gate) ioctl(request uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(g.listener), request, uintptr(arg))
	return errno
}

// attend answers one call.
func (g *gate) attend(n *notification, slots chan struct{}) {
	defer func() { <-slots }()
	c := &call{notification: n, gate: g}
	value, errno := c.do()
	c.close()
	r := &response{ID: n.ID, Value: value, Error: -int32(errno)}
	_ = g.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(r)) //nolint:gosec // how a system call takes a struct; who asked may be gone
}

// call is a system call that waits for its answer.
type call struct {
	*notification
	gate  *gate
	files []int // to close in the end
}

func (c *call) close() {
	for _, fd := range c.files {
		_ = unix.Close(fd)
	}
}

func (c *call) do() (int64, unix.Errno) {
	switch c.Call {
	case unix.SYS_CONNECT:
		return c.connect()
	case unix.SYS_SENDTO:
		return c.sendto()
	case unix.SYS_SENDMSG:
		return c.sendmsg()
	case unix.SYS_SENDMMSG:
		return c.sendmmsg()
	}
	return 0, unix.ENOSYS
}

// valid says whether the thread still waits. Only then was it its memory and its
// descriptors that were read, and not those of a later process of that number.
func (c *call) valid() unix.Errno {
	if errno := c.gate.ioctl(notifIDValid, unsafe.Pointer(&c.ID)); errno != 0 { //nolint:gosec // how a system call takes a number
		return unix.EINTR
	}
	return 0
}

// file duplicates a descriptor of the caller.
func (c *call) file(fd uint64) (int, unix.Errno) {
	if int32(fd) < 0 {
		return -1, unix.EBADF
	}
	process, err := c.process()
	if err != nil {
		return -1, unix.EACCES
	}
	defer func() { _ = unix.Close(process) }()
	dup, err := unix.PidfdGetfd(process, int(int32(fd)), 0)
	if errors.Is(err, unix.EBADF) {
		return -1, unix.EBADF
	}
	if err != nil {
		return -1, unix.EACCES
	}
	c.files = append(c.files, dup)
	return dup, 0
}

// process opens the calling thread, or its process where Linux is older than 6.9.
func (c *call) process() (int, error) {
	fd, err := unix.PidfdOpen(int(c.PID), unix.PIDFD_THREAD)
	if !errors.Is(err, unix.EINVAL) {
		return fd, err
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
	if err != nil {
		return -1, err
	}
	_, rest, _ := strings.Cut(string(b), "\nTgid:")
	group, _, _ := strings.Cut(rest, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(group))
	if err != nil {
		return -1, err
	}
	return unix.PidfdOpen(pid, 0)
}

// read copies memory of the caller.
func (c *call) read(at uint64, n int) ([]byte, unix.Errno) {
	return c.gather([]unix.RemoteIovec{{Base: uintptr(at), Len: n}}, n)
}

// gather copies n bytes from several places.
func (c *call) gather(parts []unix.RemoteIovec, n int) ([]byte, unix.Errno) {
	if n == 0 {
		return nil, 0
	}
	b := make([]byte, n)
	local := []unix.Iovec{{Base: &b[0], Len: uint64(n)}}
	got, err := unix.ProcessVMReadv(int(c.PID), local, parts, 0)
	if errors.Is(err, unix.EPERM) {
		return nil, unix.EACCES
	}
	if err != nil || got != n {
		return nil, unix.EFAULT
	}
	return b, 0
}

// put writes a number into the memory of the caller.
func (c *call) put(at uint64, n uint32) unix.Errno {
	b := binary.NativeEndian.AppendUint32(nil, n)
	local, remote := []unix.Iovec{{Base: &b[0], Len: 4}}, []unix.RemoteIovec{{Base: uintptr(at), Len: 4}}
	if wrote, err := unix.ProcessVMWritev(int(c.PID), local, remote, 0); err != nil || wrote != 4 {
		return unix.EFAULT
	}
	return 0
}
