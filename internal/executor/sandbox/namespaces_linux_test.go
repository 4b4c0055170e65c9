package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// inNetwork is set for the test binary that runs on the machine of that network.
const inNetwork = "SANDBOX_TEST_NETWORK"

// process is a command with our ends of its input and output.
type process struct {
	*exec.Cmd
	Stdin, Stdout any
}

// inNamespace starts the test binary in a network namespace. It waits for a line.
func inNamespace(t *testing.T, dir string, user int, role string, args ...string) process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self(t), args...)
	cmd.Dir, cmd.Env = dir, []string{inNetwork + "=" + role, "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = cmd.Process.Kill(), cmd.Wait() // killed, it fails
	})
	return process{Cmd: cmd, Stdin: in, Stdout: out}
}

// connectNamespaces makes the network.
func connectNamespaces(t *testing.T, machine, world int) {
	t.Helper()
	script := fmt.Sprintf(`set -eu
		inside() { nsenter -t $1 -n sh -c "set -eu; $2"; }
		ip link add machine netns %[1]d type veth peer name world netns %[2]d
		inside %[1]d '
			echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
			ip link set lo up; ip link set machine up
			ip addr add 10.99.0.1/24 dev machine; ip addr add fd99::1/64 dev machine nodad
			ip route add default via 10.99.0.2; ip route add default via fd99::2 dev machine'
		inside %[2]d '
			ip link set lo up; ip link set world up
			ip addr add 10.99.0.2/24 dev world; ip addr add fd99::2/64 dev world nodad; ip addr add fe80::99/64 dev world nodad
			for a in 198.51.100.7 169.254.169.254 169.254.170.2 169.254.1.1 100.100.100.200 192.0.0.192 168.63.129.16; do ip addr add $a/32 dev lo; done
			for a in 2001:db8::7 fd00:ec2::254 fd00:ec2::23 fd20:ce::254; do ip addr add $a/128 dev lo nodad; done'
		`, machine, world)
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("make a network: %v\n%s", err, out)
	}
}

// selfDir is where self puts its copy, for all tests.
var selfDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-test-")
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return "", err
	}
	return dir, errors.Join(os.Chmod(dir, 0o711), os.WriteFile(filepath.Join(dir, "sandbox.test"), b, 0o755))
})

// self returns a copy of the test binary that all users can execute.
func self(t *testing.T) string {
	t.Helper()
	dir, err := selfDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "sandbox.test")
}

// service listens on an address, over TCP and UDP, and counts who comes.
type service struct {
	address string
	visits  atomic.Int64
}

func serve(t *testing.T, address string) *service {
	t.Helper()
	s := &service{}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	packets, err := net.ListenPacket("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = listener.Close(), packets.Close() })
	go answer(listener, packets, &s.visits)
	return s
}

// answer greets every connection and returns every packet.
func answer(listener net.Listener, packets net.PacketConn, visits *atomic.Int64) {
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			visits.Add(1)
			_, _ = packets.WriteTo(b[:n], from) // who asked may be gone
		}
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		visits.Add(1)
		io.WriteString(conn, "hello")
		conn.Close()
	}
}

// beTheWorld answers on port 80 until it is killed.
func beTheWorld() {
	listener, err := net.Listen("tcp", ":80")
	if err != nil {
		panic(err)
	}
	var visits atomic.Int64
	// UDP answers from the address that was asked, so each has a socket.
	for _, address := range slices.Concat(internet, metadata) {
		if packets, err := net.ListenPacket("udp", strings.Replace(address, "%machine", "%world", 1)); err == nil {
			go answer(&net.TCPListener{}, packets, &visits)
		}
	}
	fmt.Println("ready")
	none, _ := net.ListenPacket("udp", "127.0.0.1:0")
	answer(listener, none, &visits)
}

// onMachine skips a test that is not on the machine of the tests' network.
func onMachine(t *testing.T) {
	t.Helper()
	if os.Getenv(inNetwork) != "machine" {
		t.Skip("TestEgress runs it")
	}
}
