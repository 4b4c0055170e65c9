package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
)

// bases remembers where registries have their services.
type bases struct {
	mu   sync.Mutex
	of   map[string]*url.URL
	till map[string]time.Time
}

// base finds where a registry has its providers.
func (f *Feature) base(ctx context.Context, host string) (*url.URL, error) {
	return f.service(ctx, host, "providers.v1")
}

// service finds where a host has a service (remote service discovery).
func (f *Feature) service(ctx context.Context, host, name string) (*url.URL, error) {
	key := host + " " + name
	f.bases.mu.Lock()
	known, fresh := f.bases.of[key], time.Now().Before(f.bases.till[key])
	f.bases.mu.Unlock()
	if known != nil && fresh {
		return known, nil
	}
	at, err := url.Parse("https://" + host + "/.well-known/terraform.json")
	if err != nil {
		return nil, err
	}
	var services map[string]any
	if err := f.getJSON(ctx, at, &services); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	address, _ := services[name].(string)
	if address == "" {
		return nil, problem.Unprocessable("%s has no service %s.", host, name)
	}
	base, err := at.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if base.Path == "" {
		base.Path = "/"
	}
	f.bases.mu.Lock()
	defer f.bases.mu.Unlock()
	if f.bases.of == nil {
		f.bases.of, f.bases.till = map[string]*url.URL{}, map[string]time.Time{}
	}
	f.bases.of[key], f.bases.till[key] = base, time.Now().Add(time.Hour)
	return base, nil
}

// fetchListing asks a registry for the versions of a provider.
func (f *Feature) fetchListing(ctx context.Context, a Address) (listing, error) {
	var l listing
	base, err := f.base(ctx, a.Hostname)
	if err != nil {
		return l, err
	}
	return l, f.getJSON(ctx, base.JoinPath(a.Namespace, a.Type, "versions"), &l)
}

// offer is how a registry describes an archive.
type offer struct {
	at           *url.URL // of this answer, to which addresses may be relative
	Filename     string   `json:"filename"`
	DownloadURL  string   `json:"download_url"`
	ShasumsURL   string   `json:"shasums_url"`
	SignatureURL string   `json:"shasums_signature_url"`
	SigningKeys  struct {
		GPG []struct {
			KeyID      string `json:"key_id"`
			ASCIIArmor string `json:"ascii_armor"`
		} `json:"gpg_public_keys"`
	} `json:"signing_keys"`
}

func (f *Feature) fetchOffer(ctx context.Context, a Address, version, os, arch string) (offer, error) {
	var o offer
	base, err := f.base(ctx, a.Hostname)
	if err != nil {
		return o, err
	}
	o.at = base.JoinPath(a.Namespace, a.Type, version, "download", os, arch)
	return o, f.getJSON(ctx, o.at, &o)
}

// fetchShasums gets the checksums of a version and verifies that a key of its registry
// signed them. It returns them with the id of that key.
func (f *Feature) fetchShasums(ctx context.Context, a Address, version, os, arch string) (shasums, keyID string, err error) {
	o, err := f.fetchOffer(ctx, a, version, os, arch)
	if err != nil {
		return "", "", err
	}
	if len(o.SigningKeys.GPG) == 0 {
		return "", "", problem.Unprocessable("%s %s is not signed: its registry names no key. The mirror takes nothing that it cannot verify.", a, version)
	}
	document, err := f.getFile(ctx, o.at, o.ShasumsURL)
	if err != nil {
		return "", "", err
	}
	signature, err := f.getFile(ctx, o.at, o.SignatureURL)
	if err != nil {
		return "", "", err
	}
	for _, key := range o.SigningKeys.GPG {
		if err = gpgkeys.Verify(key.ASCIIArmor, document, signature); err == nil {
			return string(document), key.KeyID, nil
		}
	}
	why := err.Error()
	if p, ok := problem.From(err); ok {
		why = p.Detail
	}
	return "", "", problem.Unprocessable("The checksums of %s %s are not genuine, and the mirror refuses them. %s", a, version, why)
}

// fetchArchive gets an archive, verifies it and keeps it.
func (f *Feature) fetchArchive(ctx context.Context, a Address, version, os, arch string, want file) (blob.Object, error) {
	o, err := f.fetchOffer(ctx, a, version, os, arch)
	if err != nil {
		return blob.Object{}, err
	}
	at, err := o.at.Parse(o.DownloadURL)
	if err != nil {
		return blob.Object{}, err
	}
	res, err := get(ctx, f.Archives.Do, at)
	if err != nil {
		return blob.Object{}, err
	}
	defer func() { _ = res.Body.Close() }()
	return f.store(ctx, res.Body, want)
}

// getFile gets a small file.
func (f *Feature) getFile(ctx context.Context, base *url.URL, address string) ([]byte, error) {
	at, err := base.Parse(address)
	if err != nil {
		return nil, err
	}
	res, err := get(ctx, f.Documents.Do, at)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return io.ReadAll(res.Body) // bounded by the client
}

// getJSON reads an answer of a registry into v.
func (f *Feature) getJSON(ctx context.Context, at *url.URL, v any) error {
	res, err := get(ctx, f.Documents.Do, at)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		return fmt.Errorf("%s gives no valid JSON: %w", at.Host, err)
	}
	return nil
}

// get makes a request that must succeed. What a registry does not have is problem.NotFound.
func get(ctx context.Context, do func(context.Context, *http.Request) (*http.Response, error), at *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := do(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	err = fmt.Errorf("%s answers %s", at.Host, res.Status)
	if res.StatusCode == http.StatusNotFound {
		err = problem.NotFound
	}
	return nil, errors.Join(err, res.Body.Close())
}
