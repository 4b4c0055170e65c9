package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probing is set for a test binary that tries, inside a sandbox, what its arguments name.
const probing = "SANDBOX_TEST_PROBE"

// runProbes says for each argument what came of it.
func runProbes() {
	for _, p := range os.Args[1:] {
		fmt.Printf("%s: %s\n", p, probe(p))
	}
}

// probe tries something: "reached" or the name of the error.
func probe(what string) string {
	fields := strings.Fields(what)
	var err error
	switch way, args := fields[0], fields[1:]; way {
	case "tcp", "udp":
		err = dial(way, args[0])
	case "sendto", "sendmsg", "sendmmsg":
		err = sendUnconnected(way, args[0])
	case "fastopen":
		err = fastOpen(args[0])
	case "unix":
		err = dialUnix(args[0])
	case "own":
		err = ownService(args[0], expand(args[1]))
	case "race-address":
		err = race(args[0], args[1])
	case "blocking":
		err = blocking(args[0])
	case "connects":
		err = connects(args[0])
	case "socket":
		err = socketOf(args[0])
	case "detect":
		s := Detect(context.Background(), Options{Kind: Kind(args[0]), Judged: len(args) > 1})
		err = fmt.Errorf("%s, judged %t, %s", s.Kind, s.Egress, s.Why)
	case "allocate":
		err = allocate(args[0], args[1])
	case "map":
		megabytes, _ := strconv.Atoi(args[0])
		_, err = unix.Mmap(-1, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	case "lasting":
		err = lastingOf(args[0])
	case "option":
		err = option(args[0])
	default:
		err = attempt(way, args)
	}
	if err == nil {
		return "reached"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

// attempt tries what has a name of its own.
func attempt(way string, args []string) error {
	if len(args) == 0 {
		return attempts[way]()
	}
	if known, err := onFile(way, args[0]); known {
		return err
	}
	_, err := onProcess(way, args[0])
	return err
}

// expand replaces $PWD, which the environment does not have, and variables.
func expand(path string) string {
	return os.Expand(path, func(name string) string {
		if cwd, err := os.Getwd(); name == "PWD" && err == nil {
			return cwd
		}
		return os.Getenv(name)
	})
}

func socketOf(kind string) error {
	args := map[string][3]int{
		"packet": {unix.AF_PACKET, unix.SOCK_RAW, 0}, "raw": {unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, "vsock": {unix.AF_VSOCK, unix.SOCK_STREAM, 0}, "alg": {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"sctp": {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP}, "netfilter": {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, "udplite": {unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE},
	}[kind]
	fd, err := unix.Socket(args[0], args[1], args[2])
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func option(kind string) error {
	if kind == "route4" {
		fd, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		return unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, "\x83\x07\x04\xa9\xfe\xa9\xfe\x00")
	}
	fd, _ := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	return unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_RTHDR, strings.Repeat("\x00", 24))
}

// call makes a system call that should be refused.
func callOf(number uintptr, args ...uintptr) func() error {
	return func() error {
		var all [6]uintptr
		copy(all[:], args)
		if _, _, errno := unix.Syscall6(number, all[0], all[1], all[2], all[3], all[4], all[5]); errno != 0 {
			return errno
		}
		return nil
	}
}

var attempts = map[string]func() error{
	"io_uring":     callOf(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&[120]byte{}))),
	"userns":       callOf(unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
	"clone-userns": callOf(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)),
	"clone3":       callOf(unix.SYS_CLONE3, 0, 0),
	"mount":        callOf(unix.SYS_MOUNT, 0, 0, 0, 0, 0),
	"chroot":       callOf(unix.SYS_CHROOT, uintptr(unsafe.Pointer(&[]byte("/\x00")[0]))),
	"ptrace":       callOf(unix.SYS_PTRACE, unix.PTRACE_TRACEME),
	"keyring":      callOf(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(3), 0),
	"setns":        callOf(unix.SYS_SETNS, 0, 0),
	"bpf":          callOf(unix.SYS_BPF, 0, 0, 0),
	"memory":       callOf(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()), 0, 0, 0, 0, 0),
	"x32":          callOf(0x40000000 + 42),
	"32-bit":       thirtyTwoBit,
	"pair":         pair,
	"descriptor":   descriptor,
	"netlink":      netlink,
	"long-stream":  longStream,
	"credentials":  credentials,
	"inherited":    inherited,
	"noise":        noise,
	"memfd":        callOf(unix.SYS_MEMFD_CREATE, uintptr(unsafe.Pointer(&[]byte("x\x00")[0])), 0),
}

func lastingOf(kind string) error {
	number := map[string]uintptr{"shmget": unix.SYS_SHMGET, "msgget": unix.SYS_MSGGET, "semget": unix.SYS_SEMGET}[kind]
	return callOf(number, 0, 1, 0o600)() // IPC_PRIVATE
}

// allocate lets some processes use memory, in MB each, for a time in which it is counted.
func allocate(processes, megabytes string) error {
	n, _ := strconv.Atoi(processes)
	size, _ := strconv.Atoi(megabytes)
	if n == 1 {
		memory := bytes.Repeat([]byte("x"), size<<20)
		<-time.After(1500 * time.Millisecond)
		runtime.KeepAlive(memory)
		return nil
	}
	var list []*exec.Cmd
	for range n {
		cmd := exec.Command("/proc/self/exe", "allocate 1 "+megabytes)
		if err := cmd.Start(); err != nil {
			return err
		}
		list = append(list, cmd)
	}
	for _, cmd := range list {
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// inherited finds descriptors that the program was started with.
func inherited() error {
	for fd := 3; fd < 1000; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			return fmt.Errorf("descriptor %d is inherited", fd)
		}
	}
	return nil
}

// noise makes calls with arguments that make no sense, on good and bad descriptors.
func noise() error {
	random := rand.New(rand.NewPCG(1, 2))
	page := make([]byte, 4096)
	for i := range page {
		page[i] = byte(random.Uint32())
	}
	udp, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	pairs, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	at := uintptr(unsafe.Pointer(&page[0]))
	value := func() uintptr {
		choices := []uintptr{0, 1, 2, 16, 28, 56, 110, 128, 4096, uintptr(udp), uintptr(pairs[0]), at, at + 8, at + uintptr(random.IntN(4096)), ^uintptr(0), 1 << 31, 1 << 40, uintptr(random.Uint64())}
		return choices[random.IntN(len(choices))]
	}
	for i := range 4000 {
		for at := 0; at < 128; at += 8 { // lengths and addresses, so that some of it is well formed
			binary.NativeEndian.PutUint64(page[at:], uint64(value()))
		}
		if i%2 == 0 {
			binary.NativeEndian.PutUint16(page, uint16(random.IntN(20)))
		}
		number := []uintptr{unix.SYS_CONNECT, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG}[i%4]
		fd := []uintptr{uintptr(udp), uintptr(pairs[0]), value()}[random.IntN(3)]
		_ = callOf(number, fd, []uintptr{at, value()}[random.IntN(2)], value(), value()|unix.MSG_DONTWAIT, value(), value())()
	}
	return nil
}

// pair talks over a pair of sockets with sendmsg.
func pair() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if n, err := unix.SendmsgBuffers(fds[0], [][]byte{[]byte("hel"), []byte("lo")}, nil, nil, 0); n != 5 || err != nil {
		return fmt.Errorf("sendmsg = %d, %w", n, err)
	}
	b := make([]byte, 10)
	if n, err := unix.Read(fds[1], b); err != nil || string(b[:n]) != "hello" {
		return fmt.Errorf("read %q: %w", b[:n], err)
	}
	unix.Close(fds[1])
	if _, err := unix.SendmsgBuffers(fds[0], [][]byte{[]byte("x")}, nil, nil, 0); !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("to nobody: %w, want EPIPE", err)
	}
	if _, err := unix.SendmsgBuffers(-1, [][]byte{[]byte("x")}, nil, nil, 0); !errors.Is(err, unix.EBADF) {
		return fmt.Errorf("on no socket: %w, want EBADF", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fds[0]), 8, 0); errno != unix.EFAULT {
		return fmt.Errorf("from nowhere: %w, want EFAULT", errno)
	}
	return nil
}

