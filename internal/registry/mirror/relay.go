package mirror

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// PublicPath is where questions about public modules and providers are passed on (registry
// modules and providers pages, "Registry Implementation").
const PublicPath = "/api/registry/public/v1"

// PublicHost is the registry that they are passed on to.
const PublicHost = "registry.terraform.io"

func (f *Feature) relayRoutes(r *api.Router) {
	const module, provider = "/modules/{namespace}/{name}/{provider}", "/providers/{namespace}/{type}"
	p := r.At(PublicPath)
	for path, service := range map[string]string{
		module: "modules.v1", module + "/versions": "modules.v1", module + "/{version}": "modules.v1",
		provider + "/versions": "providers.v1", provider + "/{version}/download/{os}/{arch}": "providers.v1",
	} {
		api.Handle(p, "GET "+path, authz.SignedIn, api.Site, f.relay(path, service), api.PlainErrors())
	}
}

// relay passes a question on to the public registry, and its answer back.
func (f *Feature) relay(path, service string) func(context.Context, http.ResponseWriter, *http.Request, authz.Site) error {
	return func(ctx context.Context, w http.ResponseWriter, req *http.Request, _ authz.Site) error {
		if !slices.Contains(f.Origins, PublicHost) {
			return f.checkOrigin(Address{Hostname: PublicHost})
		}
		at, err := f.service(ctx, PublicHost, service)
		if err != nil {
			return relayed(err)
		}
		parts, err := filled(path, req)
		if err != nil {
			return err
		}
		res, err := get(ctx, f.Documents.Do, at.JoinPath(parts...))
		if err != nil {
			return relayed(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body) // bounded by the client
		if err != nil {
			return relayed(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // a client that went away is no error of ours
		return nil
	}
}

var (
	wildcards = regexp.MustCompile(`[^/]+`)
	relayable = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_.+-]{0,127}$`)
)

// filled are the parts of a path below the service, with those of the request.
func filled(path string, req *http.Request) ([]string, error) {
	parts := wildcards.FindAllString(path, -1)[1:]
	for i, part := range parts {
		if part[0] != '{' {
			continue
		}
		if parts[i] = req.PathValue(part[1 : len(part)-1]); !relayable.MatchString(parts[i]) {
			return nil, problem.NotFound
		}
		parts[i] = url.PathEscape(parts[i])
	}
	return parts, nil
}

// relayed says that the public registry failed; what it does not have is not found.
func relayed(err error) error {
	if _, ok := problem.From(err); ok {
		return err
	}
	return &problem.Problem{Status: http.StatusBadGateway, Title: "bad gateway", Detail: "The public registry " + PublicHost + " does not answer as it should: " + err.Error()}
}
