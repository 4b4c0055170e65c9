package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// architectures are those whose system calls the filter knows, with their names for seccomp.
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// Offsets in struct seccomp_data, little-endian (seccomp(2)).
const (
	atCall = 0
	atArch = 4
	atArgs = 16
)

// x32 marks system calls of the x32 ABI, which reach the same kernel by other numbers.
const x32 = 0x40000000

// namespaces are the flags of clone(2) and unshare(2) that make a namespace.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// refused are system calls that no program of a run needs and that would open a way out:
// past the filter (io_uring), into other processes, to the keys of the user, to mounts, or
// to parts of the kernel where faults have been found often.
var refused = map[unix.Errno][]uint32{
	unix.ENOSYS: { // programs then use what was there before
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_CLONE3,       // its flags are in memory, where a filter cannot look
		unix.SYS_MEMFD_CREATE, // its memory counts for no process
	},
	unix.EPERM: {
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_SETNS,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_QUOTACTL,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_REBOOT, unix.SYS_SYSLOG,
	},
}

// lasting are system calls that make memory which outlives its processes, and is shared
// with all of the machine where there is no namespace for it (ipc_namespaces(7)).
var lasting = []uint32{unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN}

// onOthers are system calls that change a process, whose number is the argument given,
// or the caller if it is 0. Without a namespace for processes, those of the same user
// are within their reach.
var onOthers = map[uint32]uint32{
	unix.SYS_SETPRIORITY: 1, unix.SYS_IOPRIO_SET: 1, unix.SYS_SCHED_SETAFFINITY: 0, unix.SYS_SCHED_SETSCHEDULER: 0,
	unix.SYS_SCHED_SETPARAM: 0, unix.SYS_SCHED_SETATTR: 0, unix.SYS_PRLIMIT64: 0,
}

// sourceRoutes are options of sockets that send packets by way of another address: level
// and name.
var sourceRoutes = [][2]uint32{
	{unix.IPPROTO_IP, unix.IP_OPTIONS},
	{unix.IPPROTO_IPV6, unix.IPV6_RTHDR}, {unix.IPPROTO_IPV6, unix.IPV6_2292RTHDR}, {unix.IPPROTO_IPV6, unix.IPV6_2292PKTOPTIONS},
}

// protocols are those of sockets of the internet families: a default, TCP, UDP, ping and
// MPTCP. Others, such as SCTP, connect by more ways than the filter watches.
var protocols = []uint32{0, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6, unix.IPPROTO_MPTCP}

// filter is a program for seccomp, in classic BPF.
type filter []unix.SockFilter

func (f *filter) do(code uint16, k uint32) { *f = append(*f, unix.SockFilter{Code: code, K: k}) }

func (f *filter) load(at uint32) { f.do(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, at) }

// loadArg loads the lower half of an argument, which is all that the kernel reads of an int.
func (f *filter) loadArg(i uint32) { f.load(atArgs + 8*i) }

func (f *filter) end(action uint32) { f.do(unix.BPF_RET|unix.BPF_K, action) }

func (f *filter) allow() { f.end(unix.SECCOMP_RET_ALLOW) }

