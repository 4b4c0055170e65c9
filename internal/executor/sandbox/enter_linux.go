package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// enter gives up every right that the program does not need and starts it. It runs on
// the main thread, to which the package's init is bound; rights of a thread are inherited
// by what the thread starts.
func enter() {
	o, err := readOrder()
	if err != nil {
		refuse(err)
	}
	keepDescriptors()
	interrupts := make(chan os.Signal, 1)
	if len(o.Bwrap) > 0 {
		signal.Notify(interrupts, os.Interrupt)
	}
	if err := o.confine(); err != nil {
		refuse(err)
	}
	if err := o.shut(); err != nil {
		refuse(err)
	}
	if len(o.Bwrap) > 0 {
		o.first(interrupts)
	}
	if err := o.limitMemory(); err != nil {
		refuse(err)
	}
	err = syscall.Exec(o.Args[0], o.Args, o.Env) //nolint:gosec // what to run is the order
	refuse(fmt.Errorf("%s: %w", o.Args[0], err))
}

// confine applies the order to this process.
func (o order) confine() error {
	if err := o.become(); err != nil {
		return fmt.Errorf("become user %d: %w", o.User, err)
	}
	if err := os.Chdir(o.Dir); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CORE:  0,
		unix.RLIMIT_FSIZE: uint64(o.Limits.FileSize),
		unix.RLIMIT_NPROC: uint64(o.Limits.Processes),
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("resource limit %d: %w", resource, err)
		}
	}
	if len(o.Rules) > 0 {
		return restrict(o.ABI, o.Rules)
	}
	return nil
}

// become changes the user, and with it loses all capabilities.
func (o order) become() error {
	if o.User == 0 {
		return nil
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(o.User); err != nil {
		return err
	}
	if err := syscall.Setuid(o.User); err != nil {
		return err
	}
	// The kernel forgot, with the user, that this process is to die with its parent.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}

// shut installs the filter of system calls and hands its listener to supervise.
func (o order) shut() error {
	// A thread from before the filter hands it over, as the filter would make this one wait
	// for whom it is to reach.
	listeners, handed := make(chan int), make(chan error)
	go hand(listeners, handed)
	<-handed // the thread is there
	listener, err := install(o.Gated, len(o.Bwrap) > 0)
	if err != nil {
		return err
	}
	listeners <- listener
	if err := <-handed; err != nil || !o.Gated {
		return err
	}
	return knock()
}

// hand sends a listener to supervise, and a byte that tells it that enter can be interrupted.
func hand(listeners <-chan int, handed chan<- error) {
	runtime.LockOSThread()
	handed <- nil
	listener := <-listeners
	var rights []byte
	if listener > 0 {
		rights = unix.UnixRights(listener)
	}
	err := unix.Sendmsg(fdReady, []byte{0}, rights, nil, 0)
	if listener > 0 {
		_ = unix.Close(listener)
	}
	handed <- err
}

// knock makes sure that the gate is there, can do what it must, and refuses.
func knock() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	nowhere := make([]byte, unix.SizeofSockaddrInet4)                                                                                        // of AF_UNSPEC
	if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&nowhere[0])), uintptr(len(nowhere))); errno != 0 { //nolint:gosec // how a system call takes an address
		return fmt.Errorf("the sockets of a run are out of reach (is CAP_SYS_PTRACE missing?): %w", errno)
	}
	// Nothing opens abstract sockets; without a gate nobody would listen to this one.
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: "@plumbline-knock"})
	if errors.Is(err, unix.EACCES) {
		return nil
	}
	return errors.Join(errors.New("connections are not judged"), err)
}

// limitMemory stops a process that takes too much at once, before watchMemory sees it. The
// limit counts what can be written (RLIMIT_DATA), not the address space, of which Go
// programs reserve much more than they use.
func (o order) limitMemory() error {
	if o.Limits.Memory == 0 {
		return nil
	}
	limit := uint64(o.Limits.Memory)
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit})
}

// first is process 1 of a process namespace: it passes interruptions on and buries
// orphans. When it ends, the kernel kills all others.
func (o order) first(interrupts <-chan os.Signal) {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // its memory is not for the program
	go dieWithSupervisor()
	args := o.Args
	if o.Limits.Memory > 0 { // the limit must not hit this process
		args = append([]string{"/bin/sh", "-c", `ulimit -d "$0" && exec "$@"`, strconv.FormatInt(o.Limits.Memory/1024, 10)}, args...)
	}
	child, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{ //nolint:gosec // what to run is the order
		Env: o.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		refuse(fmt.Errorf("%s: %w", args[0], err))
	}
	go func() {
		for range interrupts {
			_ = unix.Kill(-child, unix.SIGINT) // it leads a group, and may have ended
		}
	}()
	status := reap(child)
	tell(ended(status))
	os.Exit(0)
}

// dieWithSupervisor ends this process when supervise is dead. bwrap's --die-with-parent does
// not do that to a process of another user, whom bwrap has no right to signal.
func dieWithSupervisor() {
	b := make([]byte, 1)
	for {
		n, err := syscall.Read(fdReady, b)
		if !errors.Is(err, syscall.EINTR) && n <= 0 {
			os.Exit(1)
		}
	}
}

// restrict applies Landlock to this thread and what it starts.
func restrict(abi int, rules []rule) error {
	handled := rights(abi)
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	ruleset, err := createRuleset(&attr)
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	for _, r := range rules {
		if err := r.add(ruleset, handled); err != nil {
			return fmt.Errorf("landlock: %s: %w", r.Path, err)
		}
	}
	if err := restrictSelf(ruleset); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return unix.Close(ruleset)
}

// add opens the path of a rule and adds it. A path that is not there needs no rule.
func (r rule) add(ruleset int, handled uint64) error {
	fd, err := unix.Open(r.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) && r.Optional {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	access := r.rights() & handled
	if info.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= fileRights
	}
	return addRule(ruleset, fd, access)
}
