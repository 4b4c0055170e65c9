package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

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
	unix.CloseOnExec(fdControl)
	child, target, err := launch(o)
	if err != nil {
		refuse(err)
	}
	go obey(target)
	status := reap(child)
	if len(o.Bwrap) == 0 {
		tell(ended(status))
	}
	killAll()
	_ = clean(o.Private) // the server tries again, and tells why it cannot
	os.Exit(0)
}

// refuse tells why the program was not started, and ends.
func refuse(err error) {
	tell(result{Error: err.Error()})
	os.Exit(1)
}

// launch starts the next process. target is whom to interrupt, 0 until it is known.
func launch(o order) (child int, target *atomic.Int64, err error) {
	target = &atomic.Int64{}
	path, args := "/proc/self/exe", []string{"plumbline", marker, "enter"}
	files := []uintptr{0, 1, 2, fdOrder, fdStatus}
	var info, infoEnd *os.File
	if len(o.Bwrap) > 0 {
		if info, infoEnd, err = os.Pipe(); err != nil {
			return 0, nil, err
		}
		path, args = o.Bwrap[0], o.Bwrap
		files = append(files, infoEnd.Fd())
	}
	// Setsid keeps signals of a terminal away. Init runs on the main thread, so the death
	// signal comes when the process dies, not a thread.
	child, err = syscall.ForkExec(path, args, &syscall.ProcAttr{ //nolint:gosec // this binary, or bwrap
		Env: []string{"PATH=/usr/bin:/bin"}, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, nil, err
	}
	if info == nil {
		target.Store(int64(child))
		return child, target, nil
	}
	_ = infoEnd.Close()
	go learn(info, target)
	return child, target, nil
}

// learn reads from bwrap which process is the first inside.
func learn(info io.Reader, target *atomic.Int64) {
	var first struct {
		PID int64 `json:"child-pid"`
	}
	if json.NewDecoder(info).Decode(&first) == nil {
		target.Store(first.PID)
	}
}

// obey does what the server says until the server closes the pipe or dies.
func obey(target *atomic.Int64) {
	b := make([]byte, 1)
	for {
		n, err := syscall.Read(fdControl, b)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n != 1 || err != nil {
			killDescendants()
			return
		}
		if pid := target.Load(); pid > 0 {
			_ = unix.Kill(int(pid), unix.SIGINT) // it may have ended
		}
	}
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
		killDescendants()
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.ECHILD) {
			return
		}
		if pid == 0 { // some are dying, or were started meanwhile
			_ = unix.Nanosleep(&unix.Timespec{Nsec: 2e6}, nil)
		}
	}
}

// killDescendants kills every descendant that there is, parents and children alike.
func killDescendants() {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			parent := parentOf(pid)
			children[parent] = append(children[parent], pid)
		}
	}
	for queue := children[os.Getpid()]; len(queue) > 0; queue = queue[1:] {
		_ = unix.Kill(queue[0], unix.SIGKILL) // it may have ended
		queue = append(queue, children[queue[0]]...)
	}
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
