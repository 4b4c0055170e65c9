package recipe

import (
	"encoding/json"
	"io"
	"log/slog"
	"path"
	"strings"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// manifest is where engines keep which modules they have installed.
const manifest = ".terraform/modules/modules.json"

// warn logs what the server knows of the versions of modules that the configuration uses,
// such as that one is deprecated. A plan without these warnings is still a plan.
func (p *plan) warn() error {
	if !p.usesRegistry() {
		return nil
	}
	var notices []proto.Notice
	err := p.t.Put(p.ctx, proto.Modules, path.Join(p.in, manifest))
	if err == nil {
		err = p.t.Fetch(p.ctx, proto.Notices, func(body io.Reader) error { return json.NewDecoder(io.LimitReader(body, noticesSize)).Decode(&notices) })
	}
	if err != nil {
		if !worker.IsAbsent(err) { // a server that knows of no notices
			slog.WarnContext(p.ctx, "what the server knows of modules is not known", "job", p.t.Job.ID, "err", err)
		}
		return nil
	}
	for _, n := range notices {
		p.print(n)
	}
	return nil
}

const noticesSize = 4 << 20 // bytes that are read

// usesRegistry says whether a module is of a registry: only those have versions.
func (p *plan) usesRegistry() bool {
	var m struct{ Modules []struct{ Version string } }
	if json.Unmarshal(p.read(path.Join(p.in, manifest), noticesSize), &m) != nil {
		return false // there is none
	}
	for _, module := range m.Modules {
		if module.Version != "" {
			return true
		}
	}
	return false
}

// print logs a warning in the form in which the engine logs its own.
func (p *plan) print(n proto.Notice) {
	if !p.spec.Structured {
		p.t.Print("\nWarning: %s\n\n%s", n.Summary, n.Detail)
		return
	}
	line, err := json.Marshal(map[string]any{
		"@level": "warn", "@message": "Warning: " + n.Summary, "@module": "plumbline", "type": "diagnostic",
		"diagnostic": map[string]string{"severity": "warning", "summary": n.Summary, "detail": n.Detail},
	})
	if err == nil { // it is made of strings
		p.t.Print("%s", strings.TrimSpace(string(line)))
	}
}
