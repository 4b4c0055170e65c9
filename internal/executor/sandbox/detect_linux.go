package sandbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// platform is what a sandbox needs on Linux.
type platform struct {
	scratch string
	judged  bool   // connections must be judged
	starts  string // what is started as supervisor
	inside  string // what is started as launcher with bubblewrap
	bwrap   string // path of the binary
	abi     int    // version of Landlock
	users   *userPool

	allow, deny []netip.AddrPort
	resolvers   func() []netip.AddrPort
}

// detect tries the kinds, best first, by running a program in each.
func detect(ctx context.Context, o Options) *Sandbox {
	self, err := os.Executable()
	if err != nil {
		return &Sandbox{Kind: None, Why: err.Error()}
	}
	if o.Launcher != "" {
		if s := detectWith(ctx, o, o.Launcher, o.Launcher); s.Kind != None { // it may lie where nothing can be executed
			return s
		}
	}
	return detectWith(ctx, o, "/proc/self/exe", self) // the binary may be replaced while it runs
}

// detectWith is detect with programs to start.
func detectWith(ctx context.Context, o Options, starts, inside string) *Sandbox {
	s := &Sandbox{platform: platform{scratch: o.Scratch, judged: o.Judged, starts: starts, inside: inside, users: &userPool{next: rand.IntN(users)}, allow: o.Allow, deny: o.Deny, resolvers: resolvers}}
	var failed []string
	for _, kind := range []Kind{Bubblewrap, Landlock} {
		if o.Kind != "" && o.Kind != kind {
			continue
		}
		why, err := s.try(ctx, kind)
		if err == nil {
			s.Why = strings.Join(append(failed, why), "; ")
			return s
		}
		failed = append(failed, fmt.Sprintf("%s does not work: %s", kind, oneLine(err.Error())))
	}
	s.Kind, s.Why = None, strings.Join(failed, "; ")
	return s
}

// try makes s a sandbox of a kind, if that works.
func (s *Sandbox) try(ctx context.Context, kind Kind) (why string, err error) {
	s.Kind = kind
	switch kind {
	case Bubblewrap:
		if s.bwrap, err = exec.LookPath("bwrap"); err != nil {
			return "", err
		}
		why = "bubblewrap works"
	case Landlock:
		if s.abi = landlockABI(); s.abi == 0 {
			return "", fmt.Errorf("the kernel does not have it")
		}
		why = s.lacks()
	case None:
		return "", ErrNone
	}
	return s.tryEgress(ctx, why)
}

// tryEgress makes s judge connections, if that works.
func (s *Sandbox) tryEgress(ctx context.Context, why string) (string, error) {
	s.Egress = true
	judged := s.probe(ctx)
	if judged == nil {
		return why, nil
	}
	s.Egress = false
	if s.judged {
		return "", fmt.Errorf("connections of runs cannot be judged: %w", judged)
	}
	return fmt.Sprintf("%s; CONNECTIONS OF RUNS ARE NOT JUDGED, metadata addresses and local services are open to them: %s", why, oneLine(judged.Error())), s.probe(ctx)
}

// lacks says what the kernel's version of Landlock does not do.
func (s *Sandbox) lacks() string {
	why := fmt.Sprintf("Landlock works (ABI %d) but does not hide the list of processes", s.abi)
	if s.abi < 9 {
		why += " and does not close sockets in the file system"
	}
	if s.abi < 6 && os.Geteuid() != 0 {
		why += ", and a run can send signals to the server's processes: run agents as root or on a machine of their own"
	}
	return why
}

// probe runs a program that does nothing.
func (s *Sandbox) probe(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.scratch, "plumbline-probe-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	exit, err := s.Run(ctx, Spec{Args: []string{program}, Dir: dir, Limits: Limits{Time: time.Minute, Grace: time.Second}})
	if err == nil && !exit.Success() {
		err = fmt.Errorf("%s: %s", program, exit)
	}
	return err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
