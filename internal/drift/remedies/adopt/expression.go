package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// at goes down to what steps lead to in an expression, and makes it what is real.
func (e *editor) at(in *place, file string, x hclsyntax.Expression, steps []any, v sides) error {
	if len(steps) == 0 {
		return e.set(in, file, x, v)
	}
	x = bare(x)
	switch x := x.(type) {
	case *hclsyntax.ObjectConsExpr:
		return e.inObject(in, file, x, steps, v)
	case *hclsyntax.TupleConsExpr:
		if i, ok := steps[0].(int); ok && i < len(x.Exprs) && v.real != nil {
			return e.at(in, file, x.Exprs[i], steps[1:], v)
		}
		return reason("The list in the code has no such element.")
	case *hclsyntax.FunctionCallExpr:
		switch {
		case wraps[x.Name] && len(x.Args) == 1 && !x.ExpandFinal:
			return e.at(in, file, x.Args[0], steps, v)
		case x.Name == "merge" && !x.ExpandFinal:
			return e.inMerge(in, file, x, steps, v)
		}
	case *hclsyntax.ScopeTraversalExpr:
		return e.follow(in, x.Traversal, func(to target) error { return e.at(to.at, to.file, to.x, append(to.steps, steps...), v) })
	}
	return unwritten(x)
}

// wraps are functions that change only the type of their argument.
var wraps = map[string]bool{"toset": true, "tolist": true, "tomap": true}

// item finds a member of an object that is written out.
func item(x *hclsyntax.ObjectConsExpr, name string) (int, bool) {
	for i, it := range x.Items {
		if key, ok := keyOf(it.KeyExpr); ok && key == name {
			return i, true
		}
	}
	return -1, false
}

func keyOf(x hclsyntax.Expression) (string, bool) {
	v, diags := x.Value(nil)
	if diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type().FriendlyName() != "string" {
		return "", false
	}
	return v.AsString(), true
}

func (e *editor) inObject(in *place, file string, x *hclsyntax.ObjectConsExpr, steps []any, v sides) error {
	name, ok := steps[0].(string)
	if !ok {
		return reason("The object in the code has no such member.")
	}
	i, has := item(x, name)
	switch {
	case !has && slices.ContainsFunc(x.Items, func(it hclsyntax.ObjectConsItem) bool { _, ok := keyOf(it.KeyExpr); return !ok }):
		return reason("The names of the members in the code are not written out.")
	case !has && v.real == nil:
		return reason("The code has no such member.")
	case !has && !same(v.wanted, nil):
		return reason("The code has no such member, and yet the plan wanted a value.")
	case !has:
		value := v.real
		for _, s := range slices.Backward(steps[1:]) {
			key, ok := s.(string)
			if !ok {
				return reason("The object in the code has no such member.")
			}
			value = map[string]any{key: value}
		}
		e.addItem(file, x, name, value)
		return nil
	case len(steps) == 1 && v.real == nil:
		if err := agrees(x.Items[i].ValueExpr, v.wanted); err != nil {
			return err
		}
		e.removeItem(file, x, i)
		return nil
	}
	return e.at(in, file, x.Items[i].ValueExpr, steps[1:], v)
}

// inMerge edits the object that has the last word on a member.
func (e *editor) inMerge(in *place, file string, x *hclsyntax.FunctionCallExpr, steps []any, v sides) error {
	name, ok := steps[0].(string)
	if !ok || len(x.Args) == 0 {
		return unwritten(x)
	}
	last, isObject := bare(x.Args[len(x.Args)-1]).(*hclsyntax.ObjectConsExpr)
	if !isObject {
		return unwritten(x)
	}
	if _, has := item(last, name); !has && !same(v.wanted, nil) {
		return reason("The value comes from an earlier argument of merge.")
	}
	return e.inObject(in, file, last, steps, v)
}

// agrees refuses an expression that is not what the plan wanted, written out.
func agrees(x hclsyntax.Expression, wanted any) error {
	v, written := literal(x)
	if !written {
		return unwritten(x)
	}
	if !same(v, wanted) {
		return reason("The code says something else than the plan wanted: it has changed since, or the value comes from elsewhere.")
	}
	return nil
}

