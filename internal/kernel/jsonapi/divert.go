package jsonapi

import (
	"bufio"
	"errors"
	"io"
)

// Divert returns a reader of the JSON in r in which the string values of the named
// members are empty; the characters of each such string go to the writer of its
// name as they arrive, so that a value of any size costs no memory. It is meant for
// base64, which needs no unescaping beyond an occasional "\/". A second string of
// the same name makes the reader fail with ErrTwice.
//
// The caller must read to the end or close the reader, which stops the copying.
func Divert(r io.Reader, to map[string]io.Writer) io.ReadCloser {
	pr, pw := io.Pipe()
	d := &diverter{in: bufio.NewReaderSize(r, 64<<10), out: bufio.NewWriterSize(pw, 4<<10), to: to, done: map[string]bool{}}
	for name := range to {
		d.longest = max(d.longest, len(name))
	}
	go func() { pw.CloseWithError(d.run()) }()
	return pr
}

// ErrTwice means that a document has two strings to divert.
var ErrTwice = errors.New("jsonapi: the member occurs twice")

// diverter is a scanner that knows just enough JSON: strings, and which string is
// the key of the value that follows.
type diverter struct {
	in      *bufio.Reader
	out     *bufio.Writer
	to      map[string]io.Writer
	longest int // name in to

	key      []byte // the string being read, or the last one
	inString bool
	escaped  bool
	isKey    bool            // the string that just ended is a name in to
	colon    bool            // and a colon followed
	done     map[string]bool // names whose value was diverted
}

func (d *diverter) run() error {
	d.key = make([]byte, 0, 64)
	for {
		c, err := d.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return d.out.Flush()
		}
		if err != nil {
			return err
		}
		if err := d.out.WriteByte(c); err != nil {
			return err
		}
		switch {
		case d.inString:
			d.insideString(c)
		case c == '"' && d.isKey && d.colon:
			if err := d.value(); err != nil {
				return err
			}
		default:
			d.outsideString(c)
		}
	}
}

func (d *diverter) insideString(c byte) {
	switch {
	case d.escaped:
		d.escaped = false
		d.keep(c)
	case c == '\\':
		d.escaped = true
		d.keep(c)
	case c == '"':
		_, d.isKey = d.to[string(d.key)]
		d.inString, d.colon = false, false
	default:
		d.keep(c)
	}
}

// keep remembers enough of the string to compare it with the names.
func (d *diverter) keep(c byte) {
	if len(d.key) <= d.longest {
		d.key = append(d.key, c)
	}
}

func (d *diverter) outsideString(c byte) {
	switch c {
	case '"':
		d.inString, d.key = true, d.key[:0]
	case ':':
		d.colon = true
	case ' ', '\t', '\n', '\r':
	default:
		d.isKey = false
	}
}

// value copies a string up to its closing quote to the writer.
func (d *diverter) value() error {
	name := string(d.key)
	if d.done[name] {
		return ErrTwice
	}
	d.done[name], d.isKey = true, false
	for {
		b, err := d.in.ReadSlice('"')
		end := err == nil
		switch {
		case end:
			b = b[:len(b)-1]
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		if err := copyUnescaped(d.to[name], b); err != nil {
			return err
		}
		if end {
			return d.out.WriteByte('"')
		}
	}
}

// copyUnescaped leaves out backslashes: in base64 only "\/" occurs.
func copyUnescaped(w io.Writer, b []byte) error {
	for len(b) > 0 {
		i := 0
		for i < len(b) && b[i] != '\\' {
			i++
		}
		if _, err := w.Write(b[:i]); err != nil {
			return err
		}
		b = b[min(i+1, len(b)):]
	}
	return nil
}
