// Package protocol serves the module registry protocol, which "terraform init" and
// "tofu init" speak, and the rest of the registry's HTTP API for modules: lists, search,
// latest versions and what is known of a module.
//
// The surprising rule: a revoked version stays in the list of versions. Those who use it
// still install it; to everybody else its download says why not, in words that the
// command lines show.
//
// Source: "Module Registry Protocol" and "Registry API" of Terraform's documentation.
package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// Base is where the protocol is served, as the discovery document says it.
const Base = "/api/registry/v1/modules/"

// Feature serves the protocol.
type Feature struct {
	Modules *modules.Feature

	listed answers
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	const (
		named = "/{namespace}/{name}"
		one   = named + "/{provider}"
	)
	r, plain := r.At("/api/registry/v1/modules"), api.PlainErrors()
	api.Handle(r, "GET ", authz.SignedIn, api.Site, f.list, plain)
	api.Handle(r, "GET /search", authz.SignedIn, api.Site, f.search, plain)
	api.Handle(r, "GET /{namespace}", authz.ReadRegistry, f.findSpace, f.listOf, plain)
	api.Handle(r, "GET "+named, authz.ReadRegistry, api.Both(f.findNamed), f.latestOf, plain)
	api.Handle(r, "GET "+one, authz.ReadRegistry, api.Keys(f.find), f.latest, plain)
	api.Handle(r, "GET "+one+"/versions", authz.ReadRegistry, api.Keys(f.find), f.versions, plain)
	api.Handle(r, "GET "+one+"/download", authz.ReadRegistry, api.Keys(f.find), f.downloadLatest, plain, api.Status(http.StatusFound))
	api.Handle(r, "GET "+one+"/{version}", authz.ReadRegistry, api.Keys(f.findRelease), f.show, plain)
	api.Handle(r, "GET "+one+"/{version}/download", authz.ReadRegistry, api.Keys(f.findDownload), f.download, plain, api.Status(http.StatusNoContent))
}

func (f *Feature) find(ctx context.Context, keys []string) (modules.Published, error) {
	return f.Modules.FindPublished(ctx, keys[0], keys[1], keys[2])
}

func (f *Feature) findDownload(ctx context.Context, keys []string) (modules.Download, error) {
	return f.Modules.FindDownload(ctx, keys[0], keys[1], keys[2], keys[3])
}

type deprecation struct {
	Reason string `json:"reason"`
	Link   string `json:"link"`
}

type revocation struct {
	Message string `json:"message"`
	Link    string `json:"link"`
}

func deprecationOf(r modules.Release) *deprecation {
	if !r.Deprecated {
		return nil
	}
	return &deprecation{r.DeprecationReason, r.DeprecationLink}
}

func revocationOf(r modules.Release) *revocation {
	if !r.Revoked {
		return nil
	}
	return &revocation{r.RevocationMessage, r.RevocationLink}
}

// versions lists the versions that can be installed, oldest first. This is what command
// lines ask for most, so the answer is kept until the module changes.
func (f *Feature) versions(ctx context.Context, w http.ResponseWriter, _ *http.Request, m modules.Published) error {
	body, ok := f.listed.get(m)
	if !ok {
		var err error
		if body, err = f.listVersions(ctx, m); err != nil {
			return err
		}
		f.listed.put(m, body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that went away is no error of ours
	return nil
}

// listVersions makes the list of versions. Their outlines are JSON already and pass as
// they are.
func (f *Feature) listVersions(ctx context.Context, m modules.Published) ([]byte, error) {
	releases, err := f.Modules.Releases(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"modules":[{"source":%q,"versions":[`, address(m))
	for i, r := range releases {
		if i > 0 {
			body.WriteByte(',')
		}
		if err := writeListed(&body, r); err != nil {
			return nil, err
		}
	}
	body.WriteString("]}]}\n")
	return body.Bytes(), nil
}

// writeListed writes a version in the list of versions: its outline, and what its
// publisher has to say of it.
func writeListed(w *bytes.Buffer, r modules.Release) error {
	w.WriteString(`{"version":"` + r.Version + `",` + r.Outline[1:len(r.Outline)-1])
	if !r.Deprecated {
		w.WriteString(`,"deprecation":null}`)
		return nil
	}
	said, err := json.Marshal(struct {
		Deprecation *deprecation `json:"deprecation"`
		Revocation  *revocation  `json:"revocation,omitempty"`
	}{deprecationOf(r), revocationOf(r)})
	if err == nil {
		w.WriteByte(',')
		w.Write(said[1:])
	}
	return err
}

func address(m modules.Published) string {
	return m.Namespace() + "/" + m.Name + "/" + m.Provider
}

// download says where the archive is (204 and X-Terraform-Get). The query of the address
// is for the client's downloader alone: what the archive is, and what its content must
// be (go-getter, "Unarchiving" and "Checksumming").
func (f *Feature) download(ctx context.Context, w http.ResponseWriter, _ *http.Request, d modules.Download) error {
	at, err := f.Modules.Address(ctx, d)
	if err != nil {
		return err
	}
	w.Header().Set("X-Terraform-Get", at+"?archive=tar.gz&checksum=sha256:"+d.SHA256)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// downloadLatest redirects to the download of the newest version (302).
func (f *Feature) downloadLatest(_ context.Context, w http.ResponseWriter, _ *http.Request, m modules.Published) error {
	if m.Latest == "" {
		return noVersion(m)
	}
	w.Header().Set("Location", Base+url.PathEscape(m.Namespace())+"/"+url.PathEscape(m.Name)+"/"+url.PathEscape(m.Provider)+"/"+url.PathEscape(m.Latest)+"/download")
	w.WriteHeader(http.StatusFound)
	return nil
}
