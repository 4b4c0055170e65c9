package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// spool is the folder of temporary files. They are ciphertext; those that a crash
// leaves are removed after a day.
type spool struct{ root *os.Root }

const (
	spoolDir = "tmp"
	spoolAge = 24 * time.Hour
)

func openSpool(root *os.Root) (spool, error) {
	if err := root.MkdirAll(spoolDir, 0o700); err != nil {
		return spool{}, err
	}
	s := spool{root}
	return s, s.sweep(time.Now().Add(-spoolAge))
}

// sweep removes the files that are older than the given time.
func (s spool) sweep(before time.Time) error {
	entries, err := fs.ReadDir(s.root.FS(), spoolDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(before) {
			continue // gone, or of an upload in progress
		}
		if err := s.root.Remove(path.Join(spoolDir, e.Name())); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

// temp is a temporary file.
type temp struct {
	*os.File
	spool spool
	name  string // in the spool's root
}

func (s spool) create() (*temp, error) {
	name := path.Join(spoolDir, id.New("up"))
	f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &temp{File: f, spool: s, name: name}, nil
}

// discard closes the file and removes it, if it was not moved away.
func (t *temp) discard() {
	_ = t.Close()
	_ = t.spool.root.Remove(t.name)
}

// files is the backend on a file system. A key must not be a folder of another
// key. Delete leaves empty folders.
type files struct{ root *os.Root }

const filesDir = "objects"

func openFiles(root *os.Root) (backend, error) {
	if err := root.MkdirAll(filesDir, 0o700); err != nil {
		return nil, err
	}
	return files{root}, nil
}

func (f files) commit(_ context.Context, key string, t *temp) error {
	if err := t.Sync(); err != nil {
		return err
	}
	name := path.Join(filesDir, key)
	if err := f.makeDir(path.Dir(name)); err != nil {
		return err
	}
	if err := f.root.Rename(t.name, name); err != nil {
		return err
	}
	return f.syncDir(path.Dir(name))
}

// makeDir makes a folder that survives a crash.
func (f files) makeDir(dir string) error {
	if _, err := f.root.Stat(dir); !missing(err) {
		return err
	}
	if err := f.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for dir != "." {
		dir = path.Dir(dir)
		if err := f.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func (f files) syncDir(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f files) open(_ context.Context, key string) (io.ReadCloser, error) {
	o, err := f.root.Open(path.Join(filesDir, key))
	if missing(err) {
		return nil, problem.NotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := o.Stat()
	if err == nil && info.Mode().IsRegular() {
		return o, nil
	}
	_ = o.Close()
	if err != nil {
		return nil, err
	}
	return nil, problem.NotFound // a folder of other keys
}

func (f files) remove(_ context.Context, key string) error {
	name := path.Join(filesDir, key)
	info, err := f.root.Lstat(name)
	if missing(err) || (err == nil && info.IsDir()) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.root.Remove(name); err != nil && !missing(err) {
		return err
	}
	return nil
}

func (f files) list(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		top := path.Dir(path.Join(filesDir, prefix+"x"))
		err := fs.WalkDir(f.root.FS(), top, func(name string, e fs.DirEntry, err error) error {
			key := strings.TrimPrefix(name, filesDir+"/")
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case missing(err):
				return nil // deleted meanwhile
			case err != nil:
				return err
			case e.IsDir() || !strings.HasPrefix(key, prefix):
				return nil
			}
			info, err := e.Info()
			if missing(err) {
				return nil
			}
			if err == nil && !yield(Info{key, info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("blob: list %q: %w", prefix, err))
		}
	}
}

// missing also knows the case that a folder of the path is a file.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
