package blob_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeS3 is one bucket of S3, as strict as the real one in what we use, and
// failing the test for anything else.
type fakeS3 struct {
	t      testing.TB
	url    string // for blob.Open
	bucket string

	mu      sync.Mutex
	objects map[string]entry
	uploads map[string]*upload
	serial  int
	broken  func(*http.Request) bool // requests to refuse with 400
	parts   int                      // parts received
}

type entry struct {
	body []byte
	at   time.Time
}

type upload struct {
	key   string
	parts map[int][]byte
}

func newFakeS3(t testing.TB) *fakeS3 {
	f := &fakeS3{t: t, bucket: "plumb", objects: map[string]entry{}, uploads: map[string]*upload{}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test-key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
	f.url = "s3://plumb?endpoint=" + strings.TrimPrefix(srv.URL, "http://") + "&region=eu-test-1&insecure=1&prefix=one/two"
	return f
}

// ServeHTTP implements http.Handler.
func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("Authorization")
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=test-key/") || !strings.Contains(auth, "/eu-test-1/s3/aws4_request") {
		refuse(w, http.StatusForbidden, "AccessDenied")
		return
	}
	body, err := payload(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil && f.broken(r) {
		refuse(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != f.bucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	f.serve(w, r, key, body)
}

func (f *fakeS3) serve(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	q := r.URL.Query()
	switch op := r.Method; {
	case op == "HEAD" && key == "":
	case op == "GET" && key == "" && q.Get("list-type") == "2":
		f.list(w, q.Get("prefix"), q.Get("continuation-token"))
	case op == "POST" && q.Has("uploads"):
		f.serial++
		name := "upload-" + strconv.Itoa(f.serial)
		f.uploads[name] = &upload{key, map[int][]byte{}}
		answer(w, "InitiateMultipartUploadResult", "<UploadId>"+name+"</UploadId>")
	case q.Has("uploadId"):
		f.multipart(w, r, key, body)
	case op == "PUT" && key != "" && len(q) == 0:
		f.objects[key] = entry{body, time.Now()}
		w.Header().Set("ETag", etag(body))
	case (op == "GET" || op == "HEAD") && key != "" && len(q) == 0:
		f.get(w, key)
	case op == "DELETE" && key != "" && len(q) == 0:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		f.t.Errorf("the store sent %s %s, which this S3 does not know", op, r.URL)
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (f *fakeS3) get(w http.ResponseWriter, key string) {
	e, ok := f.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", etag(e.body))
	w.Header().Set("Last-Modified", e.at.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", strconv.Itoa(len(e.body)))
	_, _ = w.Write(e.body)
}

// multipart receives a part, or ends an upload.
func (f *fakeS3) multipart(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	name := r.URL.Query().Get("uploadId")
	u, ok := f.uploads[name]
	if !ok || u.key != key {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch r.Method {
	case "PUT":
		n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
		if err != nil || n < 1 || n > 10000 {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		f.parts++
		u.parts[n] = body
		w.Header().Set("ETag", etag(body))
	case "DELETE":
		delete(f.uploads, name)
		w.WriteHeader(http.StatusNoContent)
	case "POST":
		f.complete(w, name, u, body)
	}
}

func (f *fakeS3) complete(w http.ResponseWriter, name string, u *upload, body []byte) {
	var in struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Part) == 0 {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	var whole []byte
	for i, p := range in.Part {
		part, ok := u.parts[p.PartNumber]
		switch {
		case !ok || strings.Trim(p.ETag, `"`) != strings.Trim(etag(part), `"`):
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		case i > 0 && p.PartNumber <= in.Part[i-1].PartNumber:
			refuse(w, http.StatusBadRequest, "InvalidPartOrder")
			return
		case i < len(in.Part)-1 && len(part) < 5<<20:
			refuse(w, http.StatusBadRequest, "EntityTooSmall")
			return
		}
		whole = append(whole, part...)
	}
	f.objects[u.key] = entry{whole, time.Now()}
	delete(f.uploads, name)
	answer(w, "CompleteMultipartUploadResult", "<Bucket>"+f.bucket+"</Bucket><Key>"+u.key+"</Key><ETag>"+etag(whole)+"</ETag>")
}

// list gives three objects a page.
func (f *fakeS3) list(w http.ResponseWriter, prefix, after string) {
	var b strings.Builder
	n, last := 0, ""
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if n == 3 {
			fmt.Fprintf(&b, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", last)
			break
		}
		e := f.objects[key]
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%d</Size></Contents>", key, e.at.UTC().Format(time.RFC3339Nano), len(e.body))
		n, last = n+1, key
	}
	answer(w, "ListBucketResult", b.String())
}

// payload reads the body, which the client sends in signed chunks over plain HTTP.
func payload(r *http.Request) ([]byte, error) {
	if r.Header.Get("X-Amz-Content-Sha256") != "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" {
		return io.ReadAll(r.Body)
	}
	in, whole := bufio.NewReader(r.Body), []byte{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, ok := strings.Cut(line, ";chunk-signature=")
		n, err := strconv.ParseInt(size, 16, 32)
		if !ok || err != nil {
			return nil, fmt.Errorf("bad chunk %q", line)
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in, chunk); err != nil || !bytes.HasSuffix(chunk, []byte("\r\n")) {
			return nil, fmt.Errorf("bad end of chunk: %w", err)
		}
		if whole = append(whole, chunk[:n]...); n == 0 {
			break
		}
	}
	if r.Header.Get("X-Amz-Decoded-Content-Length") != strconv.Itoa(len(whole)) {
		return nil, io.ErrUnexpectedEOF
	}
	return whole, nil
}

func answer(w http.ResponseWriter, name, inner string) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%s>`, name, inner, name)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func etag(b []byte) string {
	sum := md5.Sum(b)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}
