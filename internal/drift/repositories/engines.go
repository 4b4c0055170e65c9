package repositories

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/delivery/vcs"
)

// Products of engines.
const (
	openTofu  = "tofu"
	terraform = "terraform"
)

// Engine is what the code of a folder says of the engine that it is for.
type Engine struct {
	Product string // tofu, terraform, "" where it says nothing
	Certain bool   // the other product will not do
	Version string // a version or constraints, "" is any
	From    string // the files that say so, for people
}

// EngineUnclear is the code of the error for code that asks for an engine that cannot be.
const EngineUnclear = "engine_unclear"

// Files that name the version of an engine, for their folder and those below it.
var versionFiles = map[string]string{".opentofu-version": openTofu, ".terraform-version": terraform}

// committed is the name of a state that lies beside its code.
const committed = "terraform.tfstate"

func isVersion(name string) bool { return versionFiles[name] != "" }

func tellsEngine(name string) bool { return isVersion(name) || name == committed }

// written is who has written a state.
type written struct{ product, version string }

// readWritten reads the head of a state. Both engines call their version the same; whose it
// is, the addresses of providers tell.
func readWritten(content []byte) written {
	var state struct {
		Version   string `json:"terraform_version"`
		Resources []struct {
			Provider string `json:"provider"`
		} `json:"resources"`
	}
	if json.Unmarshal(content, &state) != nil || !exact.MatchString(state.Version) {
		return written{}
	}
	w := written{version: state.Version}
	for _, r := range state.Resources {
		switch {
		case strings.Contains(r.Provider, "registry.opentofu.org/"):
			w.product = openTofu
		case strings.Contains(r.Provider, "registry.terraform.io/"):
			w.product = terraform
		}
	}
	return w
}

// Engine returns what the code of a folder, at a commit of a branch, says of its engine;
// tool is the product that is wanted in any case, "" if none is. It fetches what this node
// does not know yet: call it outside of transactions. Errors of type *vcs.Error are for people.
func (f *Feature) Engine(ctx context.Context, id, branch, commit, folder, tool string) (Engine, error) {
	key := strings.Join([]string{id, commit, folder, tool}, "\n")
	if e, known := f.engines.get(key); known {
		return e, nil
	}
	r, err := f.Find(ctx, id)
	if err != nil {
		return Engine{}, err
	}
	at, layout, err := f.layout(ctx, r, branch)
	if err != nil {
		return Engine{}, err
	}
	e, err := layout.Engine(folder, tool)
	if err == nil && at.SHA == commit {
		f.engines.set(key, e)
	}
	return e, err
}

// Engine is what the code of a folder says of its engine.
func (l *Layout) Engine(folder, tool string) (Engine, error) {
	e := Engine{Product: tool, Certain: tool != ""}
	if e.Product == "" {
		e.Product, e.Certain = l.product(folder)
	}
	wants := l.wants(folder, e.Product)
	var exactly want
	for _, w := range wants {
		if exact.MatchString(w.text) {
			exactly = w
			break
		}
	}
	var texts, from []string
	for _, w := range wants {
		if err := w.allows(exactly); err != nil {
			return e, err
		}
		texts, from = append(texts, w.text), append(from, w.from)
	}
	slices.Sort(from)
	e.Version, e.From = strings.Join(texts, ", "), strings.Join(slices.Compact(from), ", ")
	if exactly.text != "" {
		e.Version = exactly.text
	}
	return e, nil
}

// product is the make of engine that a folder asks for, and whether only that will do.
func (l *Layout) product(folder string) (name string, certain bool) {
	file, _ := l.versionFile(folder, "")
	tofu := false
	for dir := range l.closure(folder) {
		tofu = tofu || l.modules[dir].tofu
	}
	switch {
	case tofu:
		return openTofu, true
	case file != "":
		return versionFiles[path.Base(file)], true
	}
	return l.writer(folder).product, false
}

// writer is who has written the state of a folder that keeps it beside its code.
func (l *Layout) writer(folder string) written {
	if m := l.modules[folder]; m != nil && !m.remote {
		return l.written[folder]
	}
	return written{}
}

