package variables

import (
	"cmp"
	"context"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Set is a variable set that applies to a workspace, as far as precedence needs it.
// How it applies is not exclusive: a set may be given to the workspace and to its
// project.
type Set struct {
	ID             string `db:"id"`
	Name           string `db:"name"`
	Priority       bool   `db:"priority"`
	Global         bool   `db:"is_global"`
	OwnedByProject bool   `db:"owned_by_project"`
	OnProject      bool   `db:"on_project"`
	OnWorkspace    bool   `db:"on_workspace"`
}

// Places in the order of precedence, as HCP Terraform numbers them ("Workspace
// variables", Precedence): 1 comes first. Places 6 and 7 are those of variables
// that a run brings along.
const ofWorkspace = 8

// place returns the best place that the set has in the order of precedence.
func (s Set) place() int {
	best := 100
	add := func(applies bool, priority, normal int) {
		switch {
		case applies && s.Priority:
			best = min(best, priority)
		case applies:
			best = min(best, normal)
		}
	}
	add(s.Global, 1, 13)
	add(s.OnProject && !s.OwnedByProject, 2, 12)
	add(s.OnWorkspace && !s.OwnedByProject, 3, 11)
	add(s.OnProject && s.OwnedByProject, 4, 10)
	add(s.OnWorkspace && s.OwnedByProject, 5, 9)
	return best
}

// Effective returns the variables that count among those of one workspace and of the
// sets that apply to it: of each category and key the one that comes first, ordered
// by key. Sets of the same place are ordered by name, by code points. Variables of
// other sets are left out.
func Effective(vars []Variable, sets []Set) []Variable {
	ranked := order(vars, sets)
	seen := map[[2]string]bool{}
	out := ranked[:0:0]
	for _, v := range ranked {
		if name := [2]string{v.Category, v.Key}; !seen[name] {
			seen[name] = true
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b Variable) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Category, b.Category), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// order sorts variables by precedence.
func order(vars []Variable, sets []Set) []Variable {
	byID := make(map[string]Set, len(sets))
	for _, s := range sets {
		byID[s.ID] = s
	}
	out := slices.DeleteFunc(slices.Clone(vars), func(v Variable) bool {
		if v.VarsetID == nil {
			return false
		}
		_, ok := byID[*v.VarsetID]
		return !ok
	})
	place := func(v Variable) (int, Set) {
		if v.VarsetID == nil {
			return ofWorkspace, Set{}
		}
		s := byID[*v.VarsetID]
		return s.place(), s
	}
	slices.SortFunc(out, func(a, b Variable) int {
		pa, sa := place(a)
		pb, sb := place(b)
		return cmp.Or(cmp.Compare(pa, pb), cmp.Compare(sa.Name, sb.Name), cmp.Compare(sa.ID, sb.ID), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// applicable returns the variables of a workspace and of its sets, unopened.
func (f *Feature) applicable(ctx context.Context, ws workspaces.Workspace) ([]Variable, []Set, error) {
	sets, err := f.Sets(ctx, ws)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]string, len(sets))
	for i, s := range sets {
		ids[i] = s.ID
	}
	query, args := db.List(selectVariables+` WHERE v.workspace_id = ? OR v.varset_id IN (?)`, ids, ws.ID)
	vars, err := db.All[Variable](ctx, f.DB, query, args...)
	return vars, sets, err
}

// InContext returns the variables of one of the sets that apply to a workspace, each
// with what stands before it there, or behind it. ok is false if the set does not
// apply.
func (f *Feature) InContext(ctx context.Context, ws workspaces.Workspace, varsetID string) (out []Variable, ok bool, err error) {
	vars, sets, err := f.applicable(ctx, ws)
	if err != nil || !slices.ContainsFunc(sets, func(s Set) bool { return s.ID == varsetID }) {
		return nil, false, err
	}
	first := map[[2]string]string{}
	behind := map[string][]string{}
	ranked := order(vars, sets)
	for _, v := range ranked {
		name := [2]string{v.Category, v.Key}
		if winner, taken := first[name]; taken {
			behind[winner] = append(behind[winner], v.ID)
		} else {
			first[name] = v.ID
		}
	}
	for _, v := range ranked {
		if v.VarsetID == nil || *v.VarsetID != varsetID {
			continue
		}
		if winner := first[[2]string{v.Category, v.Key}]; winner != v.ID {
			v.Overwriter = winner
		}
		v.Overwritten = append([]string{}, behind[v.ID]...)
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Variable) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
	return out, true, f.open(ctx, out)
}

// Value is a variable as an engine gets it.
type Value struct {
	Key       string
	Category  string // terraform, env
	HCL       bool   // the value is an expression of the language, not a text
	Sensitive bool   // must be masked in logs
	Priority  bool   // stands before what the run brings along, such as -var
	Value     crypt.Secret
}

// ForRun returns the variables of a run in the workspace, opened, ordered by key.
func (f *Feature) ForRun(ctx context.Context, workspaceID string) ([]Value, error) {
	ws, err := f.Workspaces.Find(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	vars, sets, err := f.applicable(ctx, ws)
	if err != nil {
		return nil, err
	}
	priority := map[string]bool{}
	for _, s := range sets {
		priority[s.ID] = s.Priority
	}
	var out []Value
	for _, v := range Effective(vars, sets) {
		value, err := f.Keyring.Open(ctx, v.OrgID, v.Value, aad(v.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, Value{Key: v.Key, Category: v.Category, HCL: v.HCL, Sensitive: v.Sensitive,
			Priority: v.VarsetID != nil && priority[*v.VarsetID], Value: crypt.Secret(value)})
	}
	return out, nil
}
