// Package archive reads and writes tar.gz archives that strangers made:
// configurations, modules, policy sets.
//
// An archive holds files, folders and relative symbolic links that stay inside;
// anything else refuses the whole archive, with a problem that names the entry. The
// surprising rule: links are made last, when every entry is known, so nothing is ever
// written through one.
package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
)

// Limits bounds an archive. A zero field means its default.
type Limits struct {
	Bytes   int64 // size of all files unpacked, 500 MiB
	Entries int   // entries of the archive, and files, folders and links unpacked, 100,000
	PathLen int   // length of a path or of a link's target in bytes, 1,024
	Ratio   int64 // unpacked to packed size, looked at above 10 MiB unpacked, 200
}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = 500 << 20
	}
	if l.Entries == 0 {
		l.Entries = 100_000
	}
	if l.PathLen == 0 {
		l.PathLen = 1024
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	return l
}

// File is a regular file of an archive. Its content can be read until the next file
// is asked for; unread content is skipped.
type File struct {
	Path string      // clean, relative, with slashes
	Mode fs.FileMode // 0755 or 0644
	Size int64       // bytes
	io.Reader
}

// Check reads a whole archive and refuses what Unpack would refuse.
func Check(ctx context.Context, r io.Reader, limits Limits) error {
	return look(ctx, r, limits, nil)
}

// Files yields the regular files of an archive in its order; a path may come twice, and
// the last counts. An error is the last thing it yields. The rules are those of Unpack,
// but an archive is known to be sound only when the loop has come to its end.
func Files(ctx context.Context, r io.Reader, limits Limits) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		s, err := newScan(ctx, r, limits)
		for err == nil {
			var e entry
			if e, err = s.next(); err != nil || e.kind != file {
				continue
			}
			if !yield(File{Path: e.path, Mode: e.mode, Size: e.size, Reader: s}, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(File{}, err)
		}
	}
}