// versionFile is the file nearest to a folder that names the version of an engine of a
// product, of any if product is "".
func (l *Layout) versionFile(folder, product string) (file, text string) {
	for dir := folder; ; dir = path.Dir(dir) {
		for _, name := range slices.Sorted(maps.Keys(versionFiles)) {
			text, is := l.texts[path.Join(dir, name)]
			if is && (product == "" || versionFiles[name] == product) {
				return path.Join(dir, name), text
			}
		}
		if dir == "." {
			return "", ""
		}
	}
}

// closure are the folders of a configuration: its own and those of its local modules.
func (l *Layout) closure(folder string) map[string]bool {
	all, queue := map[string]bool{}, []string{folder}
	for len(queue) > 0 {
		dir := queue[0]
		queue = queue[1:]
		if m := l.modules[dir]; m != nil && !all[dir] {
			all[dir] = true
			queue = append(queue, m.calls...)
		}
	}
	return all
}

// want is a version, or constraints of it, that a file asks for.
type want struct{ text, from string }

// wants are all versions that are asked for, the most specific first: no engine is older than
// the one that has written the state.
func (l *Layout) wants(folder, product string) []want {
	var all []want
	if product != "" {
		if file, text := l.versionFile(folder, product); file != "" {
			if v := versionOf(text); v != "" {
				all = append(all, want{v, file})
			}
		}
	}
	dirs := slices.Sorted(maps.Keys(l.closure(folder)))
	for _, dir := range dirs {
		m := l.modules[dir]
		for _, name := range slices.Sorted(maps.Keys(m.requires)) {
			if l.reads(dir, name, product) {
				all = append(all, want{m.requires[name], path.Join(dir, name)})
			}
		}
	}
	if w := l.writer(folder); w.product != "" && product == w.product {
		all = append(all, want{">= " + w.version, path.Join(folder, committed)})
	}
	return all
}

// reads reports whether an engine of a product reads a file: OpenTofu prefers x.tofu to x.tf.
func (l *Layout) reads(dir, name, product string) bool {
	if product == terraform {
		return !strings.Contains(name, ".tofu")
	}
	return !l.files[path.Join(dir, strings.Replace(name, ".tf", ".tofu", 1))] || strings.Contains(name, ".tofu")
}

var (
	exact  = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z][0-9A-Za-z.-]*)?$`)
	series = regexp.MustCompile(`^\^?([0-9]+)(?:\\?\.([0-9]+))?`)
)

// versionOf is what a file such as .terraform-version says, as a version or constraints, ""
// for the newest: a version, "latest", "latest:^1.6" as of tfenv and tofuenv, or constraints.
func versionOf(content string) string {
	text := ""
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		if text = strings.TrimSpace(line); text != "" {
			break
		}
	}
	if v := strings.TrimPrefix(text, "v"); exact.MatchString(v) {
		return v
	}
	which, of, _ := strings.Cut(text, ":")
	switch which {
	case "latest", "latest-stable", "latest-allowed", "min-required":
		if found := series.FindStringSubmatch(of); found != nil && found[2] != "" {
			return "~> " + found[1] + "." + found[2] + ".0"
		} else if found != nil {
			return "~> " + found[1] + ".0"
		}
		return ""
	}
	return text
}

// allows fails if the want is none, or does not allow the version that another asks for.
func (w want) allows(other want) error {
	if exact.MatchString(w.text) {
		return nil
	}
	c, err := version.NewConstraint(w.text)
	if err != nil {
		return &vcs.Error{Code: EngineUnclear, Message: w.from + " asks for the version " + clipped(w.text) + ", which is neither a version nor a constraint of one."}
	}
	if other.text == "" || c.Check(version.Must(version.NewVersion(other.text))) {
		return nil
	}
	return &vcs.Error{Code: EngineUnclear, Message: other.from + " asks for the version " + other.text + ", but " + w.from + " for " + clipped(w.text) + "."}
}

func clipped(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}