// set makes an expression what is real.
func (e *editor) set(in *place, file string, x hclsyntax.Expression, v sides) error {
	if equal(v.wanted, v.real) {
		return nil
	}
	x = bare(x)
	if was, written := literal(x); written {
		if err := agrees(x, v.wanted); err != nil {
			return err
		}
		e.replace(file, x, was, v.real)
		return nil
	}
	switch x := x.(type) {
	case *hclsyntax.ObjectConsExpr:
		return e.setObject(in, file, x, v)
	case *hclsyntax.TupleConsExpr:
		return e.setList(in, file, x, v)
	case *hclsyntax.FunctionCallExpr:
		return e.setCall(in, file, x, v)
	case *hclsyntax.ScopeTraversalExpr:
		return e.follow(in, x.Traversal, func(to target) error { return e.at(to.at, to.file, to.x, to.steps, v) })
	}
	return unwritten(x)
}

func (e *editor) setObject(in *place, file string, x *hclsyntax.ObjectConsExpr, v sides) error {
	wanted, ok1 := v.wanted.(map[string]any)
	real, ok2 := v.real.(map[string]any)
	if !ok1 || !ok2 {
		return unwritten(x)
	}
	names := map[string]bool{}
	for name := range wanted {
		names[name] = true
	}
	for name := range real {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if equal(wanted[name], real[name]) {
			continue
		}
		if err := e.inObject(in, file, x, []any{name}, v.within(name)); err != nil {
			return err
		}
	}
	return nil
}

// setList edits a list of which a part is written out: its elements one by one, or those
// that were added and removed.
func (e *editor) setList(in *place, file string, x *hclsyntax.TupleConsExpr, v sides) error {
	wanted, ok1 := v.wanted.([]any)
	real, ok2 := v.real.([]any)
	if !ok1 || !ok2 || len(wanted) != len(x.Exprs) {
		return unwritten(x)
	}
	if len(wanted) == len(real) {
		for i := range wanted {
			if err := e.set(in, file, x.Exprs[i], v.within(i)); err != nil {
				return err
			}
		}
		return nil
	}
	n := 0 // elements at the beginning that stay
	for n < len(wanted) && n < len(real) && equal(wanted[n], real[n]) {
		n++
	}
	if n == len(wanted) {
		e.appendElements(file, x, real[n:])
		return nil
	}
	return unwritten(x)
}

func (e *editor) setCall(in *place, file string, x *hclsyntax.FunctionCallExpr, v sides) error {
	if len(x.Args) != 1 || x.ExpandFinal {
		return unwritten(x)
	}
	if wraps[x.Name] {
		return e.set(in, file, x.Args[0], v)
	}
	if x.Name != "jsonencode" {
		return unwritten(x)
	}
	wanted, ok1 := text(v.wanted)
	real, ok2 := text(v.real)
	if !ok1 || !ok2 {
		return reason("What is real is no JSON document, and the code makes one.")
	}
	return e.set(in, file, x.Args[0], sides{wanted, real})
}

// text decodes a JSON document.
func text(v any) (any, bool) {
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	return document(s)
}

// unwritten says what stands where no value is written out.
func unwritten(x hclsyntax.Expression) error {
	switch x := x.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return reason("The code refers to " + name(x.Traversal) + ".")
	case *hclsyntax.FunctionCallExpr:
		return reason("The code calls " + x.Name + ".")
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		return reason("The code is a template.")
	case *hclsyntax.ConditionalExpr:
		return reason("The code has a condition.")
	}
	if refs := x.Variables(); len(refs) > 0 {
		return reason("The code refers to " + name(refs[0]) + ".")
	}
	return reason("The code computes it.")
}

// name writes a reference as code does, without indexes that are no numbers or texts.
func name(t hcl.Traversal) string {
	out := ""
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseRoot:
			out = s.Name
		case hcl.TraverseAttr:
			out += "." + s.Name
		case hcl.TraverseIndex:
			if b, err := json.Marshal(indexOf(s)); err == nil {
				out += fmt.Sprintf("[%s]", b)
			}
		}
	}
	return out
}

func indexOf(s hcl.TraverseIndex) any {
	switch s.Key.Type().FriendlyName() {
	case "string":
		return s.Key.AsString()
	case "number":
		n, _ := s.Key.AsBigFloat().Int64()
		return n
	}
	return "…"
}
