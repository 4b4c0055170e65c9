package repositories

import (
	"encoding/json"
	"log/slog"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"plumbline.dev/plumbline/internal/delivery/nesting"
	"plumbline.dev/plumbline/internal/delivery/vcs"
)

// maxFolders is how many folders a test lists.
const maxFolders = 5000

// Layout is what the configuration of a commit says of its folders.
type Layout struct {
	modules map[string]*module  // by folder, "." is the root of the repository
	files   map[string]bool     // all files and links, and the folders above them
	links   map[string]string   // links → what they point at, both from the root
	state   map[string]bool     // folders with a lock file, variables files or a state
	uses    map[string][]string // folder → paths that its configuration names with "../"
	texts   map[string]string   // files that name an engine's version → what they say
	written map[string]written  // folders with a state → who has written it
}

// module is a folder with configuration.
type module struct {
	root     bool     // has a backend, a cloud block or a provider
	remote   bool     // has a backend other than local, or a cloud block
	tofu     bool     // has files that only OpenTofu reads
	calls    []string // folders of local modules
	requires map[string]string
}

func isConfiguration(name string) bool {
	for _, end := range []string{".tf", ".tofu", ".tf.json", ".tofu.json"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// wanted returns the files whose content a Layout reads: configuration, links, and what tells
// of engines.
func wanted(files []vcs.Entry) []string {
	var out []string
	for _, e := range files {
		if e.Mode == "120000" || (isConfiguration(e.Path) || tellsEngine(path.Base(e.Path))) && e.Size <= maxFile {
			out = append(out, e.SHA)
		}
	}
	return out
}

// newLayout reads the configuration of a commit. contents are by SHA, of what wanted says.
func newLayout(files []vcs.Entry, contents map[string][]byte) *Layout {
	l := &Layout{modules: map[string]*module{}, files: map[string]bool{}, links: map[string]string{}, state: map[string]bool{}, uses: map[string][]string{},
		texts: map[string]string{}, written: map[string]written{}}
	bySHA := map[string]string{}
	for _, e := range files {
		l.files[e.Path] = true
		bySHA[e.Path] = e.SHA
		for dir := path.Dir(e.Path); !l.files[dir]; dir = path.Dir(dir) {
			l.files[dir] = true
		}
		if e.Mode == "120000" {
			l.links[e.Path] = inside(path.Dir(e.Path), string(contents[e.SHA]))
		}
	}
	for _, e := range files {
		dir, name := path.Dir(e.Path), path.Base(e.Path)
		switch {
		case isConfiguration(name):
			sha := e.SHA
			if e.Mode == "120000" {
				sha = bySHA[l.links[e.Path]]
			}
			l.read(dir, name, contents[sha])
		case isVersion(name):
			l.texts[e.Path] = string(contents[e.SHA])
		case name == ".terraform.lock.hcl", strings.HasSuffix(name, ".tfvars"), strings.HasSuffix(name, ".tfvars.json"), strings.HasSuffix(name, ".tfstate"):
			if l.state[dir] = true; name == committed {
				l.written[dir] = readWritten(contents[e.SHA])
			}
		}
	}
	return l
}

// inside returns where a relative path leads from a folder, "" if out of the repository.
func inside(dir, to string) string {
	if to == "" || path.IsAbs(to) {
		return ""
	}
	p := path.Join(dir, to)
	if p == ".." || strings.HasPrefix(p, "../") {
		return ""
	}
	return p
}

// above finds paths that lead upwards in configuration: "../x", "${path.module}/../../x".
var above = regexp.MustCompile(`((?:\.\./)+[\w./@+-]*)|[/"]((?:\.\./)*\.\.)"`)

// read takes in one file of configuration. What cannot be parsed counts as empty: the
// engine will say what is wrong with it.
func (l *Layout) read(dir, name string, content []byte) {
	m := l.modules[dir]
	if m == nil {
		m = &module{requires: map[string]string{}}
		l.modules[dir] = m
	}
	m.tofu = m.tofu || strings.HasSuffix(name, ".tofu") || strings.HasSuffix(name, ".tofu.json")
	for _, to := range above.FindAllStringSubmatch(string(content), 100) {
		if p := inside(dir, to[1]+to[2]); p != "" {
			l.uses[dir] = append(l.uses[dir], p)
		}
	}
	for _, source := range m.parse(name, content) {
		if strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") {
			if p := inside(dir, source); p != "" {
				m.calls = append(m.calls, p)
			}
		}
	}
}

// parse notes what makes the module a root and returns the sources of modules.
func (m *module) parse(name string, content []byte) (sources []string) {
	defer func() {
		if p := recover(); p != nil { // of a parser, on files that a stranger made
			slog.Error("reading configuration failed", "err", p, "stack", string(debug.Stack()))
		}
	}()
	if nesting.TooDeep(content, name) {
		return nil
	}
	if strings.HasSuffix(name, ".json") {
		return m.parseJSON(name, content)
	}
	f, _ := hclsyntax.ParseConfig(content, name, hcl.InitialPos)
	if f == nil {
		return nil
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, b := range body.Blocks {
		switch b.Type {
		case "provider":
			m.root = true
		case "terraform":
			for _, inner := range b.Body.Blocks {
				m.root = m.root || inner.Type == "backend" || inner.Type == "cloud"
				m.remote = m.remote || inner.Type == "cloud" || inner.Type == "backend" && !slices.Equal(inner.Labels, []string{"local"})
			}
			if v := literal(b.Body.Attributes["required_version"]); v != "" {
				m.requires[name] = v
			}
		case "module":
			if v := literal(b.Body.Attributes["source"]); v != "" {
				sources = append(sources, v)
			}
		}
	}
	return sources
}

// literal is the text of an attribute that is there and needs no evaluation, "" for others.
func literal(a *hclsyntax.Attribute) string {
	if a == nil {
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.Type().FriendlyName() != "string" || !v.IsKnown() || v.IsNull() {
		return ""
	}
	return v.AsString()
}

// parseJSON is parse for the JSON form, where blocks are objects or lists of them.
func (m *module) parseJSON(name string, content []byte) (sources []string) {
	var doc struct {
		Provider  json.RawMessage `json:"provider"`
		Terraform json.RawMessage `json:"terraform"`
		Module    json.RawMessage `json:"module"`
	}
	if json.Unmarshal(content, &doc) != nil {
		return nil
	}
	m.root = m.root || len(doc.Provider) > 0
	for _, block := range objects(doc.Terraform) {
		m.root = m.root || block["backend"] != nil || block["cloud"] != nil
		var requires string
		if json.Unmarshal(block["required_version"], &requires) == nil && requires != "" {
			m.requires[name] = requires
		}
		for _, backend := range objects(block["backend"]) {
			m.remote = m.remote || backend["local"] == nil
		}
		m.remote = m.remote || block["cloud"] != nil
	}
	for _, block := range objects(doc.Module) {
		for _, bodies := range block {
			for _, body := range objects(bodies) {
				var source string
				if json.Unmarshal(body["source"], &source) == nil {
					sources = append(sources, source)
				}
			}
		}
	}
	return sources
}

func objects(raw json.RawMessage) []map[string]json.RawMessage {
	var one map[string]json.RawMessage
	if json.Unmarshal(raw, &one) == nil && one != nil {
		return []map[string]json.RawMessage{one}
	}
	var many []map[string]json.RawMessage
	_ = json.Unmarshal(raw, &many)
	return many
}

// skipped are folders whose configuration nobody applies.
var skipped = map[string]bool{"examples": true, "example": true, "test": true, "tests": true}

// Roots lists the folders that are applied by themselves: they have a backend, a provider,
// a lock file, variables or a state, or no other folder uses them as a module.
func (l *Layout) Roots() []string {
	used := map[string]bool{}
	for dir, m := range l.modules {
		for _, to := range m.calls {
			used[to] = used[to] || to != dir
		}
	}
	out := []string{}
	for dir, m := range l.modules {
		hidden := slices.ContainsFunc(strings.Split(dir, "/"), func(part string) bool { return skipped[part] || strings.HasPrefix(part, ".") && part != "." })
		if !hidden && (m.root || l.state[dir] || !used[dir]) {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxFolders)]
}

// Uses counts the module blocks that use a folder.
func (l *Layout) Uses() map[string]int {
	out := map[string]int{}
	for _, m := range l.modules {
		for _, to := range m.calls {
			out[to]++
		}
	}
	return out
}

// Expand returns the folders that folders and patterns such as stacks/* mean, and those that
// mean none. A pattern means folders with configuration.
func (l *Layout) Expand(patterns []string) (folders, missing []string) {
	seen := map[string]bool{}
	for _, p := range patterns {
		n := len(folders)
		switch {
		case !strings.ContainsAny(p, "*?["):
			if l.modules[p] != nil {
				folders = append(folders, p)
			}
		default:
			for _, dir := range l.Roots() {
				if ok, err := path.Match(p, dir); ok && err == nil {
					folders = append(folders, dir)
				}
			}
		}
		if len(folders) == n {
			missing = append(missing, p)
		}
	}
	folders = slices.DeleteFunc(folders, func(dir string) bool {
		again := seen[dir]
		seen[dir] = true
		return again
	})
	return folders, missing
}

// Needs returns what scans of folders must have: the folders, the local modules that they
// use directly or not, and the files above them that they name. Nil is everything.
func (l *Layout) Needs(folders []string) []string {
	need, queue := map[string]bool{}, slices.Clone(folders)
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if need[p] || !l.files[p] {
			continue
		}
		need[p] = true
		if p == "." {
			return nil
		}
		queue = append(queue, l.follow(p)...)
	}
	out := make([]string, 0, len(need))
	for p := range need {
		if !covered(need, p) {
			out = append(out, p)
		}
	}
	if len(out) > 2000 {
		return nil // more than a command line is good for
	}
	slices.Sort(out)
	return out
}

// follow returns what a folder, with the folders below it, or a file refers to.
func (l *Layout) follow(p string) []string {
	var out []string
	below := func(dir string) bool { return dir == p || strings.HasPrefix(dir, p+"/") }
	for dir, m := range l.modules {
		if below(dir) {
			out = append(append(out, m.calls...), l.uses[dir]...)
		}
	}
	for link, to := range l.links {
		if below(link) && to != "" {
			out = append(out, to)
		}
	}
	return out
}

// covered reports whether a folder above p is needed.
func covered(need map[string]bool, p string) bool {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if need[dir] {
			return true
		}
	}
	return false
}
