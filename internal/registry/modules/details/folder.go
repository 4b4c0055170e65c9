package details

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"
)

// Limits of what is read of one module. Sizes are in bytes.
const (
	maxConfiguration = 16 << 20 // of all files with configuration
	maxReadme        = 512 << 10
	maxPartReadme    = 32 << 10 // of a submodule or an example
	maxParts         = 100      // submodules, and as many examples
)

// Bad is why a module cannot be used, in words for the person who published it.
type Bad struct{ Reason string }

// Error implements error.
func (b *Bad) Error() string { return b.Reason }

func bad(format string, args ...any) error { return &Bad{fmt.Sprintf(format, args...)} }

// Read reads the module called name in the folder dir, which it may change. An error of
// type *Bad tells what is wrong with the module.
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
	for _, f := range files {
		if err := r.check(dir, path, f); err != nil {
			return p, err
		}
	}
	p.Empty = false
	m, _ := tfconfig.LoadModule(dir)
	p.read(m)
	return p, nil
}

// configuration returns the names of the files with configuration in a folder. Those
// for OpenTofu alone, which go before others of the same name, take their place. Those
// of Stacks go away: tfconfig would read them too.
func configuration(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		switch base, suffix, ok := tofu(name); {
		case e.IsDir():
			continue
		case strings.HasSuffix(name, ".tfcomponent.hcl") || strings.HasSuffix(name, ".tfstack.hcl"):
			err = os.Remove(filepath.Join(dir, name))
		case ok:
			err = os.Rename(filepath.Join(dir, name), filepath.Join(dir, base+suffix))
			name = base + suffix
		}
		if err != nil {
			return nil, err
		}
		if IsConfiguration(name) && !slices.Contains(files, name) {
			files = append(files, name)
		}
	}
	return files, nil
}

func tofu(name string) (base, suffix string, ok bool) {
	if base, ok = strings.CutSuffix(name, ".tofu"); ok {
		return base, ".tf", true
	}
	base, ok = strings.CutSuffix(name, ".tofu.json")
	return base, ".tf.json", ok
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

// check refuses a file that is no HCL, or that no parser should be given.
func (r *reader) check(dir, path, name string) error {
	shown, file := strings.TrimPrefix(path+"/"+name, "/"), filepath.Join(dir, name)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return bad("%s is not a file.", shown)
	}
	if err != nil {
		return err
	}
	if r.left -= info.Size(); r.left < 0 {
		return bad("The module has more than %d bytes of configuration.", maxConfiguration)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if tooDeep(src) {
		return bad("%s is nested too deeply.", shown)
	}
	return syntax(src, shown)
}

// syntax refuses what is no HCL.
func syntax(src []byte, shown string) error {
	var diags hcl.Diagnostics
	if strings.HasSuffix(shown, ".json") {
		_, diags = hclparse.NewParser().ParseJSON(src, shown)
	} else {
		_, diags = hclparse.NewParser().ParseHCL(src, shown)
	}
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			return bad("%s, line %d: %s: %s", shown, d.Subject.Start.Line, d.Summary, d.Detail)
		}
	}
	return nil
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
