package adopt

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// inBody makes the attribute that steps lead to what is real.
func (e *editor) inBody(at *place, file string, body *hclsyntax.Body, steps []any, v sides) error {
	first, rest := next(steps)
	name, ok := first.(string)
	if !ok {
		return reason("Its path is not one of code.")
	}
	if a := body.Attributes[name]; a != nil {
		if len(rest) == 0 && v.real == nil {
			return e.removeAttribute(file, a, v)
		}
		return e.at(at, file, a.Expr, rest, v)
	}
	var blocks []*hclsyntax.Block
	for _, b := range body.Blocks {
		if b.Type == "dynamic" && len(b.Labels) == 1 && b.Labels[0] == name {
			return reason("The code makes its blocks with dynamic.")
		}
		if b.Type == name {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) == 0 {
		return e.absent(file, body, name, rest, v)
	}
	if len(rest) == 0 {
		return e.blocks(at, file, body, name, blocks, v)
	}
	return e.inBlock(at, file, blocks, rest, v)
}

// next is the first of some steps, nil if there is none, and those behind it.
func next(steps []any) (first any, rest []any) {
	if len(steps) == 0 {
		return nil, nil
	}
	return steps[0], steps[1:]
}

// inBlock goes on in one of the blocks of a name.
func (e *editor) inBlock(at *place, file string, blocks []*hclsyntax.Block, steps []any, v sides) error {
	first, rest := next(steps)
	i, indexed := first.(int)
	if !indexed { // a block of which there is one
		if len(blocks) != 1 {
			return reason("The code has more than one block that it could be in.")
		}
		return e.inBody(at, file, blocks[0].Body, steps, v)
	}
	if len(rest) == 0 {
		return reason("The block as a whole is another one.")
	}
	// What the code says tells which one it is; the index does if nothing is written out.
	var fits []*hclsyntax.Block
	for n, b := range blocks {
		if says(b.Body, rest, v.wanted) {
			if n == i {
				fits = []*hclsyntax.Block{b}
				break
			}
			fits = append(fits, b)
		}
	}
	if len(fits) == 0 && i < len(blocks) {
		fits = blocks[i : i+1]
	}
	if len(fits) != 1 {
		return reason("It cannot be told which of the blocks in the code it is in.")
	}
	return e.inBody(at, file, fits[0].Body, rest, v)
}

// says reports whether the code has a value at a path, written out.
func says(body *hclsyntax.Body, steps []any, wanted any) bool {
	first, rest := next(steps)
	name, ok := first.(string)
	if !ok {
		return false
	}
	if a := body.Attributes[name]; a != nil {
		value, written := literal(a.Expr)
		for _, s := range rest {
			value = member(value, s)
		}
		return written && same(value, wanted)
	}
	var blocks []*hclsyntax.Block
	for _, b := range body.Blocks {
		if b.Type == name {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) == 0 || len(rest) == 0 {
		return len(blocks) == 0 && same(wanted, nil)
	}
	second, inner := next(rest)
	if i, indexed := second.(int); indexed {
		return i < len(blocks) && says(blocks[i].Body, inner, wanted)
	}
	return len(blocks) == 1 && says(blocks[0].Body, rest, wanted)
}

// absent adds what the code says nothing of.
func (e *editor) absent(file string, body *hclsyntax.Body, name string, steps []any, v sides) error {
	if !same(v.wanted, nil) {
		return reason("The code does not say it, and yet the plan wanted a value: a default of the provider.")
	}
	value := v.real
	for _, s := range slices.Backward(steps) {
		member, ok := s.(string)
		if !ok {
			return reason("The code has no block that it could be in.")
		}
		value = map[string]any{member: value}
	}
	if list, ok := value.([]any); ok && len(list) > 0 && objects(list) {
		for _, one := range list {
			e.addBlock(file, body, nil, name, one.(map[string]any))
		}
		return nil
	}
	e.addAttribute(file, body, name, value)
	return nil
}

func objects(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, is := v.(map[string]any); return !is })
}

