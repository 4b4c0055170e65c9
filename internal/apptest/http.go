package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Response is an answer that has been read.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body, which must be JSON.
func (r *Response) JSON() map[string]any {
	var v map[string]any
	_ = json.Unmarshal(r.Body, &v)
	return v
}

// Detail returns the details of the errors in the body, one a line.
func (r *Response) Detail() string {
	var doc struct {
		Errors []struct{ Title, Detail string }
	}
	_ = json.Unmarshal(r.Body, &doc)
	var lines []string
	for _, e := range doc.Errors {
		lines = append(lines, strings.TrimSpace(e.Title+": "+e.Detail))
	}
	return strings.Join(lines, "\n")
}

// Do sends a request and reads the answer. path may be an absolute address. body is
// nil, a string, []byte, an io.Reader, or something to encode as JSON. An empty
// token sends none.
func (s *Server) Do(method, path, token string, body any) *Response {
	s.tb.Helper()
	if !strings.Contains(path, "://") {
		path = s.URL + path
	}
	req, err := http.NewRequestWithContext(s.tb.Context(), method, path, reader(body))
	s.must(err)
	req.Header.Set("Content-Type", "application/vnd.api+json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return s.Send(req)
}

// Send sends any request and reads the answer; redirects are not followed.
func (s *Server) Send(req *http.Request) *Response {
	s.tb.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	s.must(err)
	return &Response{res.StatusCode, res.Header, b}
}

func reader(body any) io.Reader {
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	case io.Reader:
		return b
	default:
		out, _ := json.Marshal(b)
		return bytes.NewReader(out)
	}
}
