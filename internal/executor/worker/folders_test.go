package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func open(t *testing.T, dir string) *folders {
	t.Helper()
	f, err := openFolders(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func take(t *testing.T, f *folders, name, after, job string) *folder {
	t.Helper()
	it, err := f.take(t.Context(), name, after, proto.Job{Ticket: proto.Ticket{ID: job, Attempt: 1}, Kind: "plan"})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestOneProcessHasAFolder(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if _, err := openFolders(dir); err == nil {
		t.Error("a second one opened the folder")
	}
	f.close()
	open(t, dir).close()
}

func TestAFolderGoesOnOnlyAfterTheJobThatLeftIt(t *testing.T) {
	f := open(t, t.TempDir())
	defer f.close()
	for name, c := range map[string]struct {
		after     string
		continues bool
	}{"its plan": {"plan", true}, "another plan": {"other", false}, "none": {"", false}} {
		it := take(t, f, "run-1", "", "plan")
		os.WriteFile(filepath.Join(it.path, "mark"), nil, 0o600)
		it.release(true)
		it = take(t, f, "run-1", c.after, "apply")
		_, err := os.Stat(filepath.Join(it.path, "mark"))
		if it.continued != c.continues || (err == nil) != c.continues {
			t.Errorf("%s: continued = %v, the file is there: %v", name, it.continued, err == nil)
		}
		it.release(false)
	}
	if left := names(t, f.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestJobsOfOneFolderWaitForEachOther(t *testing.T) {
	f := open(t, t.TempDir())
	defer f.close()
	first := take(t, f, "run-1", "", "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.take(ctx, "run-1", "", proto.Job{}); !errors.Is(err, context.Canceled) {
		t.Errorf("take = %v while another has it", err)
	}
	second := make(chan *folder)
	go func() { it, _ := f.take(t.Context(), "run-1", "", proto.Job{}); second <- it }()
	first.release(true)
	(<-second).release(false)
}

func TestNamesThatAreNoFoldersAreRefused(t *testing.T) {
	f := open(t, t.TempDir())
	defer f.close()
	for _, name := range []string{"", ".", "..", "a/b", "../x", "-x", "a b", "a\x00b"} {
		if _, err := f.take(t.Context(), name, "", proto.Job{}); err == nil {
			t.Errorf("take(%q) succeeded", name)
		}
	}
}

func TestFoldersThatWaitAreBounded(t *testing.T) {
	f := open(t, t.TempDir())
	defer f.close()
	for i := range maxKept + 5 {
		take(t, f, fmt.Sprintf("run-%d", i), "", "j").release(true)
	}
	if n := len(names(t, f.dir)); n != maxKept {
		t.Errorf("%d folders wait, want %d", n, maxKept)
	}
	old := take(t, f, "run-old", "", "j")
	old.Kept, old.At = true, time.Now().Add(-keptAge-time.Hour)
	if err := old.save(); err != nil {
		t.Fatal(err)
	}
	old.forget()
	f.tidy()
	if _, err := os.Stat(old.path); err == nil {
		t.Error("a folder that waited for more than a day is still there")
	}
}

func TestWhatAWorkerLeftIsFound(t *testing.T) {
	f := open(t, t.TempDir())
	take(t, f, "run-cut", "", "cut")
	take(t, f, "run-kept", "", "kept").release(true)
	forgotten := take(t, f, "run-forgotten", "", "j")
	forgotten.At = time.Now().Add(-owedAge - time.Hour)
	if err := forgotten.save(); err != nil {
		t.Fatal(err)
	}
	f.close()
	f = open(t, f.dir)
	defer f.close()
	left := f.left()
	if len(left) != 1 || left[0].Ticket.ID != "cut" || left[0].Kind != "plan" || !left[0].continued {
		t.Errorf("left = %+v, want that of the job that was cut", left)
	}
	if got := names(t, f.dir); fmt.Sprint(got) != "[run-cut run-kept]" {
		t.Errorf("folders = %v", got)
	}
}

func TestFoldersWithoutRightsAreRemoved(t *testing.T) {
	f := open(t, t.TempDir())
	defer f.close()
	it := take(t, f, "run-1", "", "j")
	deep := filepath.Join(it.path, "run", "a", "b")
	os.MkdirAll(deep, 0o755)
	os.Chmod(deep, 0)
	os.Chmod(filepath.Dir(deep), 0)
	it.release(false)
	if left := names(t, f.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		permanent bool
	}{
		"connection":   {errors.New("connection reset"), false},
		"503":          {&proto.StatusError{Status: 503}, false},
		"429":          {&proto.StatusError{Status: 429}, false},
		"413":          {&proto.StatusError{Status: 413}, true},
		"problem 422":  {fmt.Errorf("x: %w", problem.Unprocessable("no")), true},
		"problem 429":  {problem.TooMany(1), false},
		"gone":         {proto.ErrGone, true},
		"absent":       {os.ErrNotExist, true},
		"of this side": {permanentError{errors.New("a pipe")}, true},
	} {
		if got := isPermanent(c.err); got != c.permanent {
			t.Errorf("%s: isPermanent = %v, want %v", name, got, c.permanent)
		}
	}
	tries := 0
	err := retry(t.Context(), "a test", func() error {
		if tries++; tries < 3 {
			return errors.New("away")
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("retry = %v after %d tries", err, tries)
	}
}