// blocks makes all blocks of a name what is real.
func (e *editor) blocks(at *place, file string, body *hclsyntax.Body, name string, blocks []*hclsyntax.Block, v sides) error {
	wanted, ok1 := listOf(v.wanted)
	real, ok2 := listOf(v.real)
	if !ok1 || !ok2 {
		return reason("Its values are no blocks.")
	}
	written, ok := match(blocks, wanted)
	if !ok {
		return reason("It cannot be told which of the blocks in the code are which.")
	}
	becomes := pair(wanted, real) // index of real → index of wanted, -1 is none
	var last *hclsyntax.Block
	for j, to := range real {
		i := becomes[j]
		if i < 0 {
			e.addBlock(file, body, last, name, to)
			continue
		}
		last = written[i]
		if err := e.reconcile(at, file, last.Body, wanted[i], to); err != nil {
			return err
		}
	}
	for i, b := range written {
		if !slices.Contains(becomes, i) {
			e.removeBlock(file, b)
		}
	}
	return nil
}

func listOf(v any) ([]map[string]any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case map[string]any:
		return []map[string]any{v}, true
	case []any:
		if !objects(v) {
			return nil, false
		}
		out := make([]map[string]any, len(v))
		for i, one := range v {
			out[i] = one.(map[string]any)
		}
		return out, true
	}
	return nil, false
}

// match finds the block of each wanted object: the one in its place if it fits, else the
// first that does.
func match(blocks []*hclsyntax.Block, wanted []map[string]any) ([]*hclsyntax.Block, bool) {
	out := make([]*hclsyntax.Block, len(wanted))
	if len(blocks) != len(wanted) {
		return nil, false
	}
	used := make([]bool, len(blocks))
	for i, w := range wanted {
		if fits(blocks[i].Body, w) && !used[i] {
			out[i], used[i] = blocks[i], true
			continue
		}
		for n, b := range blocks {
			if !used[n] && fits(b.Body, w) && (n >= len(wanted) || !fits(b.Body, wanted[n])) {
				out[i], used[n] = b, true
				break
			}
		}
		if out[i] == nil {
			return nil, false
		}
	}
	return out, true
}

// fits reports whether all that a block has written out is what an object says.
func fits(body *hclsyntax.Body, object map[string]any) bool {
	for name, a := range body.Attributes {
		if v, written := literal(a.Expr); written && !same(v, object[name]) {
			return false
		}
	}
	inner := map[string][]*hclsyntax.Block{}
	for _, b := range body.Blocks {
		if b.Type == "dynamic" {
			return false
		}
		inner[b.Type] = append(inner[b.Type], b)
	}
	for name, blocks := range inner {
		list, ok := listOf(object[name])
		if !ok || len(list) != len(blocks) {
			return false
		}
	}
	return true
}

// pair says which wanted object each real one comes from: the same one, or the one that is
// most like it among those that are no more.
func pair(wanted, real []map[string]any) []int {
	out, used := make([]int, len(real)), make([]bool, len(wanted))
	for j, r := range real {
		out[j] = slices.IndexFunc(wanted, func(w map[string]any) bool { return equal(w, r) })
		for i := range wanted {
			if out[j] >= 0 && used[out[j]] {
				out[j] = -1
			}
			if out[j] < 0 && !used[i] && equal(wanted[i], r) {
				out[j] = i
			}
		}
		if out[j] >= 0 {
			used[out[j]] = true
		}
	}
	for j, r := range real {
		if out[j] >= 0 {
			continue
		}
		best := 0
		for i, w := range wanted {
			if n := alike(w, r); !used[i] && n > best {
				best, out[j] = n, i
			}
		}
		if out[j] >= 0 {
			used[out[j]] = true
		}
	}
	return out
}

// alike counts the members that two objects share, if they are most of them.
func alike(a, b map[string]any) int {
	n, all := 0, 0
	for name, v := range a {
		if same(v, nil) && same(b[name], nil) {
			continue
		}
		all++
		if same(v, b[name]) {
			n++
		}
	}
	if 2*n < all {
		return 0
	}
	return n
}

// reconcile makes a block what an object is.
func (e *editor) reconcile(at *place, file string, body *hclsyntax.Body, wanted, real map[string]any) error {
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
		if err := e.inBody(at, file, body, []any{name}, sides{wanted[name], real[name]}); err != nil {
			return err
		}
	}
	return nil
}
