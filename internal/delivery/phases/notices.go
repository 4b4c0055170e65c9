package phases

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// ModuleUse is a version of a module of this server's registry that a plan uses.
type ModuleUse struct{ Namespace, Name, Provider, Version string }

// Limits of a manifest of modules: bytes, and versions that are looked up.
const (
	maxManifest = 4 << 20
	maxModules  = 1000
)

// notices are what people must know of the modules whose manifest the executor has put.
func (f *Feature) notices(ctx context.Context, j dispatch.Job) (io.ReadCloser, error) {
	manifest, err := f.Plans.Open(ctx, j.Subject, proto.Modules)
	if err != nil {
		return nil, err
	}
	uses, err := moduleUses(io.LimitReader(manifest, maxManifest), Host(f.Address(ctx)))
	if err = errors.Join(err, manifest.Close()); err != nil {
		return nil, problem.Unprocessable("The manifest of modules cannot be read.")
	}
	list := []proto.Notice{}
	if f.Notices != nil && len(uses) > 0 {
		if list, err = f.Notices(ctx, uses); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(list)
	return io.NopCloser(bytes.NewReader(b)), err
}

// moduleUses finds the modules of a registry in the manifest that engines write
// (.terraform/modules/modules.json), each version once.
func moduleUses(manifest io.Reader, host string) ([]ModuleUse, error) {
	var m struct {
		Modules []struct{ Source, Version string }
	}
	if err := json.NewDecoder(manifest).Decode(&m); err != nil {
		return nil, err
	}
	var uses []ModuleUse
	for _, module := range m.Modules {
		address, _, _ := strings.Cut(module.Source, "//")
		parts := strings.Split(address, "/")
		if module.Version == "" || len(parts) != 4 || !strings.EqualFold(parts[0], host) {
			continue
		}
		if use := (ModuleUse{parts[1], parts[2], parts[3], module.Version}); !slices.Contains(uses, use) && len(uses) < maxModules {
			uses = append(uses, use)
		}
	}
	return uses, nil
}
