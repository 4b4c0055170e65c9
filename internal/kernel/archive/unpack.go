package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Unpack writes an archive into the existing folder dir. Modes become 0755 or 0644, less
// the umask; owners and times are dropped. Files and links that are there already are
// replaced, never written through. A problem means that the archive is refused; then dir
// may hold some of its files and is best thrown away, but nothing outside was touched.
func Unpack(ctx context.Context, r io.Reader, dir string, limits Limits) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	s, err := newScan(ctx, r, limits)
	if err != nil {
		return err
	}
	u := &unpacking{root: root, made: map[string]bool{".": true}}
	for {
		e, err := s.next()
		if errors.Is(err, io.EOF) {
			return u.links(s.tree)
		}
		if err != nil {
			return err
		}
		if err := u.write(e, s); err != nil {
			return err
		}
	}
}

// unpacking is a folder that is being filled.
type unpacking struct {
	root *os.Root
	made map[string]bool // folders that are there and are no links
}

func (u *unpacking) write(e entry, content io.Reader) error {
	switch e.kind {
	case folder:
		return u.folder(e.path)
	case file:
		return u.file(e, content)
	}
	return nil // links wait until all files are there
}

// folder makes a folder and those above it.
func (u *unpacking) folder(name string) error {
	if u.made[name] {
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	err := u.root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		err = u.isFolder(name)
	}
	u.made[name] = err == nil
	return err
}

// isFolder refuses what is there already and is no folder.
func (u *unpacking) isFolder(name string) error {
	info, err := u.root.Lstat(name)
	if err != nil || info.IsDir() {
		return err
	}
	return problem.Unprocessable("archive entry %q is a folder, where the target has a file or a link", short(name))
}

func (u *unpacking) file(e entry, content io.Reader) error {
	if err := u.clear(e.path); err != nil {
		return err
	}
	f, err := u.root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, e.mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// clear makes room for a file or a link.
func (u *unpacking) clear(name string) error {
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	info, err := u.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return problem.Unprocessable("archive entry %q is a file or a link, where the target has a folder", short(name))
	}
	return u.root.Remove(name)
}

// links makes the links, which the tree has checked, and then asks the system about
// each: a link that was in the folder before may lead a new one outside.
func (u *unpacking) links(t *tree) error {
	names := t.links()
	for _, name := range names {
		if err := u.clear(name); err != nil {
			return err
		}
		if err := u.root.Symlink(t.nodes[name].target, name); err != nil {
			return err
		}
	}
	var refused error
	for _, name := range names {
		_, err := u.root.Stat(name)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err := u.root.Remove(name); err != nil {
			return fmt.Errorf("remove a link that leaves the folder: %w", err)
		}
		refused = leaves(name, t.nodes[name].target)
	}
	return refused
}
