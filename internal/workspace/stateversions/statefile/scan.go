package statefile

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep containers may be nested. encoding/json, with which engines
// read their states, has 10,000; no provider comes near either.
const maxDepth = 1000

// maxKey is how much of a member's name is kept.
const maxKey = 4096

// mode is what the scanner expects next.
type mode uint8

const (
	atStart       mode = iota // the root's "{"
	atValue                   // a value
	atFirstValue              // a value or "]"
	atKey                     // a member's name
	atFirstKey                // a member's name or "}"
	atColon                   // ":"
	atNext                    // "," or the end of the container
	atEnd                     // white space only
	inString                  // characters
	inEscape                  // the character after a backslash
	inHex                     // the hexadecimal digits of \u
	inLiteral                 // the rest of true, false or null
	afterMinus                // numbers: a digit
	afterZero                 // numbers: anything but a digit
	inInteger                 // numbers: more digits, a fraction, an exponent
	afterPoint                // numbers: a digit
	inFraction                // numbers: more digits, an exponent
	afterExponent             // numbers: a sign or a digit
	afterSign                 // numbers: a digit
	inExponent                // numbers: more digits
)

// lexer checks JSON (RFC 8259) byte by byte, whatever the pieces it comes in, and
// tells its Scanner where values begin and end.
type lexer struct {
	mode    mode
	stack   []byte // the open containers: '{' or '['
	key     []byte // the last member's name, raw, without its quotes
	isKey   bool   // the string being read is a member's name
	escaped bool   // and has a backslash
	hex     int    // digits of \u still to come
	rest    string // of a literal
}

// plain tells the bytes of strings that end no run: not a quote, a backslash or a
// control character.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return t
}()

var errCut = errors.New("it ends too early")

func unexpected(c byte) error {
	if c < utf8.RuneSelf && c >= 0x20 {
		return fmt.Errorf("unexpected %q", rune(c))
	}
	return fmt.Errorf("unexpected byte 0x%02x", c)
}

// step consumes at least one byte of p from i on and returns where it stopped.
func (s *Scanner) step(p []byte, i int) (int, error) {
	switch s.mode {
	case inString:
		return s.characters(p, i)
	case inEscape, inHex:
		return i + 1, s.escape(p[i])
	case inLiteral:
		if p[i] != s.rest[0] {
			return i, unexpected(p[i])
		}
		if s.rest = s.rest[1:]; s.rest == "" {
			return i + 1, s.endValue(p, i+1)
		}
		return i + 1, nil
	case atStart, atValue, atFirstValue, atKey, atFirstKey, atColon, atNext, atEnd:
		switch p[i] {
		case ' ', '\t', '\n', '\r':
			return i + 1, nil
		}
		return i + 1, s.structure(p, i)
	default:
		return s.number(p, i)
	}
}

// structure handles what is between the inner parts of scalars.
func (s *Scanner) structure(p []byte, i int) error {
	c := p[i]
	switch s.mode {
	case atStart:
		if c != '{' {
			return errors.New("it is no JSON object")
		}
		return s.open(c)
	case atFirstKey, atKey:
		switch {
		case c == '"':
			s.mode, s.isKey, s.escaped, s.key = inString, true, false, s.key[:0]
			return nil
		case c == '}' && s.mode == atFirstKey:
			return s.close(p, i)
		}
		return unexpected(c)
	case atColon:
		if c != ':' {
			return unexpected(c)
		}
		s.mode = atValue
		return nil
	case atNext:
		return s.next(p, i)
	case atFirstValue:
		if c == ']' {
			return s.close(p, i)
		}
		return s.value(c, i)
	case atValue:
		return s.value(c, i)
	default:
		return unexpected(c)
	}
}

// next handles a comma or the end of a container.
func (s *Scanner) next(p []byte, i int) error {
	object := s.stack[len(s.stack)-1] == '{'
	switch c := p[i]; {
	case c == ',' && object:
		s.mode = atKey
	case c == ',':
		s.mode = atValue
	case c == '}' && object, c == ']' && !object:
		return s.close(p, i)
	default:
		return unexpected(c)
	}
	return nil
}

