package vcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// session is one use of a remote: where git connects to, and with what.
type session struct {
	git    *Git
	dir    string   // home of git and of what it is given in files
	repo   string   // the mirror that git works in, "" is none
	url    string   // what git is told
	config []string // key, value, key, value …
	env    []string
	hide   []string // texts that its messages must not show
	ssh    bool
}

// session judges the address of a remote.
func (g *Git) session(ctx context.Context, r Remote) (*session, error) {
	if err := g.check(ctx); err != nil {
		return nil, err
	}
	u, err := Clean(r.URL)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plumbline-git-")
	if err != nil {
		return nil, err
	}
	s := &session{git: g, dir: dir}
	if err := s.connect(ctx, r, u); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() { _ = os.RemoveAll(s.dir) }

func (s *session) connect(ctx context.Context, r Remote, u *url.URL) error {
	if base := s.git.Client.Base(u); base != nil && u.Scheme != "ssh" {
		u = base.JoinPath(u.Path) // the operator chose that address
	} else {
		if u.Scheme == "http" && !s.git.Client.AllowsHTTP() {
			return fail(Refused, "%s is refused: the address must be https; an operator may allow http.", u.Host)
		}
		addr, port, err := s.judge(ctx, u)
		if err != nil {
			return err
		}
		if u.Scheme == "ssh" {
			return s.connectSSH(r, u, addr)
		}
		s.set("http.curloptResolve", fmt.Sprintf("%s:%d:%s", u.Hostname(), port, bracketed(addr)))
	}
	s.url = u.String()
	if token := r.Token.Reveal(); token != "" {
		basic := base64.StdEncoding.EncodeToString([]byte(r.User + ":" + token))
		s.set("http."+u.Scheme+"://"+u.Host+"/.extraHeader", "Authorization: Basic "+basic)
		s.hide = append(s.hide, token, basic)
	}
	return nil
}

func bracketed(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return "[" + a.String() + "]"
}

var defaultPorts = map[string]uint16{"https": 443, "http": 80, "ssh": 22}

// judge returns the address that may be dialled for a URL.
func (s *session) judge(ctx context.Context, u *url.URL) (netip.Addr, uint16, error) {
	port := defaultPorts[u.Scheme]
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return netip.Addr{}, 0, fail(Unreachable, "%s is no port.", clip(p))
		}
		port = uint16(n)
	}
	addr, err := s.git.Client.Address(ctx, u.Hostname(), port)
	var dns *net.DNSError
	if p, ok := problem.From(err); ok {
		return addr, port, &Error{Refused, p.Detail}
	}
	if errors.As(err, &dns) {
		return addr, port, fail(Unreachable, "The host %s cannot be found.", u.Hostname())
	}
	if err != nil {
		return addr, port, fail(Unreachable, "The host %s cannot be found: %v.", u.Hostname(), err)
	}
	return addr, port, nil
}

// connectSSH writes the key and what is known of the host into files of the session.
func (s *session) connectSSH(r Remote, u *url.URL, addr netip.Addr) error {
	s.ssh, s.url = true, u.String()
	key, known := filepath.Join(s.dir, "key"), filepath.Join(s.dir, "known_hosts")
	hosts := crypt.Pasted(r.KnownHosts)
	if err := errors.Join(os.WriteFile(key, []byte(crypt.Pasted(r.Key.Reveal())), 0o600), os.WriteFile(known, []byte(hosts), 0o600)); err != nil {
		return err
	}
	strict := "accept-new"
	if hosts != "" {
		strict = "yes"
	}
	options := []string{"HostName=" + addr.String(), "HostKeyAlias=" + knownAs(u), "IdentityFile=" + key, "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes",
		"UserKnownHostsFile=" + known, "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=" + strict, "HashKnownHosts=no", "UpdateHostKeys=no",
		"ProxyCommand=none", "ProxyJump=none", "ForwardAgent=no", "PermitLocalCommand=no", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4"}
	var command strings.Builder
	for _, o := range options {
		command.WriteString(" -o '" + strings.ReplaceAll(o, "'", `'\''`) + "'")
	}
	s.env = append(s.env, "GIT_SSH_COMMAND=ssh -F /dev/null"+command.String(), "GIT_SSH_VARIANT=ssh")
	return nil
}

// knownAs is the name of a host in known_hosts (sshd(8)): with its port unless that is 22.
func knownAs(u *url.URL) string {
	if port := u.Port(); port != "" && port != "22" {
		return "[" + u.Hostname() + "]:" + port
	}
	return u.Hostname()
}

// knownHosts returns what is known of an SSH host after a connection.
func (s *session) knownHosts() (string, error) {
	if !s.ssh {
		return "", nil
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "known_hosts"))
	return string(b), err
}

func (s *session) set(key, value string) { s.config = append(s.config, key, value) }

// hardened is the configuration of every git: no hooks, helpers or filters, no protocol
// but those that were judged, no second host.
var hardened = []string{
	"core.hooksPath", "/dev/null", "core.fsmonitor", "false", "core.untrackedCache", "false", "credential.helper", "",
	"protocol.allow", "never", "protocol.https.allow", "always", "protocol.http.allow", "always", "protocol.ssh.allow", "always",
	"http.followRedirects", "false", "http.proxy", "", "http.lowSpeedLimit", "1000", "http.lowSpeedTime", "60",
	"transfer.bundleURI", "false", "fetch.recurseSubmodules", "false", "submodule.recurse", "false",
	"gc.auto", "0", "maintenance.auto", "false", "init.defaultBranch", "main", "safe.directory", "*", "pack.threads", "1",
}

