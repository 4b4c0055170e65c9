package api

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// include follows each relationship path from the roots, which are of the named
// type, with one statement per type and depth. What the caller may not read is left
// out.
func (r *Router) include(ctx context.Context, name string, roots []jsonapi.Resource, paths []string) ([]jsonapi.Resource, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	in := inclusion{Router: r, seen: map[jsonapi.Ref]*jsonapi.Resource{}}
	for i := range roots {
		in.seen[roots[i].Ref()] = &roots[i]
	}
	for _, path := range paths {
		first, _, _ := strings.Cut(path, ".")
		if _, ok := r.types[name].relationships[wireName(first)]; !ok {
			return nil, badInclude(path)
		}
		if err := in.follow(ctx, roots, path); err != nil {
			return nil, err
		}
	}
	return in.out, nil
}

// badInclude has the words that go-tfe looks for.
func badInclude(path string) error { return problem.BadRequest("Invalid include parameter: %s", path) }

// wireName is the relationship that an include means: both spellings are in use.
func wireName(s string) string { return strings.ReplaceAll(s, "_", "-") }

type inclusion struct {
	*Router
	seen map[jsonapi.Ref]*jsonapi.Resource // nil: known to be absent or not allowed
	out  []jsonapi.Resource
}

// follow adds what one path leads to.
func (in *inclusion) follow(ctx context.Context, level []jsonapi.Resource, path string) error {
	for name := range strings.SplitSeq(path, ".") {
		refs, err := in.refsOf(level, wireName(name), path)
		if err != nil {
			return err
		}
		if err := in.load(ctx, refs, path); err != nil {
			return err
		}
		level = level[:0:0]
		for _, ref := range refs {
			if res := in.seen[ref]; res != nil {
				level = append(level, *res)
			}
		}
	}
	return nil
}

// refsOf returns what a relationship of the resources points at, each once.
func (in *inclusion) refsOf(level []jsonapi.Resource, name, path string) ([]jsonapi.Ref, error) {
	var refs []jsonapi.Ref
	seen := map[jsonapi.Ref]bool{}
	add := func(list ...jsonapi.Ref) {
		for _, ref := range list {
			if !seen[ref] {
				seen[ref] = true
				refs = append(refs, ref)
			}
		}
	}
	for _, res := range level {
		switch rel := res.Relationships[name].(type) {
		case jsonapi.One:
			if rel.Data != nil {
				add(*rel.Data)
			}
		case jsonapi.Many:
			add(rel.Data...)
		default:
			if _, known := in.types[res.Type].relationships[name]; !known || rel != nil {
				return nil, badInclude(path)
			}
		}
	}
	return refs, nil
}

// load fetches the resources that have not been seen yet, one statement per type.
func (in *inclusion) load(ctx context.Context, refs []jsonapi.Ref, path string) error {
	want := map[string][]string{}
	for _, ref := range refs {
		if _, ok := in.seen[ref]; !ok {
			in.seen[ref] = nil
			want[ref.Type] = append(want[ref.Type], ref.ID)
		}
	}
	for typ, ids := range want {
		k := in.types[typ]
		if k.byIDs == nil {
			return badInclude(path)
		}
		list, err := k.byIDs(ctx, ids)
		if err != nil {
			return err
		}
		for _, v := range list {
			if authz.Check(ctx, k.read, v) != nil {
				continue
			}
			res := k.view(ctx, v)
			in.seen[res.Ref()] = &res
			in.out = append(in.out, res)
		}
	}
	return nil
}
