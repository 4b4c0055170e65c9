package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// item is an entry of an archive under test.
type item struct {
	name string
	flag byte // zero is a file
	link string
	body string
	mode int64
}

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Typeflag: i.flag, Linkname: i.link, Size: int64(len(i.body)), Mode: i.mode}
		if i.flag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if i.flag == tar.TypeXGlobalHeader {
			h = &tar.Header{Name: i.name, Typeflag: i.flag, PAXRecords: map[string]string{"comment": i.body}}
			i.body = ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, i.body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func tgz(t testing.TB, items ...item) []byte {
	t.Helper()
	return gz(tarOf(t, items...))
}

// pax returns the blocks of an extended header with one record, which the writer of
// archive/tar would not write.
func pax(t testing.TB, key, value string) []byte {
	t.Helper()
	record := fmt.Sprintf(" %s=%s\n", key, value)
	n := len(record)
	for n != len(fmt.Sprint(n))+len(record) {
		n = len(fmt.Sprint(n)) + len(record)
	}
	b := tarOf(t, item{name: "pax", body: fmt.Sprint(n) + record})
	b = b[:len(b)-1024]
	b[156] = 'x'
	sum := 0
	copy(b[148:156], "        ")
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// disk lists a folder: "dir/", "file 0644 content", "link -> target".
func disk(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		switch d.Type() {
		case fs.ModeDir:
			name += "/"
		case fs.ModeSymlink:
			target, _ := os.Readlink(p)
			name += " -> " + target
		default:
			b, err := os.ReadFile(p)
			info, _ := d.Info()
			name += fmt.Sprintf(" %#o %s", info.Mode(), b)
			if err != nil {
				return err
			}
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sandbox returns a folder to unpack into, and a check that its surroundings are untouched.
func sandbox(t testing.TB) (dir string, untouched func()) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "in")
	for _, d := range []string{dir, filepath.Join(parent, "out")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "out", "victim"), []byte("victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, func() {
		t.Helper()
		os.RemoveAll(dir)
		if diff := cmp.Diff([]string{"out/", "out/victim 0600 victim"}, disk(t, parent)); diff != "" {
			t.Errorf("outside (-want +got):\n%s", diff)
		}
	}
}

func TestUnpackWritesFilesFoldersAndLinks(t *testing.T) {
	dir, untouched := sandbox(t)
	archive := tgz(t,
		item{name: "pax_global_header", flag: tar.TypeXGlobalHeader, body: "a commit"},
		item{name: "./", flag: tar.TypeDir},
		item{name: "./main.tf", body: "main", mode: 0o600},
		item{name: "bin/", flag: tar.TypeDir, mode: 0o700},
		item{name: "bin/run", body: "run", mode: 0o6755},
		item{name: "deep/er/file", body: "x", mode: 0o777},
		item{name: "deep/up", flag: tar.TypeSymlink, link: "../bin/./run"},
		item{name: "root", flag: tar.TypeSymlink, link: "."},
		item{name: "deep/root", flag: tar.TypeSymlink, link: ".."},
		item{name: "dangling", flag: tar.TypeSymlink, link: "not/here"},
		item{name: "..dots..", body: "d"},
		item{name: "ünï", body: "u"},
	)
	if err := Unpack(t.Context(), bytes.NewReader(archive), dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"..dots.. 0644 d", "bin/", "bin/run 0755 run", "dangling -> not/here", "deep/", "deep/er/", "deep/er/file 0755 x",
		"deep/root -> ..", "deep/up -> ../bin/./run", "main.tf 0644 main", "root -> .", "ünï 0644 u",
	}
	if diff := cmp.Diff(want, disk(t, dir)); diff != "" {
		t.Errorf("Unpack (-want +got):\n%s", diff)
	}
	untouched()
}

func TestFilesYieldsContents(t *testing.T) {
	archive := tgz(t, item{name: "a/", flag: tar.TypeDir}, item{name: "./a/one", body: "1"}, item{name: "skipped", body: "22"},
		item{name: "l", flag: tar.TypeSymlink, link: "a"}, item{name: "two", body: "333", mode: 0o100})
	got := []string{}
	for f, err := range Files(t.Context(), bytes.NewReader(archive), Limits{}) {
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		if f.Path != "skipped" {
			if b, err = io.ReadAll(f); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, fmt.Sprintf("%s %#o %d %s", f.Path, f.Mode, f.Size, b))
	}
	if diff := cmp.Diff([]string{"a/one 0644 1 1", "skipped 0644 2 ", "two 0755 3 333"}, got); diff != "" {
		t.Errorf("Files (-want +got):\n%s", diff)
	}
	for f := range Files(t.Context(), bytes.NewReader(archive), Limits{}) {
		if f.Path != "a/one" {
			t.Errorf("Files went on to %q after a break", f.Path)
		}
		break
	}
}

func TestTheLastOfTwoEntriesWins(t *testing.T) {
	dir, untouched := sandbox(t)
	archive := tgz(t,
		item{name: "f", body: "first, and longer"}, item{name: "f", body: "second"},
		item{name: "d/", flag: tar.TypeDir}, item{name: "d/x", body: "x"}, item{name: "d/", flag: tar.TypeDir},
		item{name: "l", flag: tar.TypeSymlink, link: "f"}, item{name: "l", body: "file now"},
		item{name: "g", body: "file first"}, item{name: "g", flag: tar.TypeSymlink, link: "f"},
		item{name: "out", flag: tar.TypeSymlink, link: "../out/victim"}, item{name: "out", body: "harmless in the end"},
	)
	if err := Unpack(t.Context(), bytes.NewReader(archive), dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"d/", "d/x 0644 x", "f 0644 second", "g -> f", "l 0644 file now", "out 0644 harmless in the end"}
	if diff := cmp.Diff(want, disk(t, dir)); diff != "" {
		t.Errorf("Unpack (-want +got):\n%s", diff)
	}
	untouched()
}

func TestWhatIsThereIsReplacedAndNotFollowed(t *testing.T) {
	for name, tc := range map[string]struct {
		items []item
		want  string // words of the problem, or "" and then in holds the lines
		in    []string
	}{
		"a file through a link":   {items: []item{{name: "file", body: "new"}}, in: []string{"dir -> ../out", "file 0644 new", "kept 0644 kept", "kept.d/"}},
		"a link over a link":      {items: []item{{name: "file", flag: tar.TypeSymlink, link: "kept"}}, in: []string{"dir -> ../out", "file -> kept", "kept 0644 kept", "kept.d/"}},
		"below a linked folder":   {items: []item{{name: "dir/victim", body: "new"}}, want: "the target has a file or a link"},
		"a folder over a link":    {items: []item{{name: "dir/", flag: tar.TypeDir}}, want: "the target has a file or a link"},
		"a file over a folder":    {items: []item{{name: "kept.d", body: "x"}}, want: "the target has a folder"},
		"a link over a folder":    {items: []item{{name: "kept.d", flag: tar.TypeSymlink, link: "kept"}}, want: "the target has a folder"},
		"a link by way of a link": {items: []item{{name: "new", flag: tar.TypeSymlink, link: "dir/victim"}}, want: "leaves the folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, untouched := sandbox(t)
			os.Symlink("../out", filepath.Join(dir, "dir"))
			os.Symlink("../out/victim", filepath.Join(dir, "file"))
			os.WriteFile(filepath.Join(dir, "kept"), []byte("kept"), 0o644)
			os.Mkdir(filepath.Join(dir, "kept.d"), 0o755)
			err := Unpack(t.Context(), bytes.NewReader(tgz(t, tc.items...)), dir, Limits{})
			if tc.want != "" {
				wantProblem(t, "Unpack", err, tc.want)
				if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
					t.Error("the refused link is still there")
				}
			} else if diff := cmp.Diff(tc.in, disk(t, dir)); diff != "" || err != nil {
				t.Errorf("Unpack = %v (-want +got):\n%s", err, diff)
			}
			untouched()
		})
	}
}

func TestOtherPeoplesErrorsStayTheirs(t *testing.T) {
	archive := tgz(t, item{name: "f", body: strings.Repeat("no", 50_000)})
	broken := errors.New("the connection broke")
	for _, at := range []int{0, 5, 50, len(archive) - 3} {
		err := Check(t.Context(), io.MultiReader(bytes.NewReader(archive[:at]), iotest.ErrReader(broken)), Limits{})
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: Check = %v, want the reader's error", at, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Check(ctx, bytes.NewReader(archive), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: Check = %v", err)
	}
	err := Unpack(t.Context(), bytes.NewReader(archive), filepath.Join(t.TempDir(), "missing"), Limits{})
	if _, ok := problem.From(err); ok || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: Unpack = %v, want ErrNotExist and no problem", err)
	}
}

func wantProblem(t *testing.T, what string, err error, words string) {
	t.Helper()
	p, ok := problem.From(err)
	if !ok || p.Status != 422 || !strings.Contains(p.Detail, words) {
		t.Errorf("%s = %v, want a 422 with %q", what, err, words)
	}
}