// maxFile is the size of the largest file that git may write, in blocks of 512 bytes: 4 GiB.
const maxFile = 8 << 20

// command returns git with its arguments and an environment of its own. The shell limits
// what it may write; arguments pass it untouched.
func (s *session) command(ctx context.Context, args ...string) *exec.Cmd {
	all := append([]string{"-c", `ulimit -f ` + strconv.Itoa(maxFile) + ` && exec git "$@"`, "git"}, args...)
	cmd := exec.CommandContext(ctx, "/bin/sh", all...) //nolint:gosec // a fixed script; addresses and names reach git as arguments that cannot be options
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_ATTR_NOSYSTEM=1"}, s.env...)
	if s.repo != "" {
		cmd.Env = append(cmd.Env, "GIT_DIR="+s.repo)
	}
	config := append(append([]string{}, hardened...), s.config...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)/2))
	for i := 0; i < len(config); i += 2 {
		n := strconv.Itoa(i / 2)
		cmd.Env = append(cmd.Env, "GIT_CONFIG_KEY_"+n+"="+config[i], "GIT_CONFIG_VALUE_"+n+"="+config[i+1])
	}
	return cmd
}

func (s *session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := s.git.Timeout
	if timeout == 0 {
		timeout = 5 * time.Minute
	}
	return context.WithTimeout(ctx, timeout)
}

// output runs git and returns what it prints, at most limit bytes.
func (s *session) output(ctx context.Context, limit int64, args ...string) (string, error) {
	return s.feed(ctx, limit, nil, args...)
}

// feed is output for a git that reads.
func (s *session) feed(ctx context.Context, limit int64, in io.Reader, args ...string) (string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	cmd := s.command(ctx, args...)
	out, messages := &capped{left: limit, stop: cancel}, &tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, messages
	err := cmd.Run()
	switch {
	case out.over:
		return "", fail(TooLarge, "The repository is larger than what is read of one: git printed more than %d bytes.", limit)
	case err != nil:
		return "", s.explain(ctx, err, messages.String())
	}
	return out.buf.String(), nil
}

// capped keeps the first bytes of what is written and ends the writer at the limit.
type capped struct {
	buf  bytes.Buffer
	left int64
	over bool
	stop func()
}

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.left -= int64(len(b)); c.left < 0 {
		c.over = true
		c.stop()
		return 0, errors.New("too much")
	}
	return c.buf.Write(b)
}

// tail keeps the last 8 KiB of what is written.
type tail struct{ b []byte }

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	if n := len(t.b) - 8<<10; n > 0 {
		t.b = t.b[n:]
	}
	return len(b), nil
}

// String implements fmt.Stringer.
func (t *tail) String() string { return string(t.b) }

// meanings are what git and ssh say, and what it means to people.
var meanings = []struct {
	said       *regexp.Regexp
	code, text string
}{
	{regexp.MustCompile(`(?i)REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed`), HostKey, "The host shows another SSH key than the one that is known of it. If it has a new one, give that as the known hosts, or empty them to trust the key that it shows next."},
	{regexp.MustCompile(`(?i)could not read (Username|Password)|Authentication failed|HTTP Basic: Access denied|returned error: 40[13]|Permission denied \(|Invalid username or (token|password)|support for password authentication was removed`), Denied, "The repository is not there, or the token or key does not open it."},
	{regexp.MustCompile(`(?i)returned error: 30[1278]|unable to update url base from redirection`), Unreachable, "The host redirects to another address: give the one where the repository is now."},
	{regexp.MustCompile(`(?i)couldn't find remote ref|Remote branch .* not found`), BranchMissing, "The branch is not there."},
	{regexp.MustCompile(`(?i)repository .* not found|returned error: 404|does not appear to be a git repository|not found:? did you run`), Unreachable, "There is no such repository, or the token or key does not open it."},
	{regexp.MustCompile(`(?i)SSL certificate problem|server certificate verification failed`), Unreachable, "The certificate of the host is not trusted."},
	{regexp.MustCompile(`(?i)cannot run ssh|ssh: not found`), Unreachable, "This server has no ssh program: an operator must install one (openssh-client)."},
	{regexp.MustCompile(`(?i)Connection refused|Connection timed out|Could not resolve|Failed to connect|Connection reset|Operation timed out|No route to host|Connection closed`), Unreachable, "The host does not answer."},
	{regexp.MustCompile(`(?i)File size limit exceeded|file too large|SIGXFSZ`), TooLarge, "The repository is too large."},
}

// explain makes an Error of what git complained of.
func (s *session) explain(ctx context.Context, err error, said string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fail(TimedOut, "The repository could not be read in time.")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("running git: %w", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGXFSZ {
		return fail(TooLarge, "The repository is too large.")
	}
	for _, m := range meanings {
		if m.said.MatchString(said) {
			return &Error{m.code, m.text}
		}
	}
	return fail(Unreachable, "git cannot read the repository: %s", s.last(said))
}

// last returns the last complaint, without secrets and without what a terminal would obey.
func (s *session) last(said string) string {
	line := "it gave no reason"
	for l := range strings.Lines(said) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "fatal: ") || strings.HasPrefix(l, "error: ") {
			line = l
		}
	}
	for _, secret := range s.hide {
		line = strings.ReplaceAll(line, secret, "[redacted]")
	}
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ReplaceAll(line, s.dir, ""))
	return clip(line)
}
