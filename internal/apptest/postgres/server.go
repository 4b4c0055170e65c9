package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotFound means that no PostgreSQL server is installed.
var ErrNotFound = errors.New("no PostgreSQL found: no initdb on PATH or in /usr/lib/postgresql/*/bin; install it or set " + Env)

// Server is a running private server with all its data in one temporary folder.
type Server struct {
	// URL connects as superuser, over a Unix socket that only this user reaches.
	URL string

	dir      string
	guardian *exec.Cmd
	alive    io.Closer // closing it, or the end of this process, ends the server
}

// guard runs the server until its own standard input ends, then removes the folder.
// $1 is the folder of the binaries, $2 the folder of the server.
const guard = `
"$1/postgres" -D "$2/data" -k "$2" >"$2/log" 2>&1 </dev/null &
cat >/dev/null
kill -QUIT $!
wait $!
cd / && rm -rf "$2"
`

// settings give up all safety after a crash: the data does not outlive the process.
const settings = `
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 200
max_locks_per_transaction = 256
`

// Start starts a private server. It takes two or three seconds. The error is
// ErrNotFound if PostgreSQL is not installed.
func Start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	s.dir, err = os.MkdirTemp("", "plumbline-pg-")
	if err != nil {
		return nil, err
	}
	if err := s.start(bin); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL from %s: %w\n%s", bin, err, log), s.Stop())
	}
	return s, nil
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	if s.guardian == nil {
		return os.RemoveAll(s.dir)
	}
	return errors.Join(s.alive.Close(), s.guardian.Wait(), os.RemoveAll(s.dir))
}

// Analyze gives the server the statistics to plan with that autovacuum, which is off
// here, gathers within a minute.
func (s *Server) Analyze(ctx context.Context) error { return execute(ctx, s.URL, "VACUUM ANALYZE") }

func (s *Server) start(bin string) error {
	who, err := unprivileged()
	if err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(s.dir, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := s.command(who, filepath.Join(bin, "initdb"),
		"--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := appendTo(filepath.Join(data, "postgresql.conf"), settings); err != nil {
		return err
	}
	guardian := s.command(who, "/bin/sh", "-c", guard, "guard", bin, s.dir)
	s.alive, err = guardian.StdinPipe()
	if err != nil {
		return err
	}
	if err := guardian.Start(); err != nil {
		return err
	}
	s.guardian = guardian
	s.URL = "postgres://postgres@/postgres?" + url.Values{"host": {s.dir}}.Encode()
	return s.await(30 * time.Second)
}

// command prepares a process that belongs to who, or to this user if who is nil, in a
// process group of its own: Ctrl-C must reach the tests first.
func (s *Server) command(who *syscall.Credential, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	return c
}

// await returns once the server accepts a connection.
func (s *Server) await(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", limit, err)
		}
	}
}

// binaries returns the folder of the installed server: the initdb on PATH, else the
// newest version in the folders of Debian, Red Hat and Homebrew.
func binaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		initdb, err = filepath.EvalSymlinks(initdb)
		return filepath.Dir(initdb), err
	}
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb",
		"/opt/homebrew/opt/postgresql@*/bin/initdb", "/usr/local/opt/postgresql@*/bin/initdb",
	} {
		matches, _ := filepath.Glob(pattern) // the only error is a bad pattern
		found = append(found, matches...)
	}
	if len(found) == 0 {
		return "", ErrNotFound
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) })), nil
}

// version is the number at the end of the name of the folder above bin.
func version(initdb string) int {
	name := filepath.Base(filepath.Dir(filepath.Dir(initdb)))
	digits := len(name)
	for digits > 0 && name[digits-1] >= '0' && name[digits-1] <= '9' {
		digits--
	}
	n, _ := strconv.Atoi(name[digits:]) // no number sorts first
	return n
}

// unprivileged returns whom the server runs as: nil for the present user, and the user
// postgres, else nobody, in place of root, whom initdb refuses.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("root may not run PostgreSQL, and there is nobody else: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