// descriptor passes a pipe through a socket.
func descriptor() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(fds[0], []byte("x"), unix.UnixRights(int(w.Fd())), nil, 0); err != nil {
		return err
	}
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(fds[1], make([]byte, 1), rights, 0)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("%d control messages, %w", len(messages), err)
	}
	got, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	if _, err := unix.Write(got[0], []byte("hello")); err != nil {
		return err
	}
	return hello(r)
}

func credentials() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return unix.Sendmsg(fds[0], []byte("x"), unix.UnixCredentials(&unix.Ucred{Pid: 1, Uid: 0, Gid: 0}), nil, 0)
}

// netlink asks for the addresses of the machine, as C libraries do.
func netlink() error {
	_, err := syscall.NetlinkRIB(unix.RTM_GETADDR, unix.AF_UNSPEC)
	return err
}

// longStream sends 5 MB with sendmsg to a reader that begins late.
func longStream() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	data := make([]byte, 5_000_000)
	for i := range data {
		data[i] = byte(i % 251)
	}
	read := make(chan error)
	go func() {
		got, err := io.ReadAll(os.NewFile(uintptr(fds[1]), "reader"))
		if err == nil && string(got) != string(data) {
			err = fmt.Errorf("%d bytes came, and differ", len(got))
		}
		read <- err
	}()
	for rest := data; len(rest) > 0; {
		n, err := unix.SendmsgBuffers(fds[0], [][]byte{rest[:len(rest)/2], rest[len(rest)/2:]}, nil, nil, 0)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	unix.Close(fds[0])
	return <-read
}

// thirtyTwoBit calls the kernel of amd64 as 32-bit programs do: getpid(2) has the number 20.
func thirtyTwoBit() error {
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	copy(page, "\xb8\x14\x00\x00\x00\xcd\x80\x48\x98\xc3") // mov eax, 20; int 0x80; cdqe; ret
	code := unsafe.Pointer(&page[0])
	at := unsafe.Pointer(&code)
	if r := (*(*func() int)(unsafe.Pointer(&at)))(); r < 0 {
		return syscall.Errno(-r)
	}
	return nil
}
