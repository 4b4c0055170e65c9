package adopt

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// target is where a reference leads.
type target struct {
	at    *place
	file  string
	x     hclsyntax.Expression
	steps []any // behind the name, inside of x
}

const maxFollowed = 5 // references of references

// follow goes to where the value of a variable or a local value is written, if nothing else
// uses it.
func (e *editor) follow(in *place, t hcl.Traversal, do func(to target) error) error {
	if len(t) < 2 || e.depth >= maxFollowed {
		return reason("The code refers to " + name(t) + ".")
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	root := t.RootName()
	if !ok || (root != "var" && root != "local") {
		return reason("The code refers to " + name(t) + ".")
	}
	ref := root + "." + attr.Name
	if n := e.references(in.dir, root, attr.Name); n != 1 {
		return reason(fmt.Sprintf("The code refers to %s, which is used in %d places.", ref, n))
	}
	to := target{at: in}
	for _, s := range t[2:] {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			to.steps = append(to.steps, s.Name)
		case hcl.TraverseIndex:
			if n, is := indexOf(s).(int64); is {
				to.steps = append(to.steps, int(n))
				continue
			}
			to.steps = append(to.steps, indexOf(s))
		default:
			return reason("The code refers to " + name(t) + ".")
		}
	}
	var err error
	if root == "local" {
		err = e.localValue(&to, attr.Name)
	} else {
		err = e.variable(&to, attr.Name)
	}
	if err != nil {
		return err
	}
	e.depth++
	defer func() { e.depth-- }()
	return do(to)
}

// localValue finds where a local value is written.
func (e *editor) localValue(to *target, name string) error {
	err := e.bodies(to.at.dir, func(file string, body *hclsyntax.Body) error {
		for _, b := range body.Blocks {
			if a := b.Body.Attributes[name]; b.Type == "locals" && a != nil {
				to.file, to.x = file, a.Expr
			}
		}
		return nil
	})
	if err == nil && to.x == nil {
		err = reason("The code refers to local." + name + ", which is in no file that can be edited.")
	}
	return err
}

// variable finds where the value of a variable comes from: the call of the module, a file
// with variables, or its default.
func (e *editor) variable(to *target, name string) error {
	if call := to.at.call; call != nil {
		if a := call.Body.Attributes[name]; a != nil {
			to.file, to.x, to.at = to.at.file, a.Expr, to.at.from
			return nil
		}
	} else {
		if e.code.Given[name] {
			return reason("The value of var." + name + " comes from outside of the code.")
		}
		found, err := e.fromFile(to, name)
		if err != nil || found {
			return err
		}
	}
	b, err := e.find(to.at, "var."+name, "variable", name)
	if err != nil {
		return err
	}
	a := b.block.Body.Attributes["default"]
	if a == nil {
		return reason("The value of var." + name + " comes from outside of the code.")
	}
	to.file, to.x = b.file, a.Expr
	return nil
}

// fromFile looks into the files with variables that the engine reads, those that win first
// (Terraform, "Variable definition precedence").
func (e *editor) fromFile(to *target, name string) (bool, error) {
	for _, file := range e.variableFiles() {
		if strings.HasSuffix(file, ".json") {
			if bytes.Contains(e.content(file), []byte(`"`+name+`"`)) {
				return false, reason("The value of var." + name + " is in " + file + ", which is not edited.")
			}
			continue
		}
		s := e.read(file)
		if s.why != "" {
			return false, s.why
		}
		if a := s.body.Attributes[name]; a != nil {
			to.file, to.x = file, a.Expr
			return true, nil
		}
	}
	return false, nil
}

// variableFiles lists them, the strongest first.
func (e *editor) variableFiles() []string {
	dir := path.Clean(e.code.Folder)
	var weak, auto, given []string
	for _, file := range e.code.in(dir) {
		switch base := path.Base(file); {
		case base == "terraform.tfvars", base == "terraform.tfvars.json":
			weak = append(weak, file)
		case strings.HasSuffix(base, ".auto.tfvars"), strings.HasSuffix(base, ".auto.tfvars.json"):
			auto = append(auto, file)
		}
	}
	for _, file := range e.code.VarFiles {
		if p := path.Join(dir, file); e.code.Files[p] != nil {
			given = append(given, p)
		}
	}
	all := slices.Concat(weak, auto, given)
	slices.Reverse(all)
	return all
}

// references counts where the code of a folder refers to a name, in JSON by its text.
func (e *editor) references(dir, root, attr string) int {
	n := 0
	for _, file := range e.code.in(dir) {
		if strings.HasSuffix(file, ".tf.json") || (strings.HasSuffix(file, ".tofu.json") && e.code.Tofu) {
			n += bytes.Count(e.content(file), []byte(root+"."+attr))
		}
	}
	_ = e.bodies(dir, func(_ string, body *hclsyntax.Body) error { // it was read before
		n += len(mentions(body, root, attr))
		return nil
	})
	return n
}

// mentions are the references to a name in a body.
func mentions(body *hclsyntax.Body, root, attr string) []hcl.Traversal {
	var out []hcl.Traversal
	for _, a := range body.Attributes {
		for _, t := range a.Expr.Variables() {
			if len(t) < 2 || t.RootName() != root {
				continue
			}
			if at, ok := t[1].(hcl.TraverseAttr); ok && at.Name == attr {
				out = append(out, t)
			}
			if _, ok := t[1].(hcl.TraverseAttr); !ok { // such as var["x"]: it may be any
				out = append(out, t)
			}
		}
	}
	for _, b := range body.Blocks {
		out = append(out, mentions(b.Body, root, attr)...)
	}
	return out
}

// drop removes the block of an object that is gone, if nothing refers to it.
func (e *editor) drop(r found) error {
	typ, label := r.block.Labels[0], r.block.Labels[1]
	inside := len(mentions(r.block.Body, typ, label))
	if n := e.references(r.at.dir, typ, label) - inside; n > 0 {
		return reason(fmt.Sprintf("The code refers to %s.%s in %d other places.", typ, label, n))
	}
	e.removeBlock(r.file, r.block)
	return nil
}
