package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// The processes of a sandbox, each the same binary with two arguments:
//
//	server → supervise → bwrap → enter (process 1 inside) → the program   with bubblewrap
//	server → supervise → enter, which becomes the program                 with Landlock
//
// Both are what Options.Launcher says, or else this binary.
// supervise stays outside and kills all that is left; enter gives up rights. They get the
// order in a memory file, as arguments are seen by everybody and the environment of a
// stranger must not steer bwrap (LD_PRELOAD). enter tells its result through a pipe, and
// hands the listener of its seccomp filter to supervise through a socket.
const marker = "plumbline-sandbox"

// File descriptors of supervise and enter.
const (
	fdOrder   = 3
	fdStatus  = 4
	fdControl = 5 // of supervise: "i" interrupts, "k" kills; the end without it means that the server is dead
	fdReady   = 5 // of enter: where it hands over the listener when it can be interrupted
	fdInfo    = 6 // of bwrap: where it tells the process number of enter
)

// order is all that supervise and enter need to know.
type order struct {
	Bwrap   []string // the command in front of enter, empty with Landlock
	Args    []string
	Env     []string
	Dir     string
	User    int    // user and group to become, 0 to stay
	Rules   []rule // of Landlock
	ABI     int
	Gated   bool // whether connections are judged
	Egress  egress
	Limits  Limits
	Private string // folder to remove in the end, also if the server is dead by then
}

// result is a line that enter or supervise write to the status pipe.
type result struct {
	Error       string `json:",omitempty"`
	Code        int
	Signal      int
	OutOfMemory bool `json:",omitempty"`
}

// file returns the order as an unnamed file in memory.
func (o order) file() (*os.File, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("order", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("sandbox: memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "order")
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// readOrder reads the order that this process was started with.
func readOrder() (o order, err error) {
	f := os.NewFile(fdOrder, "order")
	err = json.NewDecoder(io.NewSectionReader(f, 0, math.MaxInt64)).Decode(&o)
	return o, err
}

// tell writes a result to the status pipe.
func tell(r result) {
	b, err := json.Marshal(r)
	if err == nil {
		_, _ = unix.Write(fdStatus, append(b, '\n')) // the server may be gone
	}
}

// ended is the result of a process with a wait status.
func ended(status unix.WaitStatus) result {
	if status.Signaled() {
		return result{Code: 128 + int(status.Signal()), Signal: int(status.Signal())}
	}
	return result{Code: status.ExitStatus()}
}

// init takes over the processes that the package starts.
func init() {
	if len(os.Args) != 3 || os.Args[1] != marker {
		return
	}
	switch os.Args[2] {
	case "supervise":
		supervise()
	case "enter":
		enter()
	}
	os.Exit(0)
}
