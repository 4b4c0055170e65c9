package apptest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"sync"

	"golang.org/x/crypto/ssh"
)

// SSHHost serves the repositories of a GitHost over SSH to who has its key.
type SSHHost struct {
	Address string // of repositories: Address/owner/name
	Key     string // private, in OpenSSH form

	git  *GitHost
	user ssh.PublicKey
	mu   sync.Mutex
	host ssh.Signer
}

// SSH starts a server that stops with the test.
func (g *GitHost) SSH() *SSHHost {
	g.tb.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		g.tb.Skip("ssh is not installed")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(g.tb, err)
	block, err := ssh.MarshalPrivateKey(private, "test")
	must(g.tb, err)
	h := &SSHHost{Key: string(pem.EncodeToMemory(block)), git: g}
	h.user, err = ssh.NewPublicKey(public)
	must(g.tb, err)
	h.NewHostKey()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	must(g.tb, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.serve(c) })
		}
	})
	g.tb.Cleanup(func() { _ = l.Close(); wg.Wait() })
	h.Address = "ssh://git@" + l.Addr().String()
	return h
}

// NewHostKey lets the host show another key from now on. It returns the line for known_hosts.
func (h *SSHHost) NewHostKey() (line string) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(h.git.tb, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(h.git.tb, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.host = signer
	return "* " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
}

func (h *SSHHost) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(h.user.Marshal()) {
			return nil, errors.New("another key")
		}
		return &ssh.Permissions{}, nil
	}}
	h.mu.Lock()
	config.AddHostKey(h.host)
	h.mu.Unlock()
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		h.session(channel, asked)
	}
}

var uploadPack = regexp.MustCompile(`^git-upload-pack '/([\w./-]+)'$`)

// session runs what a client asks for: git-upload-pack of a repository, and nothing else.
func (h *SSHHost) session(channel ssh.Channel, asked <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	for r := range asked {
		if r.Type != "exec" {
			_ = r.Reply(r.Type == "env", nil)
			continue
		}
		var command struct{ Text string }
		m := []string(nil)
		if ssh.Unmarshal(r.Payload, &command) == nil {
			m = uploadPack.FindStringSubmatch(command.Text)
		}
		_ = r.Reply(m != nil, nil)
		if m == nil {
			return
		}
		cmd := exec.Command("git", "upload-pack", h.git.Dir(m[1])) //nolint:noctx // a path below the host's folder; it ends with the connection
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.git.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
		status := uint32(0)
		if cmd.Run() != nil {
			status = 128
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}
