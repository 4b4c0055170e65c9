package logs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// sent is the text of the events of a log that comes in pieces.
func sent(t *testing.T, log []byte, sizes []byte) string {
	t.Helper()
	rec := httptest.NewRecorder()
	s := &sending{w: rec, flush: http.NewResponseController(rec), alive: time.Now()}
	for i := 0; ; i++ {
		n := len(log)
		if i < len(sizes) {
			n = min(n, int(sizes[i]))
		}
		ended, err := s.send(piece{log[:n], n == len(log)})
		if err != nil {
			t.Fatal(err)
		}
		if log = log[n:]; ended {
			break
		}
	}
	var text strings.Builder
	for line := range strings.Lines(rec.Body.String()) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var part string
			if err := json.Unmarshal([]byte(data), &part); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			text.WriteString(part)
		}
	}
	return text.String()
}

// FuzzFollowersGetTheSameTextInAnyPieces: characters that lie across pieces stay whole.
func FuzzFollowersGetTheSameTextInAnyPieces(f *testing.F) {
	f.Add([]byte("\x02one ü\n世界\x03"), []byte{1, 5, 1, 0, 3, 1, 1})
	f.Add([]byte("\x02\xff\xfe\xf0\x9f\x98\x03"), []byte{1, 1, 1, 1, 1, 1})
	f.Add([]byte("\x02\xf0\x9f\x98\x80\x03"), []byte{2, 1, 1, 1})
	f.Fuzz(func(t *testing.T, log, sizes []byte) {
		if whole, parts := sent(t, log, nil), sent(t, log, sizes); whole != parts {
			t.Errorf("in pieces of %v = %q, want %q", sizes, parts, whole)
		}
	})
}
