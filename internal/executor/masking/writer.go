package masking

import "io"

// Writer masks what is written to it. It is for one goroutine at a time.
type Writer struct {
	masker *Masker
	to     io.Writer
	held   []byte // text from position base on that is not written yet
	base   int64
	node   int32
	covers []cover // matches from base on, in order, apart from each other
	masked int64   // text up to here is covered by a Mask that was written
	out    []byte
}

// cover is a part of the text that is masked.
type cover struct{ from, to int64 }

// Write masks p. What may be the beginning of a value is held back until the next Write
// or Flush.
func (w *Writer) Write(p []byte) (int, error) {
	if len(w.masker.nodes) == 0 {
		return w.to.Write(p)
	}
	at := w.base + int64(len(w.held))
	w.held = append(w.held, p...)
	a, n := &w.masker.automaton, w.node
	for i, char := range p {
		n = a.next(n, char)
		if match := a.nodes[n].match; match > 0 {
			end := at + int64(i) + 1
			w.cover(end-int64(match), end)
		}
	}
	w.node = n
	if err := w.release(at + int64(len(p)) - int64(a.nodes[n].hold)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what was held back. What comes after it is a new text.
func (w *Writer) Flush() error {
	w.node = 0
	return w.release(w.base + int64(len(w.held)))
}

// cover notes a match. Matches come in the order of their ends.
func (w *Writer) cover(from, to int64) {
	for len(w.covers) > 0 && w.covers[len(w.covers)-1].to > from {
		from = min(from, w.covers[len(w.covers)-1].from)
		w.covers = w.covers[:len(w.covers)-1]
	}
	if from < w.masked {
		w.masked = to
		return
	}
	w.covers = append(w.covers, cover{from, to})
}

// release writes the text before end: no value that is still to be found begins there.
func (w *Writer) release(end int64) error {
	w.out = w.out[:0]
	for w.base < end {
		switch {
		case w.masked > w.base:
			w.drop(min(w.masked, end))
		case len(w.covers) > 0 && w.covers[0].from == w.base:
			w.out = append(w.out, Mask...)
			w.masked = w.covers[0].to
			w.covers = w.covers[1:]
		case len(w.covers) > 0:
			w.keep(min(w.covers[0].from, end))
		default:
			w.keep(end)
		}
	}
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	return err
}

// keep moves the text before end to out.
func (w *Writer) keep(end int64) {
	w.out = append(w.out, w.held[:end-w.base]...)
	w.drop(end)
}

// drop forgets the text before end.
func (w *Writer) drop(end int64) {
	rest := w.held[end-w.base:]
	if w.base = end; len(rest) == 0 {
		w.held = w.held[:0]
		return
	}
	w.held = rest
}
