package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// ObjectKind is what happens at the signed addresses of a kind of object. Clients
// call them without a token: the address is the secret, and it is in the path, because
// log readers replace the query (go-tfe, logreader.go).
type ObjectKind struct {
	// Put receives an upload; it must limit what it reads.
	Put func(ctx context.Context, id string, body io.Reader) error
	// Get answers a download.
	Get func(ctx context.Context, w http.ResponseWriter, req *http.Request, id string) error
}

// How long signed addresses hold.
const (
	GetTTL = 25 * time.Minute
	PutTTL = time.Hour
)

const objectBase = "/_archivist/v1/object/"

// Object says what happens at the signed addresses of a kind. kind has no space.
func (r *Router) Object(kind string, k ObjectKind) { r.objects[kind] = k }

// ServeObjects registers the routes of signed addresses.
func (r *Router) ServeObjects() {
	root := r.At("")
	token := func(method string, h func(ctx context.Context, w http.ResponseWriter, req *http.Request, g grant) error) {
		root.handle(Route{Method: method, Path: objectBase + "{token}", Needs: authz.Anyone, Scope: "signed", Status: 200}, settle(nil), guard(settle(nil), Site),
			func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
				g, err := r.open(method, req.PathValue("token"))
				if err != nil {
					return err
				}
				return h(ctx, w, req, g)
			})
	}
	token("PUT", func(ctx context.Context, w http.ResponseWriter, req *http.Request, g grant) error {
		if err := r.objects[g.kind].Put(ctx, g.id, req.Body); err != nil {
			return bodyError500(err)
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
	token("GET", func(ctx context.Context, w http.ResponseWriter, req *http.Request, g grant) error {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Disposition", "attachment")
		w.Header().Set("Cache-Control", "private, no-store")
		return r.objects[g.kind].Get(ctx, w, req, g.id)
	})
}

// bodyError500 keeps an upload that the client broke off from being a fault of ours.
func bodyError500(err error) error {
	if _, ok := problem.From(err); ok {
		return err
	}
	if bad, ok := problem.From(bodyError(err, 0)); ok && bad.Detail != "The request body cannot be read." {
		return bad
	}
	return err
}

type grant struct{ kind, id string }

// Sign returns an address at which the object id of the kind can be read ("GET") or
// written ("PUT") without a token until the time to live has passed. Within a
// request the address is that of the server as the client knows it.
func (r *Router) Sign(ctx context.Context, method, kind, id string, ttl time.Duration) string {
	// A day's grid keeps the address of one object equal for a while, so that answers can be compared.
	expiry := time.Now().Add(ttl).Truncate(time.Minute).Add(time.Minute).Unix()
	payload := binary.BigEndian.AppendUint64(nil, uint64(expiry))
	payload = append(payload, method+" "+kind+" "+id...)
	mac := r.mac(payload)
	token := base64.RawURLEncoding.EncodeToString(append(payload, mac...))
	base := r.PublicURL
	if c := callOf(ctx); base == "" && c != nil {
		base = r.Address(c.req)
	}
	return base + objectBase + token
}

func (r *Router) mac(payload []byte) []byte {
	h := hmac.New(sha256.New, r.SigningKey)
	h.Write(payload)
	return h.Sum(nil)
}

// open checks a token that Sign made.
func (r *Router) open(method, token string) (grant, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 8+sha256.Size {
		return grant{}, problem.NotFound
	}
	payload, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, r.mac(payload)) {
		return grant{}, problem.NotFound
	}
	if expiry := binary.BigEndian.Uint64(payload); uint64(time.Now().Unix()) > expiry {
		return grant{}, problem.Denied("The signed address has expired. Read the resource again for a new one.")
	}
	parts := strings.SplitN(string(payload[8:]), " ", 3)
	if len(parts) != 3 || parts[0] != method {
		return grant{}, problem.NotFound
	}
	k, ok := r.objects[parts[1]]
	if !ok || (method == "PUT" && k.Put == nil) || (method == "GET" && k.Get == nil) {
		return grant{}, problem.NotFound
	}
	return grant{parts[1], parts[2]}, nil
}
