package classify

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrTooLong is returned for a plan that is longer than Options.MaxBytes.
var ErrTooLong = errors.New("the plan is too long")

const (
	maxPlan   = 256 << 20
	maxPrefix = 64 << 10 // of warnings before the document
	maxDepth  = 200      // of what is walked token by token
)

// stream reads one JSON document member by member, so that only one element of an array is in
// memory at a time.
type stream struct {
	dec   *json.Decoder
	limit *io.LimitedReader
	depth int
}

// newStream skips what an engine prints before the document, such as warnings about its
// configuration: the document begins at the first line that begins with a brace.
func newStream(r io.Reader, limit int64) (*stream, error) {
	if limit <= 0 {
		limit = maxPlan
	}
	lr := &io.LimitedReader{R: r, N: limit + 1}
	br := bufio.NewReaderSize(lr, 32<<10)
	lineStart := true
	for range maxPrefix {
		c, err := br.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("no JSON document: %w", noEOF(err))
		}
		if c == '{' && lineStart {
			if err := br.UnreadByte(); err != nil {
				return nil, err
			}
			s := &stream{dec: json.NewDecoder(br), limit: lr}
			s.dec.UseNumber()
			return s, nil
		}
		lineStart = c == '\n' || c == '\r' || (lineStart && (c == ' ' || c == '\t'))
	}
	return nil, errors.New("no JSON document at the beginning")
}

// noEOF tells a document that ends too soon from the end of a stream.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fail adds to an error that the limit was reached, if it was.
func (s *stream) fail(err error) error {
	if err != nil && s.limit.N <= 0 {
		return ErrTooLong
	}
	return noEOF(err)
}

// object calls member for each member of the object that comes next; member must read the
// value. null is an object without members; anything else is skipped, as it would be by a
// reader that does not know it.
func (s *stream) object(member func(key string) error) error {
	return s.each('{', func() error {
		t, err := s.dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("a key of an object is %T", t)
		}
		return member(key)
	})
}

// array calls element for each element of the array that comes next; element must read it.
func (s *stream) array(element func() error) error { return s.each('[', element) }

func (s *stream) each(open json.Delim, read func() error) error {
	t, err := s.dec.Token()
	if err != nil {
		return s.fail(err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if delim != open {
		return s.skipRest(1)
	}
	if s.depth++; s.depth > maxDepth {
		return errors.New("the plan is nested too deeply")
	}
	defer func() { s.depth-- }()
	for s.dec.More() {
		if err := read(); err != nil {
			return s.fail(err)
		}
	}
	_, err = s.dec.Token()
	return s.fail(err)
}

// skip passes over the value that comes next.
func (s *stream) skip() error { return s.skipRest(0) }

// skipRest passes over tokens until so many open objects and arrays are closed.
func (s *stream) skipRest(open int) error {
	for {
		t, err := s.dec.Token()
		if err != nil {
			return s.fail(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open <= 0 {
			return nil
		}
	}
}

// value decodes the value that comes next.
func (s *stream) value(into any) error { return s.fail(s.dec.Decode(into)) }
