package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// drawFolder fills a folder with what Pack accepts.
func drawFolder(t *rapid.T, dir string) {
	name := rapid.SampledFrom([]string{"a", "b", "c.tf", "ü", ".hidden", "with space", "..x", strings.Repeat("long", 40)})
	for range rapid.IntRange(0, 12).Draw(t, "n") {
		parts := rapid.SliceOfN(name, 1, 4).Draw(t, "path")
		p := filepath.Join(append([]string{dir}, parts...)...)
		if os.MkdirAll(filepath.Dir(p), 0o755) != nil {
			continue // a file is in the way
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			os.Mkdir(p, 0o755)
		case 1:
			up := strings.Repeat("../", rapid.IntRange(0, len(parts)-1).Draw(t, "up"))
			if up == "" {
				up = "./"
			}
			if os.Symlink(up+name.Draw(t, "target"), p) == nil && !resolves(dir, p) {
				os.Remove(p)
			}
		default:
			mode := rapid.SampledFrom([]os.FileMode{0o644, 0o755}).Draw(t, "mode")
			if _, err := os.Lstat(p); err != nil {
				os.WriteFile(p, rapid.SliceOf(rapid.Byte()).Draw(t, "content"), mode)
			}
		}
	}
}

// resolves reports whether a link stays inside and is no loop, as the system sees it.
func resolves(dir, p string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	rel, _ := filepath.Rel(dir, p)
	_, err = root.Stat(rel)
	return err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func TestPackThenUnpackGivesTheSameFolder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from, to := t.TempDir(), t.TempDir()
		drawFolder(rt, from)
		for _, l := range disk(t, from) { // links that later files turned into an escape
			if name, _, ok := strings.Cut(l, " -> "); ok && !resolves(from, filepath.Join(from, name)) {
				os.Remove(filepath.Join(from, name))
			}
		}
		var one, two bytes.Buffer
		if err := Pack(t.Context(), &one, from); err != nil {
			rt.Fatalf("Pack: %v", err)
		}
		if err := Unpack(t.Context(), bytes.NewReader(one.Bytes()), to, Limits{}); err != nil {
			rt.Fatalf("Unpack: %v", err)
		}
		if diff := cmp.Diff(disk(t, from), disk(t, to)); diff != "" {
			rt.Fatalf("folder (-packed +unpacked):\n%s", diff)
		}
		if err := Pack(t.Context(), &two, to); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			rt.Fatalf("Pack of the unpacked folder = %v, equal %v", err, bytes.Equal(one.Bytes(), two.Bytes()))
		}
	})
}

// The model of the tree and the system must agree on every set of links: what Check
// accepts, the system resolves inside; what it refuses as leaving, Unpack does not make.
func TestLinksAreJudgedAsTheSystemFollowsThem(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "c", "..", "."})
	rapid.Check(t, func(rt *rapid.T) {
		var items []item
		for range rapid.IntRange(1, 6).Draw(rt, "n") {
			name := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(rt, "name"), "/")
			if rapid.Bool().Draw(rt, "link") {
				items = append(items, linkTo(name, path.Join(".", strings.Join(rapid.SliceOfN(part, 1, 5).Draw(rt, "target"), "/"))))
			} else {
				items = append(items, item{name: name + "/f", body: "x"})
			}
		}
		archive := tgz(t, items...)
		dir, untouched := sandbox(t)
		checked := Check(t.Context(), bytes.NewReader(archive), Limits{})
		unpacked := Unpack(t.Context(), bytes.NewReader(archive), dir, Limits{})
		if (checked == nil) != (unpacked == nil) {
			rt.Fatalf("Check = %v, Unpack = %v", checked, unpacked)
		}
		inside, _ := filepath.EvalSymlinks(dir)
		for _, l := range disk(t, dir) {
			name, _, ok := strings.Cut(l, " -> ")
			real, err := filepath.EvalSymlinks(filepath.Join(dir, name))
			if ok && err == nil && real != inside && !strings.HasPrefix(real, inside+"/") {
				rt.Fatalf("link %s leads to %s", l, real)
			}
		}
		untouched()
	})
}

func TestPackRefusesWhatUnpackWould(t *testing.T) {
	for words, spoil := range map[string]func(dir string) error{
		"leaves the folder": func(dir string) error { return os.Symlink("../out", filepath.Join(dir, "l")) },
		"which leaves":      func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "l")) },
		"neither a file":    func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "p"), 0o644) },
	} {
		dir, untouched := sandbox(t)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		wantProblem(t, "Pack", Pack(t.Context(), &bytes.Buffer{}, dir), words)
		untouched()
	}
}

func TestPackDropsOwnersTimesAndModes(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "secret.sh"), []byte("x"), 0o700)
	var b bytes.Buffer
	if err := Pack(t.Context(), &b, dir); err != nil {
		t.Fatal(err)
	}
	want := tgz(t, item{name: "secret.sh", body: "x", mode: 0o755})
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("Pack = %q, want %q", b.Bytes(), want)
	}
}

// FuzzUnpack feeds tar streams; the harness compresses them, for the checksum of gzip
// would stop nearly every mutation.
func FuzzUnpack(f *testing.F) {
	for _, h := range hostiles(f) {
		if len(h.archive) < 10_000 {
			f.Add(h.archive, false)
		}
	}
	f.Add(tarOf(f, item{name: "../x", body: "x"}), true)
	f.Add(tarOf(f, linkTo("l", "../out"), item{name: "l/victim", body: "x"}), true)
	f.Add(tarOf(f, linkTo("a/b/up", "../.."), linkTo("l", "a/b/up/../out"), item{name: "h", flag: tar.TypeLink, link: "l"}), true)
	f.Add(append(pax(f, "path", "ü/long"), tarOf(f, item{name: "x", body: "x"})...), true)
	f.Fuzz(func(t *testing.T, b []byte, compress bool) {
		if compress {
			b = gz(b)
		}
		limits := Limits{Bytes: 1 << 20, Entries: 1000}
		dir, untouched := sandbox(t)
		checked := Check(t.Context(), bytes.NewReader(b), limits)
		unpacked := Unpack(t.Context(), bytes.NewReader(b), dir, limits)
		if (checked == nil) != (unpacked == nil) {
			t.Fatalf("Check = %v, Unpack = %v", checked, unpacked)
		}
		if _, ok := problem.From(unpacked); unpacked != nil && !ok {
			t.Fatalf("Unpack = %v, want a problem", unpacked)
		}
		if unpacked == nil {
			var again bytes.Buffer
			if err := Pack(t.Context(), &again, dir); err != nil {
				t.Fatalf("Pack of what was unpacked: %v", err)
			}
		}
		untouched()
	})
}
