package adopt

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"plumbline.dev/plumbline/internal/delivery/nesting"
)

// editor holds the code as it is by now.
type editor struct {
	code   Code
	now    map[string][]byte  // files that were edited
	parsed map[string]*source // files that were read since they were edited last
	edits  []edit             // of the finding under way
	depth  int                // of references that are followed
}

// source is a file that was read.
type source struct {
	body *hclsyntax.Body
	why  reason // why it could not be
}

// place is a module as one call uses it.
type place struct {
	dir  string
	from *place           // of the call; nil for the root module
	call *hclsyntax.Block // module block
	file string           // that the call is in
}

// found is a block of a module.
type found struct {
	at    *place
	file  string
	block *hclsyntax.Block
}

func (e *editor) content(name string) []byte {
	if b, edited := e.now[name]; edited {
		return b
	}
	return e.code.Files[name]
}

// read parses a file.
func (e *editor) read(name string) *source {
	if s := e.parsed[name]; s != nil {
		return s
	}
	s := &source{body: &hclsyntax.Body{}}
	e.parsed[name] = s
	src := e.content(name)
	if len(src) > MaxFile || nesting.TooDeep(src, name) {
		s.why = reason(name + " is too large or nested too deeply to be edited.")
		return s
	}
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if f == nil || diags.HasErrors() {
		s.why = reason(name + " is not valid: nothing in its module can be edited.")
		return s
	}
	s.body = f.Body.(*hclsyntax.Body)
	return s
}

// bodies calls do with what each configuration file of a folder holds, until it fails.
func (e *editor) bodies(dir string, do func(file string, body *hclsyntax.Body) error) error {
	for _, name := range e.code.in(dir) {
		if !e.code.configuration(name) {
			continue
		}
		s := e.read(name)
		if s.why != "" {
			return s.why
		}
		if err := do(name, s.body); err != nil {
			return err
		}
	}
	return nil
}

var override = regexp.MustCompile(`(^|_)override\.(tf|tofu)$`)

// find returns the only block of a kind with the labels.
func (e *editor) find(at *place, what, kind string, labels ...string) (found, error) {
	var out found
	err := e.bodies(at.dir, func(file string, body *hclsyntax.Body) error {
		for _, b := range body.Blocks {
			if b.Type != kind || strings.Join(b.Labels, " ") != strings.Join(labels, " ") {
				continue
			}
			if out.block != nil || override.MatchString(path.Base(file)) {
				return reason(what + " is in the code more than once.")
			}
			out = found{at, file, b}
		}
		return nil
	})
	if err == nil && out.block == nil {
		err = reason(what + " is in no file of " + folder(at.dir) + " that can be edited.")
	}
	return out, err
}

func folder(dir string) string {
	if dir == "." {
		return "the root folder"
	}
	return dir
}

// resource finds the code of an object, which must be the only one of that code.
func (e *editor) resource(address string) (found, error) {
	t, diags := hclsyntax.ParseTraversalAbs([]byte(address), "", hcl.InitialPos)
	if diags.HasErrors() {
		return found{}, reason("Its address is not one of code.")
	}
	at := &place{dir: path.Clean(e.code.Folder)}
	names := traversal(t)
	for {
		name, rest := names.pop()
		if name != "module" {
			break
		}
		call, rest := rest.pop()
		var err error
		if at, err = e.enter(at, call); err != nil {
			return found{}, err
		}
		names = rest
	}
	typ, rest := names.pop()
	name, _ := rest.pop()
	f, err := e.find(at, typ+"."+name, "resource", typ, name)
	if err == nil {
		err = single(f.block, typ+"."+name)
	}
	return f, err
}

type traversal hcl.Traversal

// pop returns the first name, and what comes behind it and its index.
func (t traversal) pop() (string, traversal) {
	if len(t) == 0 {
		return "", nil
	}
	name := ""
	switch step := t[0].(type) {
	case hcl.TraverseRoot:
		name = step.Name
	case hcl.TraverseAttr:
		name = step.Name
	}
	for t = t[1:]; len(t) > 0; t = t[1:] {
		if _, indexed := t[0].(hcl.TraverseIndex); !indexed {
			break
		}
	}
	return name, t
}

