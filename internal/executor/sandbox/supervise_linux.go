package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// supervise runs outside of the sandbox. It starts bwrap or enter, passes interruptions
// on, and ends when no descendant is left. Processes that lost their parent become its
// children, so none gets away.
func supervise() {
	o, err := readOrder()
	if err != nil {
		refuse(err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		refuse(err)
	}
	keepDescriptors()
	unix.Umask(0o022) // the server's may be stricter, and bwrap makes folders for another user
	out, written := []uintptr{1, 2}, func() {}
	if o.Limits.Orphan > 0 {
		out, written = outlive()
	}
	c, err := launch(o, out)
	if err != nil {
		refuse(err)
	}
	go c.prepare(o.Egress)
	go c.obey(o.Limits.Orphan)
	if o.Limits.Memory > 0 {
		go watchMemory(o.Limits.Memory)
	}
	status := reap(c.pid)
	if len(o.Bwrap) == 0 {
		tell(ended(status))
	}
	killAll()
	written()
	_ = clean(o.Private) // the server tries again, and tells why it cannot
	os.Exit(0)
}

// keepDescriptors lets no process that this one starts have a descriptor that it is not
// given: the server may have some from who started it.
func keepDescriptors() {
	const first = 3
	if unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd") // before Linux 5.11
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// outlive makes pipes for the output of the program, so that it can go on to write when
// nobody reads any more. Written waits until all of it is passed on.
func outlive() (files []uintptr, written func()) {
	signal.Ignore(syscall.SIGPIPE)
	var copies sync.WaitGroup
	var ends []*os.File
	for _, to := range []*os.File{os.Stdout, os.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			refuse(err)
		}
		ends, files = append(ends, w), append(files, w.Fd())
		copies.Go(func() {
			_, _ = io.Copy(to, r) // it fails when the server is dead
			_, _ = io.Copy(io.Discard, r)
		})
	}
	return files, func() {
		for _, w := range ends {
			_ = w.Close()
		}
		copies.Wait()
	}
}

// refuse tells why the program was not started, and ends.
func refuse(err error) {
	tell(result{Error: err.Error()})
	os.Exit(1)
}

// child is the process that supervise started.
type child struct {
	pid    int
	socket int           // of its fdReady
	info   *os.File      // of bwrap's fdInfo, nil with Landlock
	ready  chan struct{} // closed when it, and nothing else, would be interrupted
	enter  int           // whom to interrupt, known when ready
	once   sync.Once     // of interrupt
}

// launch starts the next process, whose output goes to out.
func launch(o order, out []uintptr) (*child, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &child{socket: pair[0], ready: make(chan struct{})}
	path, args := "/proc/self/exe", []string{"plumbline", marker, "enter"}
	files := []uintptr{0, out[0], out[1], fdOrder, fdStatus, uintptr(pair[1])}
	var infoEnd *os.File
	if len(o.Bwrap) > 0 {
		if c.info, infoEnd, err = os.Pipe(); err != nil {
			return nil, err
		}
		path, args = o.Bwrap[0], o.Bwrap
		files = append(files, infoEnd.Fd())
	}
	// Setsid keeps signals of a terminal away. Init runs on the main thread, so the death
	// signal comes when the process dies, not a thread.
	c.pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{ //nolint:gosec // this binary, or bwrap
		Env: []string{"PATH=/usr/bin:/bin"}, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	_ = unix.Close(pair[1])
	if infoEnd != nil {
		_ = infoEnd.Close()
	}
	return c, err
}

// prepare learns whom to interrupt, and opens the gate with the listener that it hands over.
func (c *child) prepare(e egress) {
	c.enter = c.pid
	if c.info != nil { // bwrap tells which process is the first inside
		var first struct {
			PID int `json:"child-pid"`
		}
		if json.NewDecoder(c.info).Decode(&first) != nil {
			return
		}
		c.enter = first.PID
	}
	rights := make([]byte, unix.CmsgSpace(4))
	n, length, _, _, err := unix.Recvmsg(c.socket, make([]byte, 1), rights, unix.MSG_CMSG_CLOEXEC)
	if n != 1 || err != nil { // it failed, and tells why
		return
	}
	close(c.ready)
	messages, err := unix.ParseSocketControlMessage(rights[:length])
	if err != nil || len(messages) != 1 { // it has no filter that asks
		return
	}
	if fds, err := unix.ParseUnixRights(&messages[0]); err == nil {
		(&gate{listener: fds[0], egress: e}).serve()
	}
}

// obey does what the server says until the server closes the pipe or dies. Then the
// program may have time to save what it did.
func (c *child) obey(orphan time.Duration) {
	b := make([]byte, 1)
	for {
		n, err := syscall.Read(fdControl, b)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n == 1 && err == nil && b[0] == 'i' {
			go c.interrupt()
			continue
		}
		if n != 1 && orphan > 0 {
			go c.interrupt()
			time.Sleep(orphan)
		}
		killDescendants()
		return
	}
}

// interrupt interrupts, once: at the second time an engine leaves everything as it is. It
// waits until that has an effect: before, the first process of a namespace would not notice.
func (c *child) interrupt() {
	c.once.Do(func() {
		<-c.ready
		if c.info != nil {
			_ = unix.Kill(c.enter, unix.SIGINT) // it passes it on, and may have ended
			return
		}
		_ = unix.Kill(-c.enter, unix.SIGINT) // it leads the group, and may have ended
	})
}

// reap waits for the process child and buries others meanwhile.
func reap(child int) unix.WaitStatus {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if pid == child || (err != nil && !errors.Is(err, unix.EINTR)) {
			return status
		}
	}
}

// killAll kills until no child is left.
func killAll() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.ECHILD) {
			return
		}
		killDescendants()
		if pid == 0 { // some are dying, or were started meanwhile
			_ = unix.Nanosleep(&unix.Timespec{Nsec: 2e6}, nil)
		}
	}
}

// killDescendants kills every descendant that there is, parents and children alike.
func killDescendants() {
	for _, pid := range descendants() {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	}
}

// descendants are all processes that this one or its descendants started, parents first.
func descendants() []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			parent := parentOf(pid)
			children[parent] = append(children[parent], pid)
		}
	}
	list := children[os.Getpid()]
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}

// parentOf returns the parent of a process, 0 if the process has ended.
func parentOf(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// "pid (name) state parent …", where name may hold anything
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1]) // 0 if the line is not as proc(5) says
	return parent
}
