package archive

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
)

// Inspection passes an archive on while it is checked to be sound. Reading it fails as
// soon as the archive turns out bad, and ends only after a sound one.
type Inspection struct {
	next func() ([]byte, error, bool)
	stop func()
	rest []byte
}

// Inspect reads body as Check would. see is told of the regular files in the archive's
// order, when the inspection comes to each, and may be nil. Call Stop at the end.
func Inspect(ctx context.Context, body io.Reader, limits Limits, see func(File)) *Inspection {
	next, stop := iter.Pull2(func(yield func([]byte, error) bool) {
		passed := &passing{body: body, yield: yield}
		err := look(ctx, bufio.NewReaderSize(passed, 64<<10), limits, see)
		if passed.err != nil { // of the sender or of who stores, and no fault of the archive
			err = passed.err
		}
		if err != nil && !passed.stopped {
			yield(nil, err)
		}
	})
	return &Inspection{next: next, stop: stop}
}

func look(ctx context.Context, r io.Reader, limits Limits, see func(File)) error {
	for file, err := range Files(ctx, r, limits) {
		if err != nil {
			return err
		}
		if see != nil {
			see(file)
		}
	}
	return nil
}

// Stop ends the inspection, wherever it is.
func (i *Inspection) Stop() { i.stop() }

// Read implements io.Reader.
func (i *Inspection) Read(p []byte) (int, error) {
	for len(i.rest) == 0 {
		b, err, ok := i.next()
		if !ok {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		i.rest = b
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

// passing yields what it reads. A piece is of use until the next is asked for.
type passing struct {
	body    io.Reader
	yield   func([]byte, error) bool
	err     error // of the body
	stopped bool
}

// Read implements io.Reader.
func (p *passing) Read(b []byte) (int, error) {
	if p.stopped {
		return 0, io.ErrClosedPipe
	}
	n, err := p.body.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	if n > 0 && !p.yield(b[:n], nil) {
		p.stopped = true
		return 0, io.ErrClosedPipe
	}
	return n, err
}
