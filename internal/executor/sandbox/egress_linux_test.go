package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Addresses of the network that the tests of egress have to themselves: a machine, where
// the sandbox is, and a world behind its one link, where all that a run must not reach
// does answer, at port 80 over TCP and UDP.
var (
	internet = []string{"198.51.100.7:80", "[2001:db8::7]:80", "10.99.0.2:80"}
	metadata = []string{
		"169.254.169.254:80", "169.254.170.2:80", "169.254.1.1:80", "100.100.100.200:80", "192.0.0.192:80", "168.63.129.16:80",
		"[fd00:ec2::254]:80", "[fd00:ec2::23]:80", "[fd20:ce::254]:80", "[fe80::99%machine]:80", "[::ffff:169.254.169.254]:80",
	}
	ofMachine = []string{"10.99.0.1", "fd99::1"}
)

// TestEgress runs the tests of egress in a network of their own, as root and as an
// ordinary user.
func TestEgress(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network; run as root, this covers ordinary users too")
	}
	for _, program := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s to make a network", program)
		}
	}
	for name, user := range map[string]int{"root": 0, "ordinary user": 65534} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			os.Chown(dir, user, user)
			world := inNamespace(t, dir, 0, "world")
			machine := inNamespace(t, dir, user, "machine", "-test.v", "-test.run=^TestNetwork", "-test.timeout=5m")
			connectNamespaces(t, machine.Process.Pid, world.Process.Pid)
			io.WriteString(world.Stdin.(io.Writer), "go\n")
			line := make([]byte, 6)
			if _, err := io.ReadFull(world.Stdout.(io.Reader), line); err != nil {
				t.Fatalf("the world did not start: %v", err)
			}
			io.WriteString(machine.Stdin.(io.Writer), "go\n")
			out, _ := io.ReadAll(machine.Stdout.(io.Reader))
			if err := machine.Wait(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestNetwork")) {
				t.Errorf("%v\n%s", err, out)
			} else if testing.Verbose() {
				t.Logf("%s", out)
			}
		})
	}
}

// probes runs probes in a sandbox and returns what each said.
func probes(t *testing.T, s *Sandbox, change func(*Spec), list ...string) []string {
	t.Helper()
	spec := Spec{Args: append([]string{self(t)}, list...), Env: []string{probing + "=1"}, Dir: folder(t), Limits: Limits{Time: time.Minute, Grace: time.Second}}
	if change != nil {
		change(&spec)
	}
	out, stderr, exit := output(t, s, spec)
	if !exit.Success() {
		t.Fatalf("the probes: %s\n%s%s", exit, out, stderr)
	}
	return strings.Split(strings.TrimSpace(out), "\n")
}

// want are probes of several addresses, each with what it should say.
func want(answer string, ways, addresses []string) (list, answers []string) {
	for _, way := range ways {
		for _, address := range addresses {
			list, answers = append(list, way+" "+address), append(answers, way+" "+address+": "+answer)
		}
	}
	return list, answers
}

var (
	allWays = []string{"tcp", "udp", "sendto", "sendmsg", "sendmmsg", "fastopen"}
	udpWays = []string{"udp", "sendto", "sendmsg", "sendmmsg"}
)

func TestNetworkTheWorldIsThere(t *testing.T) {
	onMachine(t)
	for _, address := range slices.Concat(internet, metadata) {
		for _, way := range []string{"tcp", "udp", "sendto", "sendmsg", "sendmmsg"} {
			if got := probe(way + " " + address); got != "reached" {
				t.Errorf("without a sandbox: %s %s: %s, want reached: the other tests would prove nothing", way, address, got)
			}
		}
	}
}

