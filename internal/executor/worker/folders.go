package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
)

const (
	keptAge = 24 * time.Hour // of a folder that waits for the next job
	maxKept = 100
	// Folders of what is done again and again, such as scans, wait longer and are more: they
	// have little in them.
	lastingAge  = 8 * 24 * time.Hour
	maxLasting  = 5000
	lastingName = "scan-"
	tidyEach    = time.Minute         // after those
	owedAge     = 30 * 24 * time.Hour // of what the server has not taken
)

// folders are the folders of jobs: DIR/jobs/NAME with job.json (a record), log (what the
// server gets of it) and run (where the processes of the job are).
type folders struct {
	dir    string
	unlock func() error

	mu     sync.Mutex
	busy   map[string]chan struct{} // closed when the folder is free
	tidied time.Time
}

// folder is one that is in use.
type folder struct {
	record
	path      string
	continued bool
	all       *folders
}

// record is what a folder tells a worker that comes later. It has no secrets.
type record struct {
	Name   string
	Ticket proto.Ticket
	Kind   string
	Kept   bool // the job has ended, and the folder waits for another
	At     time.Time
}

// safeName matches what a folder may be called.
var safeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func openFolders(dir string) (*folders, error) {
	for _, path := range []string{dir, filepath.Join(dir, "jobs")} {
		if err := os.MkdirAll(path, 0o711); err != nil { //nolint:gosec // processes that run as other users must pass through
			return nil, err
		}
		if err := os.Chmod(path, 0o711); err != nil { //nolint:gosec // whatever the umask
			return nil, err
		}
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("the folder %s is in use by another process: %w", dir, err)
	}
	return &folders{dir: dir, unlock: unlock, busy: map[string]chan struct{}{}}, nil
}

func (f *folders) close() {
	if err := f.unlock(); err != nil {
		slog.Warn("leaving the folder of jobs", "err", err)
	}
}

// executor is the id that the server gave the worker before, "" if it never did.
func (f *folders) executor() string {
	b, err := os.ReadFile(filepath.Join(f.dir, "executor"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (f *folders) setExecutor(id string) error {
	return os.WriteFile(filepath.Join(f.dir, "executor"), []byte(id+"\n"), 0o600)
}

// take waits until no other job has the folder, and takes it. What is in it stays only if
// the job after left it.
func (f *folders) take(ctx context.Context, name, after string, job proto.Job) (*folder, error) {
	if !safeName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a folder", name)
	}
	if err := f.occupy(ctx, name); err != nil {
		return nil, err
	}
	it := &folder{all: f, path: f.path(name)}
	old, err := readRecord(it.path)
	it.continued = err == nil && old.Kept && after != "" && old.Ticket.ID == after
	it.record = record{Name: name, Ticket: job.Ticket, Kind: job.Kind, At: time.Now()}
	if err := it.prepare(); err != nil {
		it.forget()
		return nil, err
	}
	return it, nil
}

func (f *folders) path(name string) string { return filepath.Join(f.dir, "jobs", name) }

// occupy waits until a folder is free, and takes it.
func (f *folders) occupy(ctx context.Context, name string) error {
	for {
		f.mu.Lock()
		free, taken := f.busy[name]
		if !taken {
			f.busy[name] = make(chan struct{})
			f.mu.Unlock()
			return nil
		}
		f.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// prepare makes the folder of a job that begins.
func (it *folder) prepare() error {
	if !it.continued {
		if err := remove(it.path); err != nil {
			return err
		}
		if err := os.Mkdir(it.path, 0o711); err != nil { //nolint:gosec // processes that run as other users must pass through
			return err
		}
	}
	if err := os.Remove(filepath.Join(it.path, "log")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Chmod(it.path, 0o711); err != nil { //nolint:gosec // whatever the umask
		return err
	}
	return it.save()
}

// save writes the record, in one step.
func (it *folder) save() error {
	b, err := json.Marshal(it.record)
	if err != nil {
		return err
	}
	path := filepath.Join(it.path, "job.json")
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readRecord(path string) (r record, err error) {
	b, err := os.ReadFile(filepath.Join(path, "job.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// release ends the use of a folder, which stays if keep is set.
func (it *folder) release(keep bool) {
	defer it.forget()
	var err error
	if it.Kept, it.At = keep, time.Now(); keep {
		err = it.save()
	} else {
		err = remove(it.path)
	}
	if err != nil {
		slog.Error("leaving the folder of a job", "folder", it.path, "err", err)
	}
	if !it.lasting() || it.all.untidy() {
		it.all.tidy()
	}
}

// lasting reports whether the folder is that of something that is done again and again.
func (r record) lasting() bool { return strings.HasPrefix(r.Name, lastingName) }

// untidy reports whether it is time to tidy up, and takes it as done.
func (f *folders) untidy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.tidied) < tidyEach {
		return false
	}
	f.tidied = time.Now()
	return true
}

// forget lets others use the folder, and leaves it as it is.
func (it *folder) forget() {
	it.all.mu.Lock()
	defer it.all.mu.Unlock()
	close(it.all.busy[it.Name])
	delete(it.all.busy, it.Name)
}

// left are the folders of jobs whose worker did not end them. They are taken.
func (f *folders) left() []*folder {
	var left []*folder
	for _, r := range f.records() {
		if !r.Kept && time.Since(r.At) > owedAge {
			slog.Error("a folder of a job is removed that the server never took", "folder", f.path(r.Name), "since", r.At)
			if err := remove(f.path(r.Name)); err != nil {
				slog.Error("removing the folder of a job", "err", err)
			}
			continue
		}
		if !r.Kept && f.occupy(context.Background(), r.Name) == nil {
			left = append(left, &folder{record: r, path: f.path(r.Name), continued: true, all: f})
		}
	}
	return left
}

// records are those of all folders. A folder without one was never begun or is half removed.
func (f *folders) records() []record {
	entries, err := os.ReadDir(filepath.Join(f.dir, "jobs"))
	if err != nil {
		slog.Error("reading the folder of jobs", "err", err)
	}
	var all []record
	for _, e := range entries {
		r, err := readRecord(f.path(e.Name()))
		if err != nil || r.Name != e.Name() {
			r = record{Name: e.Name(), Kept: true}
		}
		all = append(all, r)
	}
	return all
}

// tidy removes the folders that have waited for too long, or are too many.
func (f *folders) tidy() {
	kept := slices.DeleteFunc(f.records(), func(r record) bool { return !r.Kept })
	slices.SortFunc(kept, func(a, b record) int { return b.At.Compare(a.At) })
	counts := map[bool]int{}
	for _, r := range kept {
		most, age := maxKept, keptAge
		if r.lasting() {
			most, age = maxLasting, lastingAge
		}
		if counts[r.lasting()]++; counts[r.lasting()] <= most && time.Since(r.At) < age {
			continue
		}
		if !f.occupyFree(r.Name) {
			continue
		}
		if err := remove(f.path(r.Name)); err != nil {
			slog.Error("removing the folder of a job", "err", err)
		}
		(&folder{record: r, all: f}).forget()
	}
}

// occupyFree takes a folder if it is free.
func (f *folders) occupyFree(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, taken := f.busy[name]; taken {
		return false
	}
	f.busy[name] = make(chan struct{})
	return true
}

// remove removes a folder, also if somebody took the rights to folders in it away. The
// record goes last, so that what is left after a crash is known.
func remove(path string) error {
	if os.RemoveAll(filepath.Join(path, "run")) != nil {
		_ = filepath.WalkDir(path, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o700) //nolint:gosec // folders need the right to be entered
			}
			return nil
		})
	}
	return os.RemoveAll(path)
}
