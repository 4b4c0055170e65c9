package variables_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/workspace/variables"
)

// documented is the order of precedence as HCP Terraform's documentation lists it
// ("Workspace variables", Precedence), first to last.
var documented = []struct {
	name string
	is   func(s variables.Set, own bool) bool
}{
	{"priority global set", func(s variables.Set, own bool) bool { return !own && s.Priority && s.Global }},
	{"priority project-scoped set of the organization", func(s variables.Set, own bool) bool {
		return !own && s.Priority && s.OnProject && !s.OwnedByProject
	}},
	{"priority workspace-scoped set of the organization", func(s variables.Set, own bool) bool {
		return !own && s.Priority && s.OnWorkspace && !s.OwnedByProject
	}},
	{"priority project-scoped set of a project", func(s variables.Set, own bool) bool { return !own && s.Priority && s.OnProject && s.OwnedByProject }},
	{"priority workspace-scoped set of a project", func(s variables.Set, own bool) bool { return !own && s.Priority && s.OnWorkspace && s.OwnedByProject }},
	{"workspace variable", func(_ variables.Set, own bool) bool { return own }},
	{"workspace-scoped set of a project", func(s variables.Set, own bool) bool { return !own && !s.Priority && s.OnWorkspace && s.OwnedByProject }},
	{"project-scoped set of a project", func(s variables.Set, own bool) bool { return !own && !s.Priority && s.OnProject && s.OwnedByProject }},
	{"workspace-scoped set of the organization", func(s variables.Set, own bool) bool { return !own && !s.Priority && s.OnWorkspace && !s.OwnedByProject }},
	{"project-scoped set of the organization", func(s variables.Set, own bool) bool { return !own && !s.Priority && s.OnProject && !s.OwnedByProject }},
	{"global set", func(s variables.Set, own bool) bool { return !own && !s.Priority && s.Global }},
}

var setOf = rapid.Custom(func(t *rapid.T) variables.Set {
	s := variables.Set{Name: rapid.StringMatching(`[A-Ca-c]{1,2}|é`).Draw(t, "name"), Priority: rapid.Bool().Draw(t, "priority")}
	switch rapid.IntRange(0, 3).Draw(t, "scope") {
	case 0:
		s.Global = true
		return s
	case 1:
		s.OnProject = true
	case 2:
		s.OnWorkspace = true
	case 3:
		s.OnProject, s.OnWorkspace = true, true
	}
	s.OwnedByProject = rapid.Bool().Draw(t, "owned")
	return s
})

func TestEffectiveFollowsTheDocumentedOrder(t *testing.T) {
	ws := "ws-1"
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.SliceOfN(setOf, 0, 6).Draw(t, "sets")
		var vars []variables.Variable
		add := func(workspace, set *string) {
			for _, key := range []string{"a", "b"} {
				for _, category := range []string{"terraform", "env"} {
					if rapid.Bool().Draw(t, "has") {
						vars = append(vars, variables.Variable{ID: fmt.Sprintf("var-%02d", len(vars)), WorkspaceID: workspace, VarsetID: set, Key: key, Category: category})
					}
				}
			}
		}
		add(&ws, nil)
		for i := range sets {
			sets[i].ID = fmt.Sprintf("varset-%d", i)
			add(nil, &sets[i].ID)
		}
		foreign := "varset-elsewhere"
		add(nil, &foreign)
		shuffled := rapid.Permutation(vars).Draw(t, "order")
		before := slices.Clone(shuffled)

		got := variables.Effective(shuffled, sets)
		want := map[string]string{}
		for _, v := range vars {
			name := v.Category + "/" + v.Key
			if _, done := want[name]; !done {
				if id := first(vars, sets, v.Category, v.Key); id != "" {
					want[name] = id
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("Effective = %d variables, want %d", len(got), len(want))
		}
		for i, v := range got {
			if want[v.Category+"/"+v.Key] != v.ID {
				t.Errorf("Effective %s/%s = %s, want %s", v.Category, v.Key, v.ID, want[v.Category+"/"+v.Key])
			}
			if i > 0 && got[i-1].Key > v.Key {
				t.Errorf("Effective is not ordered by key: %s before %s", got[i-1].Key, v.Key)
			}
		}
		for i := range before {
			if before[i].ID != shuffled[i].ID {
				t.Fatalf("Effective changed its argument")
			}
		}
	})
}

// first finds the variable that counts by walking the documented order.
func first(vars []variables.Variable, sets []variables.Set, category, key string) string {
	byName := slices.Clone(sets)
	slices.SortStableFunc(byName, func(a, b variables.Set) int {
		if a.Name != b.Name {
			return slices.Compare([]rune(a.Name), []rune(b.Name))
		}
		return slices.Compare([]rune(a.ID), []rune(b.ID))
	})
	for _, place := range documented {
		for _, v := range vars {
			if v.WorkspaceID != nil && v.Category == category && v.Key == key && place.is(variables.Set{}, true) {
				return v.ID
			}
		}
		for _, s := range byName {
			for _, v := range vars {
				if v.VarsetID != nil && *v.VarsetID == s.ID && v.Category == category && v.Key == key && place.is(s, false) {
					return v.ID
				}
			}
		}
	}
	return ""
}
