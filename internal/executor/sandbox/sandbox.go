// Package sandbox runs one process of a stranger, with all its descendants, apart from
// the server: what a run executes is whatever its configuration says.
//
// A process sees the system read-only, its own folder, and a private /tmp and home; it has
// exactly the environment it is given, no process outside is in its reach, and when it
// ends, is cancelled or the server dies, everything it started dies. Bubblewrap does this
// with namespaces; where they are missing, Landlock and resource limits do most of it.
//
// The network is that of the machine, as providers need it, less what answers to whoever
// asks from this machine: metadata services of clouds, the link, all addresses of the
// machine itself, and sockets in the file system or of the abstract kind. Open are what
// Options and Spec allow, the resolvers of names at port 53, and what the program itself
// listens to. A seccomp filter hands every call that names an address to the supervisor,
// which makes the call in the program's stead with an address that it copied. That was
// chosen because it is the same for root and for ordinary users, with namespaces and
// without, and needs no privilege: a network namespace with a way out needs root or an IP
// stack of our own, filters of cgroups need root, and Landlock knows ports but no addresses.
// It needs to reach into the program as a debugger does; where that is forbidden,
// Sandbox.Egress is false, unless Options.Judged refuses to go without.
//
// Landlock does not hide the list of processes.
//
// The surprising rule: the package starts the binary that it is linked into again, as
// supervisor and as launcher, and its init takes those processes over before main. A
// binary may carry a smaller one for that, see Launcher.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Kind is a way to isolate.
type Kind string

// The kinds, best first.
const (
	Bubblewrap Kind = "bubblewrap"
	Landlock   Kind = "landlock"
	None       Kind = "none" // nothing works here: Start refuses
)

// ErrNone is returned by Start where no kind of isolation works.
var ErrNone = errors.New("sandbox: neither bubblewrap nor Landlock works on this machine")

// Sandbox starts processes. Make one with Detect; it may be shared.
type Sandbox struct {
	Kind Kind
	// Why says, for the log and the page of agents, why it is this kind and what that
	// kind lacks. It is one line.
	Why string
	// Egress says that connections are judged. Where the kernel or a container forbids
	// that, it is false and Why says the reason.
	Egress bool

	platform
}

// Options of Detect.
type Options struct {
	// Kind allows only one kind; empty means the best that works.
	Kind Kind
	// Scratch is the folder for private /tmp and home folders, default the system's for
	// temporary files.
	Scratch string
	// Judged takes only a kind with which connections are judged.
	Judged bool
	// Launcher is a program that starts processes instead of this binary, see Launcher.
	Launcher string
	// Allow are addresses that every process may reach although they lead to this machine,
	// to its metadata service or to its neighbours on the link. Port 0 stands for all
	// ports, the unspecified address (0.0.0.0 or ::) for all addresses of this machine.
	Allow []netip.AddrPort
	// Deny are addresses that no process may reach unless Allow has them, such as those of
	// the server's database, written as in Allow.
	Deny []netip.AddrPort
}

// Spec is a process to run.
type Spec struct {
	// Args are the program, as an absolute path, and its arguments. Other users of the
	// machine may see them: secrets belong into Env or files.
	Args []string
	// Env is the whole environment as KEY=VALUE. HOME, TMPDIR and PATH are added unless given.
	Env []string
	// Dir is the folder of the process, absolute, and the only place that keeps what the
	// process writes. It is seen under the same path. If the server is root, Dir and all
	// in it are given to another user.
	Dir string
	// In is the working directory, relative to Dir, if it is not Dir itself. Whoever
	// wrote into Dir may have made it a link: it is looked up with the rights of the process.
	In string
	// Read are more files and folders that can be read and executed, under the same path;
	// the program need not be among them.
	Read []string
	// Stdout and Stderr get the output as it comes; nil drops it. They may be the same: only
	// one is written to at a time.
	Stdout, Stderr io.Writer
	// Allow are addresses that this process may reach, beside those of Options.Allow and
	// written like them: that of the server, where it is on this machine.
	Allow  []netip.AddrPort
	Limits Limits
}

// Limits bounds a process and its descendants. A zero field means its default.
type Limits struct {
	Time      time.Duration // until it is interrupted, none
	Grace     time.Duration // from interruption until all is killed, 30 s
	Orphan    time.Duration // from the death of the server, which interrupts, until all is killed; by default it kills at once
	Memory    int64         // bytes that all processes use together, none
	FileSize  int64         // bytes of a file, 10 GiB
	Processes int           // processes and threads, 4,096; those of the server's user together under Landlock if the server is not root
}

func (l Limits) orDefault() Limits {
	if l.Grace == 0 {
		l.Grace = 30 * time.Second
	}
	if l.FileSize == 0 {
		l.FileSize = 10 << 30
	}
	if l.Processes == 0 {
		l.Processes = 4096
	}
	return l
}

// Exit is how a process ended.
type Exit struct {
	Code        int  // exit code, 128 and the signal if a signal ended it
	Signal      int  // the signal that ended it, 0 if none did
	Cancelled   bool // the context ended, or Interrupt or Kill was called, before it ended
	TimedOut    bool // Limits.Time was over before it ended
	OutOfMemory bool // its processes had more memory than Limits.Memory and were killed
}

// Success says whether the process ended by itself with code 0.
func (e Exit) Success() bool { return e == Exit{} }

func (e Exit) String() string {
	switch {
	case e.TimedOut:
		return "stopped: out of time"
	case e.OutOfMemory:
		return "stopped: out of memory"
	case e.Cancelled:
		return "cancelled"
	case e.Signal != 0:
		return fmt.Sprintf("ended by signal %d", e.Signal)
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// Detect finds the kind of isolation that works here by trying. It never fails: where
// nothing works the kind is None.
func Detect(ctx context.Context, o Options) *Sandbox {
	if o.Scratch == "" {
		o.Scratch = os.TempDir()
	}
	return detect(ctx, o)
}

// Run starts a process and waits for its end. If ctx ends, the process is interrupted,
// and killed after the grace.
func (s *Sandbox) Run(ctx context.Context, spec Spec) (Exit, error) {
	p, err := s.Start(ctx, spec)
	if err != nil {
		return Exit{}, err
	}
	return p.Wait()
}

// check refuses what would be a mistake of the caller.
func (spec Spec) check() error {
	if len(spec.Args) == 0 || !filepath.IsAbs(spec.Args[0]) {
		return fmt.Errorf("sandbox: the program of %q is not an absolute path", spec.Args)
	}
	if spec.In != "" && !filepath.IsLocal(spec.In) {
		return fmt.Errorf("sandbox: the working directory %q is not inside of the folder", spec.In)
	}
	for _, path := range append([]string{spec.Dir}, spec.Read...) {
		if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
			return fmt.Errorf("sandbox: %q is not an absolute path below the root", path)
		}
	}
	return nil
}
