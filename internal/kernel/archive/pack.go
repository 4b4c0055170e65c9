package archive

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Pack writes all that is in the folder dir as tar.gz. Equal folders give equal bytes:
// entries are sorted, times are zero, modes are 0755 or 0644. A link that leaves the
// folder, a device, a socket or a pipe is refused with a problem.
func Pack(ctx context.Context, w io.Writer, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z := gzip.NewWriter(w)
	p := &packing{root: root, tar: tar.NewWriter(z), tree: newTree(math.MaxInt / 16)}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || name == "." {
			return err
		}
		return p.entry(name, d)
	})
	if err != nil {
		return err
	}
	if err := p.tree.checkLinks(); err != nil {
		return err
	}
	return errors.Join(p.tar.Close(), z.Close())
}

// packing is a folder that is being read.
type packing struct {
	root *os.Root
	tar  *tar.Writer
	tree *tree
}

func (p *packing) entry(name string, d fs.DirEntry) error {
	switch d.Type() {
	case fs.ModeDir:
		return p.header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, name, node{kind: folder})
	case fs.ModeSymlink:
		return p.link(name)
	case 0:
		return p.file(name)
	}
	return problem.Unprocessable("%q is neither a file, a folder nor a symbolic link", short(name))
}

func (p *packing) header(h *tar.Header, name string, n node) error {
	h.ModTime = time.Unix(0, 0)
	if err := p.tree.add(name, n); err != nil {
		return err
	}
	return p.tar.WriteHeader(h)
}

func (p *packing) link(name string) error {
	target, err := p.root.Readlink(name)
	if err != nil {
		return err
	}
	if err := checkTarget(name, target, math.MaxInt); err != nil {
		return err
	}
	return p.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o755}, name, node{kind: link, target: target})
}

func (p *packing) file(name string) error {
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("pack %q: it changed while it was read", name)
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: 0o644}
	if info.Mode()&0o111 != 0 {
		h.Mode = 0o755
	}
	if err := p.header(h, name, node{kind: file}); err != nil {
		return err
	}
	_, err = io.CopyN(p.tar, f, info.Size())
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("pack %q: it shrank while it was read", name)
	}
	return err
}