func TestNetworkTheInternetIsReached(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		list, answers := want("reached", allWays, internet)
		if diff := cmp.Diff(answers, probes(t, s, nil, list...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestNetworkACallThatWaitsIsInterrupted: programs bound the time of a connection by an alarm.
func TestNetworkACallThatWaitsIsInterrupted(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		const silent = "10.99.0.77:80" // nobody has that address, and for 3 s nobody says so
		list := []string{"blocking " + internet[0], "blocking " + internet[1], "blocking 10.99.0.2:81", "blocking " + metadata[0], "blocking " + silent}
		want := []string{list[0] + ": reached", list[1] + ": reached", list[2] + ": ECONNREFUSED", list[3] + ": EACCES", list[4] + ": EINTR"}
		if diff := cmp.Diff(want, probes(t, s, nil, list...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNetworkMetadataIsClosed(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		list, answers := want("EACCES", allWays, append(metadata, "[64:ff9b::169.254.169.254]:80", "[::169.254.169.254]:80", "224.0.0.251:80", "[ff02::fb%machine]:80"))
		if diff := cmp.Diff(answers, probes(t, s, nil, list...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		list, answers = want("reached", udpWays, metadata[:1])
		allow := func(spec *Spec) { spec.Allow = []netip.AddrPort{netip.MustParseAddrPort(metadata[0])} }
		if diff := cmp.Diff(answers, probes(t, s, allow, list...)); diff != "" {
			t.Errorf("allowed by the operator (-want +got):\n%s", diff)
		}
	})
}

func TestNetworkTheMachineIsClosed(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		database := serve(t, ":0")
		_, port, _ := net.SplitHostPort(database.address)
		var addresses []string
		for _, host := range append([]string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "64:ff9b::127.0.0.1"}, ofMachine...) {
			addresses = append(addresses, net.JoinHostPort(host, port))
		}
		list, answers := want("EACCES", allWays, addresses)
		if diff := cmp.Diff(answers, probes(t, s, nil, list...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := database.visits.Load(); n > 0 {
			t.Errorf("the service of the machine had %d visits, want none", n)
		}
		list, answers = want("reached", allWays[:5], append(addresses[2:6], addresses[0]))
		allow := func(spec *Spec) { spec.Allow = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:" + port)} }
		if diff := cmp.Diff(answers, probes(t, s, allow, list...)); diff != "" {
			t.Errorf("allowed on all addresses (-want +got):\n%s", diff)
		}
	})
}

func TestNetworkOnlyTheAllowedPortIsOpen(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		server, other := serve(t, "127.0.0.1:0"), serve(t, "127.0.0.1:0")
		s.allow = []netip.AddrPort{netip.MustParseAddrPort(server.address)}
		s.deny = []netip.AddrPort{netip.MustParseAddrPort(internet[0]), netip.MustParseAddrPort(server.address)}
		got := probes(t, s, nil, "tcp "+server.address, "udp "+server.address, "tcp "+other.address, "udp "+other.address, "tcp "+internet[0], "tcp "+internet[1])
		wanted := []string{"tcp " + server.address + ": reached", "udp " + server.address + ": reached", "tcp " + other.address + ": EACCES", "udp " + other.address + ": EACCES",
			"tcp " + internet[0] + ": EACCES", "tcp " + internet[1] + ": reached"}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNetworkNamesAreResolved(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		resolver, other := serve(t, "127.0.0.53:53"), serve(t, "127.0.0.53:5353")
		s.resolvers = func() []netip.AddrPort { return parseResolvers("# comment\nnameserver 127.0.0.53\noptions edns0\n") }
		list, answers := want("reached", allWays[:5], []string{resolver.address})
		more, refusals := want("EACCES", allWays, []string{other.address})
		if diff := cmp.Diff(append(answers, refusals...), probes(t, s, nil, append(list, more...)...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNetworkNoRaceGetsPast(t *testing.T) {
	onMachine(t)
	each(t, func(t *testing.T, s *Sandbox) {
		open, shut := serve(t, "127.0.0.1:0"), serve(t, "127.0.0.1:0")
		allow := func(spec *Spec) { spec.Allow = []netip.AddrPort{netip.MustParseAddrPort(open.address)} }
		got := probes(t, s, allow, "race-address "+open.address+" "+shut.address)
		if strings.Contains(strings.Join(got, " "), "never") || open.visits.Load() == 0 {
			t.Errorf("the race did not take place: %q, %d visits", got, open.visits.Load())
		}
		if n := shut.visits.Load(); n > 0 {
			t.Errorf("%d of %d connections reached the closed address", n, n+open.visits.Load())
		}
	})
}

func TestSocketsOfOthersAreClosed(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		if !s.Egress {
			t.Skip(s.Why)
		}
		path := filepath.Join(folder(t), "agent.sock")
		var visits atomic.Int64
		for _, name := range []string{path, "@plumbline-test-" + filepath.Base(t.Name())} {
			listener, err := net.Listen("unix", name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			none, _ := net.ListenPacket("udp", "127.0.0.1:0")
			go answer(listener, none, &visits)
		}
		os.Chmod(path, 0o777)
		var dir string
		got := probes(t, s, func(spec *Spec) {
			dir = spec.Dir
			os.Symlink(path, filepath.Join(dir, "link"))
			spec.Read = []string{filepath.Dir(path)}
		}, "unix "+path, "unix link", "unix ./link", "unix @plumbline-test-"+filepath.Base(t.Name()), "unix ../"+filepath.Base(filepath.Dir(path))+"/agent.sock", "unix missing")
		for _, line := range got[:5] {
			if !strings.HasSuffix(line, ": EACCES") && !strings.HasSuffix(line, ": ENOENT") { // in the private /tmp there is no such file
				t.Errorf("%s, want EACCES", line)
			}
		}
		if n := visits.Load(); n > 0 {
			t.Errorf("the sockets had %d visits, want none", n)
		}
		if got[5] != "unix missing: ENOENT" {
			t.Errorf("%s, want ENOENT", got[5])
		}
	})
}

func TestAProgramTalksToItself(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		list := []string{"own tcp 127.0.0.1:0", "own tcp [::1]:0", "own udp 127.0.0.1:0", "own tcp :0", "own unix relative.sock", "own unix $TMPDIR/a.sock", "own unix $HOME/a.sock", "own unix $PWD/a.sock",
			"own unixgram $TMPDIR/b.sock", "pair", "descriptor", "netlink", "long-stream"}
		var answers []string
		for _, p := range list {
			answers = append(answers, p+": reached")
		}
		if diff := cmp.Diff(answers, probes(t, s, nil, list...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestNonsenseIsAnError: whatever a call has for arguments, the supervisor goes on.
func TestNonsenseIsAnError(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		want := []string{"noise: reached", "own tcp 127.0.0.1:0: reached", "pair: reached"}
		if diff := cmp.Diff(want, probes(t, s, nil, "noise", "own tcp 127.0.0.1:0", "pair")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWaysAroundTheFilterAreClosed(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		got := probes(t, s, nil, "io_uring", "socket packet", "socket raw", "socket vsock", "socket alg", "socket sctp", "socket netfilter", "socket udplite", "option route4", "option route6",
			"credentials", "userns", "clone-userns", "clone3", "mount", "chroot", "ptrace", "keyring", "setns", "bpf", "memory")
		wanted := []string{"io_uring: ENOSYS", "socket packet: EAFNOSUPPORT", "socket raw: EPERM", "socket vsock: EAFNOSUPPORT", "socket alg: EAFNOSUPPORT", "socket sctp: EPROTONOSUPPORT", "socket netfilter: EPROTONOSUPPORT",
			"socket udplite: EPROTONOSUPPORT", "option route4: EPERM", "option route6: EPERM", "credentials: EPERM", "userns: EPERM", "clone-userns: EPERM", "clone3: ENOSYS",
			"mount: EPERM", "chroot: EPERM", "ptrace: EPERM", "keyring: EPERM", "setns: EPERM", "bpf: EPERM", "memory: EPERM"}
		if runtime.GOARCH == "amd64" {
			got = append(got, probes(t, s, nil, "32-bit", "x32")...)
			wanted = append(wanted, "32-bit: ENOSYS", "x32: ENOSYS")
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestWithoutTheRightToTrace: as root in a container that lacks it, runs go on where that is
// wanted, and the operator is told what is missing; else nothing works.
func TestWithoutTheRightToTrace(t *testing.T) {
	setpriv, err := exec.LookPath("setpriv")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("needs root and setpriv to give up a right")
	}
	each(t, func(t *testing.T, s *Sandbox) {
		detect := func(how string) (string, error) {
			cmd := exec.CommandContext(t.Context(), setpriv, "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", self(t), "detect "+string(s.Kind)+how)
			cmd.Env = []string{probing + "=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + folder(t)}
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := detect(" judged"); err != nil || !strings.Contains(out, ": "+string(None)+", judged false") || !strings.Contains(out, "cannot be judged") || !strings.Contains(out, "CAP_SYS_PTRACE") {
			t.Errorf("Detect of one that judges = %q, %v, want none and the reason", out, err)
		}
		out, err := detect("")
		if err != nil || !strings.Contains(string(out), string(s.Kind)+", judged false") || !strings.Contains(string(out), "NOT JUDGED") || !strings.Contains(string(out), "CAP_SYS_PTRACE") {
			t.Errorf("Detect = %q, %v, want one that says what it lacks", out, err)
		}
	})
}

func TestJudge(t *testing.T) {
	e := egress{Allow: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8443"), netip.MustParseAddrPort("10.0.0.9:0")},
		Deny: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:5432"), netip.MustParseAddrPort("10.0.0.8:0"), netip.MustParseAddrPort("[2001:db8::5]:5432")}, Resolvers: parseResolvers("nameserver 169.254.169.254\nnameserver fe80::1%eth0\nnameserver nonsense")}
	for to, want := range map[string]verdict{
		"8.8.8.8:53": yes, "[2606:4700::1111]:443": yes, "10.0.0.7:5432": yes, "192.168.1.1:80": yes, "100.64.0.1:80": yes, "168.63.129.17:80": yes,
		"127.0.0.1:8443": yes, "[::ffff:127.0.0.1]:8443": yes, "127.0.0.1:5432": own, "[::1]:8443": own, "0.0.0.0:80": own, "0.1.2.3:80": own, "[::]:80": own,
		"10.0.0.9:5432": yes, "10.0.0.8:1": no, "[2001:db8::5]:5432": no, "[2001:db8::5]:443": yes, "[64:ff9b::10.0.0.8]:1": no,
		"169.254.169.254:53": yes, "169.254.169.254:80": no, "[fe80::1%eth1]:53": yes, "[fe80::2]:53": no, "169.254.169.253:53": no,
		"[::ffff:169.254.169.254]:80": no, "[64:ff9b::a9fe:a9fe]:80": no, "[::169.254.169.254]:80": no, "[64:ff9b::127.0.0.1]:80": own, "[fd00:ec2::254]:80": no, "255.255.255.255:67": no, "239.1.1.1:80": no,
	} {
		if got := e.judge(netip.MustParseAddrPort(to)); got != want {
			t.Errorf("judge(%s) = %d, want %d", to, got, want)
		}
	}
	if got := fmt.Sprint(parseResolvers("search example.com\n")); got != "[127.0.0.1:53 [::1]:53]" {
		t.Errorf("without name servers: %s", got)
	}
}

// BenchmarkConnect compares connecting to oneself without and with a gate.
func BenchmarkConnect(b *testing.B) {
	for _, kind := range []Kind{None, Bubblewrap, Landlock} {
		b.Run(string(kind), func(b *testing.B) {
			command := exec.CommandContext(context.Background(), "/proc/self/exe", fmt.Sprintf("connects %d", b.N))
			if kind == None {
				command.Env = []string{probing + "=1"}
				if out, err := command.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("reached")) {
					b.Fatalf("%v %s", err, out)
				}
				return
			}
			s := Detect(b.Context(), Options{Kind: kind})
			if s.Kind == None {
				b.Skip(s.Why)
			}
			dir := b.TempDir()
			os.Chmod(filepath.Dir(dir), 0o711)
			me, _ := os.ReadFile("/proc/self/exe")
			os.WriteFile(filepath.Join(dir, "me"), me, 0o755)
			var out bytes.Buffer
			b.ResetTimer()
			if exit, err := s.Run(b.Context(), Spec{Args: []string{filepath.Join(dir, "me"), fmt.Sprintf("connects %d", b.N)}, Env: []string{probing + "=1"}, Dir: dir, Stdout: &out}); err != nil || !exit.Success() || !strings.Contains(out.String(), "reached") {
				b.Fatal(exit, err, out.String())
			}
		})
	}
}