// enter goes into a module that a module calls. It must be local, and used once: an edit
// would change other objects too.
func (e *editor) enter(at *place, name string) (*place, error) {
	f, err := e.find(at, "module."+name, "module", name)
	if err != nil {
		return nil, err
	}
	if err := single(f.block, "module."+name); err != nil {
		return nil, err
	}
	to, _ := e.local(at.dir, f.block)
	switch {
	case to == "":
		return nil, reason("module." + name + " is not in this repository.")
	case e.uses(to) != 1:
		return nil, reason("The module in " + to + " is used more than once: an edit would change other objects too.")
	}
	return &place{dir: to, from: at, call: f.block, file: f.file}, nil
}

// local returns the folder of a local module.
func (e *editor) local(dir string, call *hclsyntax.Block) (string, bool) {
	a := call.Body.Attributes["source"]
	if a == nil {
		return "", false
	}
	v, ok := literal(a.Expr)
	s, is := v.(string)
	if !ok || !is || (!strings.HasPrefix(s, "./") && !strings.HasPrefix(s, "../")) {
		return "", false
	}
	to := path.Join(dir, s)
	if to == ".." || strings.HasPrefix(to, "../") {
		return "", false
	}
	return to, true
}

// uses counts the calls of a local module.
func (e *editor) uses(dir string) int {
	if e.code.Uses != nil {
		return e.code.Uses[dir]
	}
	n, seen := 0, map[string]bool{}
	for name := range e.code.Files {
		from := path.Dir(name)
		if seen[from] || !e.code.configuration(name) {
			continue
		}
		seen[from] = true
		_ = e.bodies(from, func(_ string, body *hclsyntax.Body) error { // what cannot be read counts for nothing
			for _, b := range body.Blocks {
				if b.Type != "module" {
					continue
				}
				if to, ok := e.local(from, b); ok && to == dir {
					n++
				}
			}
			return nil
		})
	}
	return n
}

// single refuses a block that stands for more than one object.
func single(b *hclsyntax.Block, what string) error {
	if a := b.Body.Attributes["count"]; a != nil {
		if v, ok := literal(a.Expr); !ok || fmt.Sprint(v) != "1" {
			return reason(what + " has count: an edit may change other objects too.")
		}
	}
	if a := b.Body.Attributes["for_each"]; a != nil && elementsOf(a.Expr) != 1 {
		return reason(what + " has for_each: an edit may change other objects too.")
	}
	return nil
}

// elementsOf counts the members of a collection that is written out, -1 if it is not.
func elementsOf(x hclsyntax.Expression) int {
	switch x := bare(x).(type) {
	case *hclsyntax.ObjectConsExpr:
		return len(x.Items)
	case *hclsyntax.TupleConsExpr:
		return len(x.Exprs)
	case *hclsyntax.FunctionCallExpr:
		if x.Name == "toset" && len(x.Args) == 1 && !x.ExpandFinal {
			return elementsOf(x.Args[0])
		}
	}
	return -1
}

var step = regexp.MustCompile(`^(?:\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\])`)

// split takes a path of package classify apart: strings are members, ints are elements.
func split(p string) ([]any, error) {
	var out []any
	for p != "" {
		if m := step.FindStringSubmatch(p); m != nil {
			p = p[len(m[0]):]
			if m[1] != "" {
				out = append(out, m[1])
				continue
			}
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, reason("Its path is not one of code.")
			}
			out = append(out, n)
			continue
		}
		quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(p, "["))
		rest := strings.TrimPrefix(strings.TrimPrefix(p, "["), quoted)
		if err != nil || !strings.HasPrefix(p, "[") || !strings.HasPrefix(rest, "]") {
			return nil, reason("Its path is not one of code.")
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, reason("Its path is not one of code.")
		}
		out, p = append(out, name), rest[1:]
	}
	if len(out) == 0 {
		return nil, reason("Its path is not one of code.")
	}
	if _, named := out[0].(string); !named {
		return nil, reason("Its path is not one of code.")
	}
	return out, nil
}
