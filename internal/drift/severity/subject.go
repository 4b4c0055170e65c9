package severity

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
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
	vars     map[string]any // what expressions asked for
}

var indexes = regexp.MustCompile(`\[\d+\]`)
var quotedKey = regexp.MustCompile(`\["((?:[^"\\]|\\.)*)"\]`)

func newSubject(f classify.Finding) *subject {
	p := f.Path
	if strings.Contains(p, "[") {
		p = quotedKey.ReplaceAllString(indexes.ReplaceAllString(p, ""), ".$1")
	}
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

func expression(text string, limited bool) (cel.Program, error) {
	cache, err := programs()
	if err != nil {
		return nil, err
	}
	name := strconv.FormatBool(limited) + text
	if p, ok := cache.Get(name); ok {
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
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if limited { // counting costs as much as evaluating
		options = append(options, cel.CostLimit(maxCost))
	}
	p, err := env.Program(ast, options...)
	if err == nil {
		cache.Add(name, p)
	}
	return p, err
}

// true evaluates a condition. One that fails, because an attribute is not there or it costs too
// much, does not match.
func (s *subject) true(p cel.Program) bool {
	v, _, err := p.Eval(s)
	return err == nil && v.Value() == true
}

// ResolveName implements cel.Activation: values are converted when an expression asks for them.
func (s *subject) ResolveName(name string) (any, bool) {
	v, known := s.vars[name]
	if known {
		return v, true
	}
	v, known = s.variable(name)
	if known {
		if s.vars == nil {
			s.vars = map[string]any{}
		}
		s.vars[name] = v
	}
	return v, known
}

// Parent implements cel.Activation.
func (s *subject) Parent() cel.Activation { return nil }

func (s *subject) variable(name string) (any, bool) {
	before, after := s.sides()
	f := s.finding
	switch name {
	case "type":
		return f.Type, true
	case "path":
		return s.path, true
	case "name":
		return s.path[strings.LastIndex(s.path, ".")+1:], true
	case "kind":
		return s.kind, true
	case "address":
		return f.Address, true
	case "actions":
		return append([]string{}, f.Actions...), true
	case "before":
		return value(before), true
	case "after":
		return value(after), true
	case "object":
		return mapping(f.Object), true
	case "block":
		return mapping(f.Block), true
	case "masked":
		return f.Masked, true
	case "unknown":
		return f.Unknown, true
	case "format":
		return f.Format, true
	case "stateful":
		return s.stateful, true
	case "gone":
		return f.Kind == classify.Deleted || (f.Path != "" && empty(value(after))), true
	case "replaces":
		return slices.Contains(f.Actions, "delete") && slices.Contains(f.Actions, "create"), true
	case "destroys":
		return slices.Contains(f.Actions, "delete"), true
	}
	return nil, false
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
