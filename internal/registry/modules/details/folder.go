package details

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"

	"plumbline.dev/plumbline/internal/delivery/nesting"
)

// Limits of what is read of one module. Sizes are in bytes.
const (
	maxConfiguration = 16 << 20 // of all files with configuration
	maxFile          = 2 << 20  // of one of them
	maxReadme        = 512 << 10
	maxPartReadme    = 32 << 10 // of a submodule or an example
	maxParts         = 100      // submodules, and as many examples
)

// Bad is why a module cannot be used, in words for the person who published it.
type Bad struct{ Reason string }

// Error implements error.
func (b *Bad) Error() string { return b.Reason }

func bad(format string, args ...any) error { return &Bad{fmt.Sprintf(format, args...)} }

// Read reads the module called name in the folder dir. An error of type *Bad tells what
// is wrong with the module.
func Read(dir, name string) (m Module, err error) {
	defer func() {
		if p := recover(); p != nil { // of a parser, on files that a stranger made
			slog.Error("reading a module failed", "err", p, "stack", string(debug.Stack()))
			err = bad("The configuration cannot be read.")
		}
	}()
	r := &reader{dir: dir, left: maxConfiguration}
	m = Module{Submodules: []Part{}, Examples: []Part{}}
	if m.Root, err = r.part("", name, maxReadme); err != nil {
		return m, err
	}
	if m.Submodules, err = r.parts("modules"); err != nil {
		return m, err
	}
	if m.Root.Empty && len(m.Submodules) == 0 {
		return m, r.misplaced()
	}
	m.Examples, err = r.parts("examples")
	return m, err
}

// reader reads the folders of a module.
type reader struct {
	dir  string
	left int64 // bytes of configuration that may still be read
}

// parts reads the folders of a folder that have configuration. What is wrong with one
// of them leaves it empty: it is not what most users of the module install.
func (r *reader) parts(folder string) ([]Part, error) {
	out := []Part{}
	entries, err := os.ReadDir(filepath.Join(r.dir, folder))
	if err != nil {
		return out, nil //nolint:nilerr // there is none, or it is a file
	}
	for _, e := range entries {
		if !e.IsDir() || len(out) == maxParts {
			continue
		}
		p, err := r.part(folder+"/"+e.Name(), e.Name(), maxPartReadme)
		var wrong *Bad
		if err != nil && !errors.As(err, &wrong) {
			return out, err
		}
		if err != nil || !p.Empty {
			out = append(out, p)
		}
	}
	return out, nil
}

// part reads one folder.
func (r *reader) part(path, name string, readmeLimit int64) (Part, error) {
	p := Part{Path: path, Name: name, Empty: true, Inputs: []Input{}, Outputs: []Output{}, Dependencies: []Dependency{}, Providers: []Provider{}, Resources: []Resource{}}
	dir := filepath.Join(r.dir, filepath.FromSlash(path))
	files, err := configuration(dir)
	if err != nil {
		return p, err
	}
	p.Readme = readme(dir, readmeLimit)
	if len(files) == 0 {
		return p, nil
	}
	m := tfconfig.NewModule(dir)
	for _, name := range files {
		file, err := r.parse(dir, path, name)
		if err != nil {
			return p, err
		}
		_ = tfconfig.LoadModuleFromFile(file, m) // what it does not understand is left out
	}
	p.Empty = false
	p.read(m)
	return p, nil
}

// configuration returns the names of the files with configuration in a folder, those
// that override others last. Files for OpenTofu alone take the place of others of the
// same name, as they do there.
func configuration(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var overrides []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || strings.HasPrefix(name, ".") || !IsConfiguration(name) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, tofu(name))); tofu(name) != "" && err == nil {
			continue
		}
		base, _, _ := strings.Cut(name, ".")
		if base == "override" || strings.HasSuffix(base, "_override") {
			overrides = append(overrides, name)
		} else {
			files = append(files, name)
		}
	}
	return append(files, overrides...), nil
}

// tofu is the name of the file that OpenTofu reads instead of a file of that name, ""
// if there can be none.
func tofu(name string) string {
	for suffix, other := range map[string]string{".tf": ".tofu", ".tf.json": ".tofu.json"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			return base + other
		}
	}
	return ""
}

// IsConfiguration reports whether a file of that name holds configuration.
func IsConfiguration(name string) bool {
	for _, suffix := range []string{".tf", ".tf.json", ".tofu", ".tofu.json"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// parse reads a file. It refuses one that is no HCL, or that no parser should be given.
func (r *reader) parse(dir, path, name string) (*hcl.File, error) {
	shown, file := strings.TrimPrefix(path+"/"+name, "/"), filepath.Join(dir, name)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return nil, bad("%s is not a file.", shown)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, bad("%s is larger than %d bytes.", shown, maxFile)
	}
	if r.left -= info.Size(); r.left < 0 {
		return nil, bad("The module has more than %d bytes of configuration.", maxConfiguration)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if nesting.TooDeep(src, name) {
		return nil, bad("%s is nested too deeply, or has an expression that is too long.", shown)
	}
	return syntax(src, shown)
}

// syntax refuses what is no HCL.
func syntax(src []byte, shown string) (file *hcl.File, err error) {
	var diags hcl.Diagnostics
	if strings.HasSuffix(shown, ".json") {
		file, diags = hclparse.NewParser().ParseJSON(src, shown)
	} else {
		file, diags = hclparse.NewParser().ParseHCL(src, shown)
	}
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			return nil, bad("%s, line %d: %s: %s", shown, d.Subject.Start.Line, d.Summary, d.Detail)
		}
	}
	if file == nil {
		return nil, bad("%s cannot be read.", shown)
	}
	return file, nil
}

// readme returns the README of a folder, "" if there is none that can be shown.
func readme(dir string, limit int64) string {
	for _, name := range []string{"README.md", "README.markdown", "README", "readme.md", "Readme.md", "README.MD"} {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
			continue
		}
		text, err := os.ReadFile(file)
		if err == nil && utf8.Valid(text) && !strings.ContainsRune(string(text), 0) {
			return string(text)
		}
	}
	return ""
}

// misplaced says where the configuration of a module is that has none in its root.
func (r *reader) misplaced() error {
	found := ""
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !IsConfiguration(e.Name()) {
			return err
		}
		found, err = filepath.Rel(r.dir, filepath.Dir(path))
		if err == nil {
			err = fs.SkipAll
		}
		return err
	})
	if err != nil {
		return err
	}
	if found == "" {
		return bad("The archive holds no configuration.")
	}
	return bad("The module must be in the root of the archive, not in the folder %s.", filepath.ToSlash(found))
}