// value begins a value with its first byte.
func (s *Scanner) value(c byte, i int) error {
	if err := s.begin(c, i); err != nil {
		return err
	}
	switch {
	case c == '{' || c == '[':
		return s.open(c)
	case c == '"':
		s.mode, s.isKey = inString, false
	case c == 't':
		s.mode, s.rest = inLiteral, "rue"
	case c == 'f':
		s.mode, s.rest = inLiteral, "alse" //nolint:misspell // "false" after its first letter
	case c == 'n':
		s.mode, s.rest = inLiteral, "ull"
	case c == '-':
		s.mode = afterMinus
	case c == '0':
		s.mode = afterZero
	case c >= '1' && c <= '9':
		s.mode = inInteger
	default:
		return unexpected(c)
	}
	return nil
}

func (s *Scanner) open(c byte) error {
	if len(s.stack) == maxDepth {
		return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	s.stack = append(s.stack, c)
	s.mode = atFirstKey
	if c == '[' {
		s.mode = atFirstValue
	}
	return nil
}

// close ends the innermost container, whose last byte is p[i].
func (s *Scanner) close(p []byte, i int) error {
	s.stack = s.stack[:len(s.stack)-1]
	return s.endValue(p, i+1)
}

// endValue ends a value whose last byte is before p[i].
func (s *Scanner) endValue(p []byte, i int) error {
	if len(s.stack) == 0 {
		s.mode = atEnd
		return nil
	}
	s.mode = atNext
	return s.end(p, i)
}

// characters reads a string up to its end, a backslash or the end of p.
func (s *Scanner) characters(p []byte, i int) (int, error) {
	j := i
	for j < len(p) && plain[p[j]] {
		j++
	}
	if s.isKey {
		s.keepKey(p[i:j])
	}
	if j == len(p) {
		return j, nil
	}
	switch p[j] {
	case '\\':
		s.mode = inEscape
		if s.isKey {
			s.escaped = true
			s.keepKey(p[j : j+1])
		}
		return j + 1, nil
	case '"':
		if s.isKey {
			s.mode = atColon
			return j + 1, nil
		}
		return j + 1, s.endValue(p, j+1)
	default:
		return j, unexpected(p[j])
	}
}

func (s *Scanner) escape(c byte) error {
	if s.isKey {
		s.keepKey([]byte{c})
	}
	if s.mode == inHex {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return unexpected(c)
		}
		if s.hex--; s.hex == 0 {
			s.mode = inString
		}
		return nil
	}
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.mode = inString
	case 'u':
		s.mode, s.hex = inHex, 4
	default:
		return unexpected(c)
	}
	return nil
}

// keepKey keeps one byte more than maxKey at most, so that a long name equals none.
func (s *Scanner) keepKey(b []byte) {
	s.key = append(s.key, b[:min(len(b), maxKey+1-len(s.key))]...)
}

// number reads on in a number; a byte that does not belong to it is left.
func (s *Scanner) number(p []byte, i int) (int, error) {
	for ; i < len(p); i++ {
		next, ok := digit(s.mode, p[i])
		if !ok {
			break
		}
		s.mode = next
	}
	if i == len(p) {
		return i, nil
	}
	switch s.mode {
	case afterZero, inInteger, inFraction, inExponent:
		return i, s.endValue(p, i)
	default:
		return i, unexpected(p[i])
	}
}

// digit returns the mode after c in a number, if c may stand there.
func digit(m mode, c byte) (mode, bool) {
	isDigit := c >= '0' && c <= '9'
	switch m {
	case afterMinus:
		if c == '0' {
			return afterZero, true
		}
		return inInteger, isDigit
	case afterZero, inInteger:
		switch {
		case isDigit:
			return inInteger, m == inInteger
		case c == '.':
			return afterPoint, true
		}
		return afterExponent, c == 'e' || c == 'E'
	case afterPoint, inFraction:
		if m == inFraction && (c == 'e' || c == 'E') {
			return afterExponent, true
		}
		return inFraction, isDigit
	case afterExponent:
		if c == '+' || c == '-' {
			return afterSign, true
		}
		return inExponent, isDigit
	default:
		return inExponent, isDigit
	}
}
