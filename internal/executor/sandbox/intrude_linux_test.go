package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onFile tries to get at a file by a path.
func onFile(way, path string) (known bool, err error) {
	read := func(path string) error {
		b, err := os.ReadFile(path)
		if err == nil && string(b) != "planted" {
			return fmt.Errorf("read %q", b)
		}
		return err
	}
	switch way {
	case "open":
		return true, read(path)
	case "open-root":
		return true, read("/proc/self/root" + path)
	case "open-cwd":
		return true, read("/proc/self/cwd/../../../../../.." + path)
	case "open-parent":
		return true, read("../../../../../../../.." + path)
	case "open-at":
		return true, openAt(path)
	case "open-link":
		return true, viaLink(path, read)
	case "open-loop":
		os.Symlink("../../../../../..", "up")
		return true, read("up" + path)
	case "append":
		return true, opened(os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0))
	case "truncate":
		return true, os.Truncate(path, 0)
	case "hard-link":
		return true, os.Link(path, "hard")
	case "rename":
		return true, os.Rename(path, "renamed")
	case "remove":
		return true, os.Remove(path)
	case "exchange":
		os.WriteFile("other", []byte("other"), 0o644)
		return true, unix.Renameat2(unix.AT_FDCWD, "other", unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	case "mkdir-beside":
		return true, os.Mkdir(filepath.Join(filepath.Dir(path), "planted"), 0o755)
	case "handle":
		return true, byHandle(path)
	}
	return false, nil
}

func opened(f *os.File, err error) error {
	if err == nil {
		f.Close()
	}
	return err
}

func openAt(path string) error {
	root, err := unix.Open(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(root, strings.Repeat("../", 20)+path[1:], unix.O_RDONLY, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func viaLink(path string, read func(string) error) error {
	os.Remove("planted-link")
	if err := os.Symlink(path, "planted-link"); err != nil {
		return err
	}
	return read("planted-link")
}

// byHandle opens a file by its number, past all paths. Without a handle any will do.
func byHandle(path string) error {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		handle = unix.NewFileHandle(1, make([]byte, 8))
	}
	fd, err := unix.OpenByHandleAt(unix.AT_FDCWD, handle, unix.O_RDONLY)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// onProcess tries to get at a process.
func onProcess(way, target string) (known bool, err error) {
	pid, _ := strconv.Atoi(target)
	if target == "parent" {
		pid = os.Getppid()
	}
	p, none := uintptr(pid), uintptr(0)
	switch way {
	case "peek":
		return true, peek(pid)
	case "signal":
		return true, syscall.Kill(pid, syscall.SIGSTOP)
	case "thread-signal":
		return true, callOf(unix.SYS_TGKILL, p, p, uintptr(unix.SIGSTOP))()
	case "queue-signal":
		info := [16]uint64{0: uint64(unix.SIGSTOP), 1: uint64(0xffffffff)} // SI_QUEUE
		return true, callOf(unix.SYS_RT_SIGQUEUEINFO, p, uintptr(unix.SIGSTOP), uintptr(unsafe.Pointer(&info)))()
	case "pidfd-signal", "steal":
		return true, withPidfd(way, pid)
	case "trace":
		return true, callOf(unix.SYS_PTRACE, unix.PTRACE_SEIZE, p)()
	case "memory":
		return true, callOf(unix.SYS_PROCESS_VM_READV, p)()
	case "limits":
		return true, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 8, Max: 8}, nil)
	case "priority":
		return true, syscall.Setpriority(unix.PRIO_PROCESS, pid, 19)
	case "affinity":
		set := &unix.CPUSet{}
		set.Set(0)
		return true, unix.SchedSetaffinity(pid, set)
	case "io-priority":
		return true, callOf(unix.SYS_IOPRIO_SET, 1, p, 3<<13, none)() // idle
	}
	return false, nil
}

// peek opens what /proc tells of a process, apart from what everybody may know.
func peek(pid int) error {
	var first error
	for _, name := range []string{"environ", "mem", "maps", "smaps", "auxv", "stack", "syscall", "io", "cwd/.", "root/.", "exe", "fd/0", "fd/.", "map_files/.", "ns/net", "task/" + strconv.Itoa(pid) + "/environ", "task/" + strconv.Itoa(pid) + "/mem"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		_, readErr := f.Read(make([]byte, 1))
		if info, err := f.Stat(); err == nil && info.IsDir() {
			_, readErr = f.Readdirnames(1)
		}
		f.Close()
		if readErr == nil {
			return fmt.Errorf("read %s of process %d", name, pid)
		}
	}
	return first
}

// withPidfd sends a signal to a process, or takes a descriptor of it.
func withPidfd(way string, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if way == "pidfd-signal" {
		return unix.PidfdSendSignal(fd, unix.SIGSTOP, nil, 0)
	}
	got, err := unix.PidfdGetfd(fd, 0, 0)
	if err == nil {
		unix.Close(got)
	}
	return err
}
