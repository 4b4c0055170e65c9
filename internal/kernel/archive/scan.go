package archive

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// scan reads the entries of an archive and holds them to the rules.
type scan struct {
	limits  Limits
	packed  *source
	stream  *meter
	tar     *tar.Reader
	tree    *tree
	entries int
	bytes   int64
}

// entry is an entry that keeps the rules.
type entry struct {
	path string
	kind kind
	mode fs.FileMode
	size int64
}

func newScan(ctx context.Context, r io.Reader, limits Limits) (*scan, error) {
	s := &scan{limits: limits.orDefault(), packed: &source{r: r}}
	s.tree = newTree(s.limits.Entries)
	z, err := gzip.NewReader(s.packed)
	switch {
	case errors.Is(err, io.EOF):
		return nil, problem.Unprocessable("archive is empty")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, problem.Unprocessable("archive is not a gzip file; send a .tar.gz")
	case err != nil:
		return nil, err
	}
	s.stream = &meter{ctx: ctx, r: z, packed: s.packed, ratio: s.limits.Ratio, max: streamLimit(s.limits)}
	s.tar = tar.NewReader(s.stream)
	return s, nil
}

// streamLimit bounds the tar stream, which holds more than files: each entry may have
// a header, extended headers and padding. Headers without an entry count here only.
func streamLimit(l Limits) int64 {
	overhead := 8192*int64(l.Entries) + 1<<20
	if l.Bytes > math.MaxInt64-overhead {
		return math.MaxInt64
	}
	return l.Bytes + overhead
}

// next returns the next entry, or io.EOF when the archive is whole and keeps every rule.
func (s *scan) next() (entry, error) {
	for {
		h, err := s.tar.Next()
		if errors.Is(err, io.EOF) {
			return entry{}, s.end()
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // paths are checked below
			return entry{}, s.fault(err)
		}
		if s.entries++; s.entries > s.limits.Entries {
			return entry{}, tooMany(s.limits.Entries)
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // what git archive puts first
			continue
		}
		e, err := s.check(h)
		if err != nil || e.path != "." {
			return e, err
		}
	}
}

// check turns a header into an entry, or refuses it. The path "." is the folder itself.
func (s *scan) check(h *tar.Header) (entry, error) {
	name, err := cleanPath(h.Name, s.limits.PathLen)
	if err != nil {
		return entry{}, err
	}
	e := entry{path: name, mode: 0o644}
	if h.Mode&0o111 != 0 {
		e.mode = 0o755
	}
	switch h.Typeflag {
	case tar.TypeReg:
		e.kind, e.size = file, h.Size
	case tar.TypeDir:
		e.kind, e.mode = folder, 0o755
	case tar.TypeSymlink:
		e.kind = link
	default:
		return entry{}, problem.Unprocessable("archive entry %q is %s; only files, folders and symbolic links are accepted", short(h.Name), typeName(h.Typeflag))
	}
	if name == "." && e.kind != folder {
		return entry{}, problem.Unprocessable("archive entry %q has no name", short(h.Name))
	}
	if isSparse(h) {
		return entry{}, problem.Unprocessable("archive entry %q is a sparse file; pack it as an ordinary one", short(h.Name))
	}
	if e.size > s.limits.Bytes-s.bytes {
		return entry{}, problem.Unprocessable("archive holds more than %d bytes unpacked", s.limits.Bytes)
	}
	s.bytes += e.size
	if e.kind == link {
		if err := checkTarget(name, h.Linkname, s.limits.PathLen); err != nil {
			return entry{}, err
		}
	}
	if name == "." {
		return e, nil
	}
	return e, s.tree.add(name, node{kind: e.kind, target: h.Linkname})
}

// Read reads the content of the current entry; File exposes it.
func (s *scan) Read(p []byte) (int, error) {
	n, err := s.tar.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.fault(err)
	}
	return n, err
}

// end reads to the end of the gzip stream, where its checksum is, and checks the links.
func (s *scan) end() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.stream.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 || errors.Is(err, gzip.ErrHeader) {
			return problem.Unprocessable("archive has data after its end")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.fault(err)
		}
	}
	if err := s.tree.checkLinks(); err != nil {
		return err
	}
	return io.EOF
}

// fault tells what is wrong with the archive, or returns the error that is not its fault.
func (s *scan) fault(err error) error {
	var corrupt flate.CorruptInputError
	switch _, isProblem := problem.From(err); {
	case isProblem:
		return err
	case s.packed.err != nil:
		return s.packed.err
	case s.stream.ctx.Err() != nil:
		return s.stream.ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return problem.Unprocessable("archive is cut off")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return problem.Unprocessable("archive is damaged: its gzip stream is not valid")
	case s.entries == 0:
		return problem.Unprocessable("archive is not a tar file inside; send a .tar.gz")
	}
	return problem.Unprocessable("archive is damaged: its tar stream is not valid after %d entries", s.entries)
}

// cleanPath returns a relative path without dots, or "." for the folder itself.
func cleanPath(name string, maxLen int) (string, error) {
	if len(name) > maxLen {
		return "", problem.Unprocessable("archive entry %q has a path longer than %d bytes", short(name), maxLen)
	}
	if strings.HasPrefix(name, "/") {
		return "", problem.Unprocessable("archive entry %q has an absolute path", short(name))
	}
	if strings.ContainsRune(name, 0) {
		return "", problem.Unprocessable("archive entry %q has a NUL in its name", short(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", problem.Unprocessable("archive entry %q leaves the folder", short(name))
		}
		if len(part) > 255 { // NAME_MAX of every usual filesystem
			return "", problem.Unprocessable("archive entry %q has a name longer than 255 bytes", short(name))
		}
	}
	return path.Clean(name), nil
}

func tooMany(n int) error {
	return problem.Unprocessable("archive has more than %d entries", n)
}

// isSparse finds both encodings: GNU's own and that in PAX records.
func isSparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func typeName(flag byte) string {
	switch flag {
	case tar.TypeLink:
		return "a hard link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a named pipe"
	case tar.TypeGNUSparse:
		return "a sparse file"
	}
	return "of an unknown type"
}

// short cuts a name for a message.
func short(name string) string {
	if len(name) <= 100 {
		return name
	}
	return name[:97] + "..."
}

// source counts the packed bytes and keeps the error of the underlying reader apart
// from those of the formats.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}

// meter counts the unpacked stream and stops a bomb.
type meter struct {
	ctx    context.Context
	r      io.Reader
	packed *source
	ratio  int64
	max    int64
	n      int64
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.n > m.max {
		return 0, problem.Unprocessable("archive unpacks to more than %d bytes", m.max)
	}
	if m.n > 10<<20 && m.n/m.ratio > m.packed.n {
		return 0, problem.Unprocessable("archive unpacks to more than %d times its size", m.ratio)
	}
	return n, err
}
