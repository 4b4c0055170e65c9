package postgres

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestSchemaIsPrivateAndDropped(t *testing.T) {
	var first string
	t.Run("tests with a table of the same name", func(t *testing.T) {
		a, ok := Schema(t)
		if !ok {
			t.Skip(ErrNotFound)
		}
		b, _ := Schema(t)
		first = a
		for _, u := range []string{a, b} {
			if err := execute(t.Context(), u, "CREATE TABLE things (id TEXT PRIMARY KEY)"); err != nil {
				t.Errorf("CREATE TABLE = %v, want no collision", err)
			}
		}
		if err := execute(t.Context(), a, "INSERT INTO things VALUES ('x')"); err != nil {
			t.Fatal(err)
		}
		if n := count(t, a, "SELECT count(*) FROM things"); n != 1 {
			t.Errorf("rows of the one test = %d, want 1", n)
		}
		if n := count(t, b, "SELECT count(*) FROM things"); n != 0 {
			t.Errorf("rows of the other test = %d, want 0", n)
		}
	})
	if first == "" {
		t.Skip(ErrNotFound)
	}
	if n := count(t, first, "SELECT count(*) FROM pg_tables WHERE tablename = 'things'"); n != 0 {
		t.Errorf("tables after the test = %d, want 0", n)
	}
}

func TestSchemaRefusesAddressesThatAreNotURLs(t *testing.T) {
	for _, base := range []string{"host=localhost user=postgres", "mysql://localhost/x", "postgres://[::1"} {
		if got, err := withSearchPath(base, "s"); err == nil {
			t.Errorf("withSearchPath(%q) = %q, want an error", base, got)
		}
	}
	got, err := withSearchPath("postgres://u@h:1/d?sslmode=disable&search_path=old", "s")
	if want := "postgres://u@h:1/d?search_path=s&sslmode=disable"; got != want || err != nil {
		t.Errorf("withSearchPath = %q, %v, want %q", got, err, want)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	s, err := Start()
	if err != nil {
		skipWithout(t, err)
	}
	if err := execute(t.Context(), s.URL, "SELECT 1"); err != nil {
		t.Errorf("query = %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop = %v", err)
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("folder after Stop: %v, want that it is gone", err)
	}
	if err := execute(t.Context(), s.URL, "SELECT 1"); err == nil {
		t.Error("query after Stop succeeded")
	}
}

// TestServerEndsWithAKilledProcess kills a process that has started a server: what it
// leaves must go away by itself.
func TestServerEndsWithAKilledProcess(t *testing.T) {
	if os.Getenv("POSTGRES_TEST_CHILD") != "" {
		s, err := Start()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("dir=" + s.dir + "\n")
		select {}
	}
	if _, err := binaries(); err != nil {
		skipWithout(t, err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithAKilledProcess$")
	child.Env = append(os.Environ(), "POSTGRES_TEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan() // no line is no folder, below
	dir, ok := strings.CutPrefix(lines.Text(), "dir=")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	if !ok {
		t.Fatalf("child said %q, want its folder", lines.Text())
	}
	deadline := time.After(20 * time.Second)
	for again := time.NewTicker(20 * time.Millisecond); ; {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("%s is still there 20 s after its process was killed", dir)
		}
	}
}

func skipWithout(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, ErrNotFound) {
		t.Skip(err)
	}
	t.Fatal(err)
}

func count(t *testing.T, u, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
