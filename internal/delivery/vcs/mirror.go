package vcs

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Commit is a commit that is in a mirror of this node.
type Commit struct {
	SHA string
	// KnownHosts are as in Refs.
	KnownHosts string

	git  *Git
	repo string
}

// Entry is a file of a commit.
type Entry struct {
	Path string // with slashes
	Mode string // 100644, 100755, 120000 is a link
	SHA  string // of the content
	Size int64
}

var branchName = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\\]+$`)

// ValidBranch reports whether git could have a branch of that name
// (git-check-ref-format).
func ValidBranch(name string) bool {
	return branchName.MatchString(name) && len(name) <= 255 && !strings.HasPrefix(name, "-") && !strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/") &&
		!strings.HasSuffix(name, ".") && !strings.Contains(name, "..") && !strings.Contains(name, "//") && !strings.Contains(name, "@{") && name != "@" &&
		!strings.Contains("/"+name, "/.") && !strings.Contains(name+"/", ".lock/")
}

// Fetch brings the head of a branch into a mirror, whose name keeps repositories of
// different owners apart, and returns it. A head that is there already is not fetched again.
func (g *Git) Fetch(ctx context.Context, mirror string, r Remote, branch string) (Commit, error) {
	c := Commit{git: g}
	if !ValidBranch(branch) {
		return c, fail(BranchMissing, "%q is not the name of a branch.", clip(branch))
	}
	s, err := g.session(ctx, r)
	if err != nil {
		return c, err
	}
	defer s.close()
	g.tidy()
	ref := "refs/heads/" + branch
	head, err := s.output(ctx, maxListing, "ls-remote", "--", s.url, ref)
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(head) { // also those whose names end alike
		if sha, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); name == ref {
			c.SHA = sha
		}
	}
	if c.SHA == "" {
		return c, fail(BranchMissing, "The branch %s is not there.", branch)
	}
	if c.KnownHosts, err = s.knownHosts(); err != nil {
		return c, err
	}
	sum := sha256.Sum256([]byte(mirror + "\n" + r.URL))
	c.repo = filepath.Join(g.Dir, hex.EncodeToString(sum[:16])+".git")
	return c, s.fetch(ctx, c, ref)
}

// fetch makes the mirror if there is none and brings the commit.
func (s *session) fetch(ctx context.Context, c Commit, ref string) error {
	if err := os.MkdirAll(c.repo, 0o700); err != nil {
		return err
	}
	unlock, err := lock(ctx, c.repo, syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	now := time.Now()
	_ = os.Chtimes(c.repo, now, now) // for Sweep
	s.repo = c.repo
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if _, err := s.output(ctx, 1<<10, "cat-file", "-e", c.SHA+"^{tree}"); err == nil {
		return nil
	}
	_, err = s.output(ctx, 1<<20, "fetch", "--depth=1", "--no-tags", "--quiet", "--force", "--", s.url, "+"+ref+":"+ref)
	if err != nil {
		return err
	}
	// The branch may have moved since it was listed; the commit then is no longer its head.
	if _, err := s.output(ctx, 1<<10, "cat-file", "-e", c.SHA+"^{tree}"); err != nil {
		return fail(Unreachable, "The branch moved while it was fetched. Try again.")
	}
	return nil
}

// attributes keeps the files of archives as they are in the repository: a commit cannot
// leave files out, fill texts in or convert them.
const attributes = "* -text -ident -filter -export-ignore -export-subst -working-tree-encoding\n"

// prepare makes an empty mirror, and tidies up an old one once a day.
func (s *session) prepare(ctx context.Context) error {
	marker := filepath.Join(s.repo, "plumbline-tidied")
	info, err := os.Stat(marker)
	if err == nil && time.Since(info.ModTime()) < 24*time.Hour {
		return nil
	}
	if err == nil {
		if _, err := s.output(ctx, 1<<20, "gc", "--quiet", "--prune=now"); err != nil {
			return err
		}
	} else if _, err := s.output(ctx, 1<<20, "init", "--bare", "--quiet", "--template=", "--", s.repo); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.repo, "info"), 0o700); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(s.repo, "info", "attributes"), []byte(attributes), 0o600), os.WriteFile(marker, nil, 0o600))
}

// lock takes the lock of a mirror, also against other processes of this machine.
func lock(ctx context.Context, repo string, how int) (func(), error) {
	f, err := os.OpenFile(repo+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// reading opens a session in the mirror that connects nowhere.
func (c Commit) reading(ctx context.Context) (*session, func(), error) {
	dir, err := os.MkdirTemp("", "plumbline-git-")
	if err != nil {
		return nil, nil, err
	}
	unlock, err := lock(ctx, c.repo, syscall.LOCK_SH)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &session{git: c.git, dir: dir, repo: c.repo}
	return s, func() { unlock(); s.close() }, nil
}

// maxTree is the most that the list of files may hold, in bytes: about 300,000 files.
const maxTree = 64 << 20

// Files lists the files and links of a commit.
func (c Commit) Files(ctx context.Context) ([]Entry, error) {
	s, done, err := c.reading(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	text, err := s.output(ctx, maxTree, "ls-tree", "-r", "-z", "--long", c.SHA)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for line := range strings.SplitSeq(text, "\x00") {
		about, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(about)
		if !ok || len(f) != 4 || f[1] != "blob" {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git ls-tree: %w", err)
		}
		out = append(out, Entry{Path: path, Mode: f[0], SHA: f[2], Size: size})
	}
	return out, nil
}

// Read returns the contents of files by their SHA. Together they may hold limit bytes.
func (c Commit) Read(ctx context.Context, shas []string, limit int64) (map[string][]byte, error) {
	out := map[string][]byte{}
	if len(shas) == 0 {
		return out, nil
	}
	s, done, err := c.reading(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	text, err := s.feed(ctx, limit+int64(len(shas))*80, strings.NewReader(strings.Join(shas, "\n")+"\n"), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(strings.NewReader(text))
	for {
		header, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		f := strings.Fields(header)
		if err != nil || len(f) != 3 {
			return nil, fmt.Errorf("git cat-file: %q", clip(header))
		}
		size, err := strconv.Atoi(f[2])
		if err != nil || size < 0 || size > len(text) {
			return nil, fmt.Errorf("git cat-file: %q", clip(header))
		}
		content := make([]byte, size+1)
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, err
		}
		out[f[0]] = content[:size]
	}
}

// Archive returns a tar.gz of some folders and files of a commit; none is all of them.
// Close it.
func (c Commit) Archive(ctx context.Context, paths []string) (io.ReadCloser, error) {
	s, done, err := c.reading(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.bounded(ctx)
	cmd := s.command(ctx, append([]string{"archive", "--format=tar.gz", c.SHA, "--"}, paths...)...)
	messages := &tail{}
	cmd.Stderr = messages
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		done()
		return nil, err
	}
	return &running{Reader: out, end: func(early bool) error {
		if early {
			cancel()
		}
		err := cmd.Wait()
		defer done()
		defer cancel()
		if err != nil && !early {
			return s.explain(ctx, err, messages.String())
		}
		return nil
	}}, nil
}

// running is the output of a process. Read gives its error at the end, so that nobody
// takes half an archive for a whole one.
type running struct {
	io.Reader
	end   func(early bool) error
	ended bool
}

// Read implements io.Reader.
func (r *running) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err == nil || r.ended {
		return n, err
	}
	r.ended = true
	if e := r.end(!errors.Is(err, io.EOF)); e != nil {
		err = e
	}
	return n, err
}

// Close implements io.Closer.
func (r *running) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	return r.end(true)
}
