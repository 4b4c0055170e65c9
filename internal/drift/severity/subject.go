package severity

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	lru "github.com/hashicorp/golang-lru/v2"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// subject is a finding as expressions see it.
type subject struct {
	finding  classify.Finding
	kind     string
	path     string // without indexes and quotes
	stateful bool
	vars     map[string]any // made when an expression first asks
}

var indexes = regexp.MustCompile(`\[\d+\]`)
var quotedKey = regexp.MustCompile(`\["((?:[^"\\]|\\.)*)"\]`)

func newSubject(f classify.Finding) *subject {
	p := quotedKey.ReplaceAllString(indexes.ReplaceAllString(f.Path, ""), ".$1")
	return &subject{finding: f, kind: string(f.Kind), path: strings.TrimPrefix(p, "."), stateful: Stateful(f.Type)}
}

// sides are what the change starts from and what it leads to: reality against the state, or
// for pending code what is wanted against reality.
func (s *subject) sides() (before, after any) {
	if s.finding.Kind == classify.Pending {
		return s.finding.Real, s.finding.Wanted
	}
	return s.finding.Recorded, s.finding.Real
}

// environment declares what an expression may use.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.OptionalTypes(),
		ext.Strings(),
		cel.Variable("type", cel.StringType),
		cel.Variable("path", cel.StringType),
		cel.Variable("name", cel.StringType), // last part of the path
		cel.Variable("kind", cel.StringType),
		cel.Variable("address", cel.StringType),
		cel.Variable("actions", cel.ListType(cel.StringType)),
		cel.Variable("before", cel.DynType),
		cel.Variable("after", cel.DynType),
		cel.Variable("object", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("block", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("masked", cel.BoolType),
		cel.Variable("unknown", cel.BoolType),
		cel.Variable("format", cel.BoolType),
		cel.Variable("stateful", cel.BoolType),
		cel.Variable("gone", cel.BoolType),     // the object, or this attribute, is not there any more
		cel.Variable("replaces", cel.BoolType), // the next apply destroys the object and makes another
		cel.Variable("destroys", cel.BoolType), // the next apply destroys the object
	}
	return cel.NewEnv(append(options, functions()...)...)
})

// programs are compiled expressions by their text: an organization's rules come with every scan.
var programs = sync.OnceValues(func() (*lru.Cache[string, cel.Program], error) { return lru.New[string, cel.Program](4096) })

// maxCost bounds the work of one expression for one finding.
const maxCost = 200_000

func expression(text string) (cel.Program, error) {
	cache, err := programs()
	if err != nil {
		return nil, err
	}
	if p, ok := cache.Get(text); ok {
		return p, nil
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("the condition is wrong: %w", issues.Err())
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the condition gives %s, not true or false", t)
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err == nil {
		cache.Add(text, p)
	}
	return p, err
}

// true evaluates a condition. One that fails, because an attribute is not there or it costs too
// much, does not match.
func (s *subject) true(p cel.Program) bool {
	if s.vars == nil {
		s.vars = s.variables()
	}
	v, _, err := p.Eval(s.vars)
	return err == nil && v.Value() == true
}

func (s *subject) variables() map[string]any {
	before, after := s.sides()
	f := s.finding
	actions := f.Actions
	if actions == nil {
		actions = []string{}
	}
	destroys := contains(actions, "delete")
	return map[string]any{
		"type": f.Type, "path": s.path, "name": s.path[strings.LastIndex(s.path, ".")+1:], "kind": s.kind, "address": f.Address, "actions": actions,
		"before": value(before), "after": value(after), "object": mapping(f.Object), "block": mapping(f.Block),
		"masked": f.Masked, "unknown": f.Unknown, "format": f.Format, "stateful": s.stateful,
		"gone":     f.Kind == classify.Deleted || (f.Path != "" && empty(value(after))),
		"replaces": destroys && contains(actions, "create"), "destroys": destroys,
	}
}

func contains(list []string, word string) bool {
	for _, e := range list {
		if e == word {
			return true
		}
	}
	return false
}

func mapping(m map[string]any) map[string]any {
	v, _ := value(m).(map[string]any)
	if v == nil {
		return map[string]any{}
	}
	return v
}

// value turns numbers as JSON decodes them into those of expressions.
func value(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, err := v.Float64()
		if err != nil {
			return string(v)
		}
		return n
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = value(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = value(e)
		}
		return out
	}
	return v
}