func (f *filter) refuse(errno unix.Errno) { f.end(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

// when compares what was loaded (code is a BPF jump, such as BPF_JEQ) and does body, of at
// most 255 instructions, only if it is so.
func (f *filter) when(code uint16, k uint32, body func(*filter)) {
	var inner filter
	body(&inner)
	*f = append(*f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | code, Jf: uint8(len(inner)), K: k})
	*f = append(*f, inner...)
}

// filterOf returns the filter of a run. With a gate the calls that name an address wait
// for its answer; without one they pass. apart says that the run has namespaces of its own
// for processes and shared memory.
func filterOf(arch uint32, gated, apart bool) filter {
	ask := func(f *filter) { f.allow() }
	if gated {
		ask = func(f *filter) { f.end(unix.SECCOMP_RET_USER_NOTIF) }
	}
	var f filter
	f.load(atArch)
	f.do(unix.BPF_JMP|unix.BPF_K|unix.BPF_JEQ, arch)
	f[len(f)-1].Jt = 1
	f.refuse(unix.ENOSYS) // another architecture has other numbers
	f.load(atCall)
	if !apart {
		f.shared()
	}
	f.calls(ask)
	return f
}

// shared refuses what reaches beyond a run that has no namespaces of its own.
func (f *filter) shared() {
	for _, call := range lasting {
		f.when(unix.BPF_JEQ, call, func(f *filter) { f.refuse(unix.ENOSYS) })
	}
	for call, arg := range onOthers {
		f.when(unix.BPF_JEQ, call, func(f *filter) {
			f.loadArg(arg)
			f.when(unix.BPF_JEQ, 0, (*filter).allow)
			f.refuse(unix.EPERM)
		})
	}
}

func (f *filter) calls(ask func(*filter)) {
	if runtime.GOARCH == "amd64" {
		f.when(unix.BPF_JGE, x32, func(f *filter) { f.refuse(unix.ENOSYS) })
	}
	on := func(call uint32, body func(*filter)) { f.when(unix.BPF_JEQ, call, body) }
	on(unix.SYS_CONNECT, ask)
	on(unix.SYS_SENDMSG, ask)
	on(unix.SYS_SENDMMSG, ask)
	on(unix.SYS_SENDTO, func(f *filter) { f.sendto(ask) })
	on(unix.SYS_SOCKET, (*filter).socket)
	on(unix.SYS_SOCKETPAIR, func(f *filter) {
		f.loadArg(0)
		f.when(unix.BPF_JEQ, unix.AF_UNIX, (*filter).allow)
		f.refuse(unix.EAFNOSUPPORT)
	})
	on(unix.SYS_SETSOCKOPT, (*filter).setsockopt)
	on(unix.SYS_CLONE, func(f *filter) { f.spaces(namespaces) })
	on(unix.SYS_UNSHARE, func(f *filter) { f.spaces(namespaces | unix.CLONE_NEWTIME) })
	for errno, calls := range refused {
		for _, call := range calls {
			on(call, func(f *filter) { f.refuse(errno) })
		}
	}
	f.allow()
}

// sendto asks if there is an address: without one the socket is connected already.
func (f *filter) sendto(ask func(*filter)) {
	f.loadArg(4)
	f.when(unix.BPF_JEQ, 0, func(f *filter) {
		f.load(atArgs + 8*4 + 4)
		f.when(unix.BPF_JEQ, 0, (*filter).allow)
		ask(f)
	})
	ask(f)
}

// socket allows the families that programs need: netlink's routing tells C libraries
// which addresses the machine has.
func (f *filter) socket() {
	f.loadArg(0)
	f.when(unix.BPF_JEQ, unix.AF_UNIX, (*filter).allow)
	f.when(unix.BPF_JEQ, unix.AF_INET, (*filter).internet)
	f.when(unix.BPF_JEQ, unix.AF_INET6, (*filter).internet)
	f.when(unix.BPF_JEQ, unix.AF_NETLINK, func(f *filter) {
		f.loadArg(2)
		f.when(unix.BPF_JEQ, unix.NETLINK_ROUTE, (*filter).allow)
		f.refuse(unix.EPROTONOSUPPORT)
	})
	f.refuse(unix.EAFNOSUPPORT)
}

func (f *filter) internet() {
	f.loadArg(2)
	for _, protocol := range protocols {
		f.when(unix.BPF_JEQ, protocol, func(f *filter) {
			f.loadArg(1)
			f.do(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xf) // less SOCK_NONBLOCK and SOCK_CLOEXEC
			f.when(unix.BPF_JEQ, unix.SOCK_STREAM, (*filter).allow)
			f.when(unix.BPF_JEQ, unix.SOCK_DGRAM, (*filter).allow)
			f.refuse(unix.EPERM)
		})
	}
	f.refuse(unix.EPROTONOSUPPORT)
}

func (f *filter) setsockopt() {
	for _, option := range sourceRoutes {
		f.loadArg(1)
		f.when(unix.BPF_JEQ, option[0], func(f *filter) {
			f.loadArg(2)
			f.when(unix.BPF_JEQ, option[1], func(f *filter) { f.refuse(unix.EPERM) })
		})
	}
	f.allow()
}

// spaces refuses to make namespaces.
func (f *filter) spaces(flags uint32) {
	f.loadArg(0)
	f.when(unix.BPF_JSET, flags, func(f *filter) { f.refuse(unix.EPERM) })
	f.allow()
}

// install puts the filter on this thread and what it starts, for good. With a gate it
// returns the descriptor on which the kernel asks.
func install(gated, apart bool) (listener int, err error) {
	arch, ok := architectures[runtime.GOARCH]
	if !ok && !gated { // better than nothing
		return -1, nil
	}
	if !ok {
		return -1, fmt.Errorf("seccomp: no filter for %s", runtime.GOARCH)
	}
	code := filterOf(arch, gated, apart)
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	set := func(flags uintptr) (int, unix.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program))) //nolint:gosec // how a system call takes a struct
		return int(r), errno
	}
	flags := []uintptr{0}
	if gated { // a call that is being answered is not interrupted, or it may be done twice: Linux 5.19
		flags = []uintptr{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER}
	}
	var errno unix.Errno
	for _, f := range flags {
		if listener, errno = set(f); errno == 0 {
			return listener, nil
		}
	}
	return -1, fmt.Errorf("seccomp: %w", errno)
}
