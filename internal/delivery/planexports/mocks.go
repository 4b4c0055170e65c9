package planexports

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object of which only the outermost level is known.
type object = map[string]any

// mock is a file that stands for an import of a policy.
type mock struct {
	module string // such as "tfplan/v2"
	vars   []variable
}

// variable is a name that the import has.
type variable struct {
	name  string
	value any
}

// mocksOf makes mocks of a plan's JSON (as "show -json" gives it) and what tfrun tells of
// its run. Those of the version 1 imports are left out: they are of Terraform 0.11.
func mocksOf(plan []byte, run object) ([]mock, error) {
	d := json.NewDecoder(bytes.NewReader(plan))
	d.UseNumber()
	var p object
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errors.New("it is no JSON object")
	}
	return []mock{tfplan(p), tfstate(p), tfconfig(p), tfrun(run)}, nil
}

func tfplan(p object) mock {
	planned := in(p, "planned_values")
	return mock{"tfplan/v2", []variable{
		{"terraform_version", p["terraform_version"]},
		{"variables", named(in(p, "variables"))},
		{"planned_values", object{"outputs": named(in(planned, "outputs")), "resources": resources(in(planned, "root_module"))}},
		{"resource_changes", changes(p["resource_changes"])},
		{"resource_drift", changes(p["resource_drift"])},
		{"output_changes", outputChanges(in(p, "output_changes"))},
		{"raw", p},
	}}
}

func tfstate(p object) mock {
	state := in(p, "prior_state")
	values := in(state, "values")
	return mock{"tfstate/v2", []variable{
		{"terraform_version", state["terraform_version"]},
		{"outputs", named(in(values, "outputs"))},
		{"resources", resources(in(values, "root_module"))},
	}}
}

func tfconfig(p object) mock {
	config := in(p, "configuration")
	c := configuration{resources: object{}, provisioners: object{}, variables: object{}, outputs: object{}, calls: object{}}
	c.add("", in(config, "root_module"))
	return mock{"tfconfig/v2", []variable{
		{"providers", in(config, "provider_config")},
		{"resources", c.resources},
		{"provisioners", c.provisioners},
		{"variables", c.variables},
		{"outputs", c.outputs},
		{"module_calls", c.calls},
	}}
}

func tfrun(run object) mock {
	m := mock{module: "tfrun"}
	for _, name := range slices.Sorted(maps.Keys(run)) {
		m.vars = append(m.vars, variable{name, run[name]})
	}
	return m
}

// in returns the object that a member is, an empty one if it is something else.
func in(o object, member string) object {
	m, _ := o[member].(object)
	if m == nil {
		m = object{}
	}
	return m
}

// list returns the objects of a list.
func list(v any) []object {
	items, _ := v.([]any)
	var out []object
	for _, item := range items {
		if o, ok := item.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// with returns a copy of o with more members.
func with(o, more object) object {
	out := maps.Clone(o)
	maps.Copy(out, more)
	return out
}

// named gives each member its own name as a member.
func named(members object) object {
	out := object{}
	for name := range members {
		out[name] = with(in(members, name), object{"name": name})
	}
	return out
}

func outputChanges(members object) object {
	out := object{}
	for name := range members {
		out[name] = object{"name": name, "change": members[name]}
	}
	return out
}

// changes are resource changes by address; those of deposed objects say which.
func changes(v any) object {
	out := object{}
	for _, c := range list(v) {
		address, _ := c["address"].(string)
		if deposed, ok := c["deposed"].(string); ok {
			address += " (deposed " + deposed + ")"
		}
		out[address] = c
	}
	return out
}

// resources are those of a module and of the modules in it, by address.
func resources(module object) object {
	out := object{}
	for _, r := range list(module["resources"]) {
		address, _ := r["address"].(string)
		out[address] = with(r, object{"module_address": text(module["address"])})
	}
	for _, child := range list(module["child_modules"]) {
		maps.Copy(out, resources(child))
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// configuration gathers what all modules have.
type configuration struct {
	resources, provisioners, variables, outputs, calls object
}

// add adds what a module has; address is that of its call, "" of the root module.
func (c configuration) add(address string, module object) {
	at := func(name, separator string) string {
		if address == "" {
			return name
		}
		return address + separator + name
	}
	for _, r := range list(module["resources"]) {
		own := at(text(r["address"]), ".")
		c.resources[own] = with(r, object{"address": own, "module_address": address, "config": in(r, "expressions")})
		for i, p := range list(r["provisioners"]) {
			key := own + ":" + strconv.Itoa(i)
			c.provisioners[key] = with(p, object{"resource_address": own, "index": i, "config": in(p, "expressions")})
		}
	}
	for name := range in(module, "variables") {
		c.variables[at(name, ":")] = with(in(in(module, "variables"), name), object{"name": name, "module_address": address})
	}
	for name := range in(module, "outputs") {
		o := in(in(module, "outputs"), name)
		c.outputs[at(name, ":")] = object{"name": name, "module_address": address, "sensitive": o["sensitive"] == true,
			"description": text(o["description"]), "value": in(o, "expression"), "depends_on": o["depends_on"]}
	}
	for name := range in(module, "module_calls") {
		call := in(in(module, "module_calls"), name)
		c.calls[at(name, ":")] = object{"name": name, "module_address": address, "source": text(call["source"]),
			"version_constraint": text(call["version_constraint"]), "config": in(call, "expressions"),
			"count": in(call, "count_expression"), "for_each": in(call, "for_each_expression"), "depends_on": call["depends_on"]}
		c.add(at("module."+name, "."), in(call, "module"))
	}
}

// file is the name of a mock's file.
func (m mock) file() string { return "mock-" + strings.ReplaceAll(m.module, "/", "-") + ".sentinel" }

// source is a mock in Sentinel's language.
func (m mock) source() []byte {
	var b bytes.Buffer
	for i, v := range m.vars {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(v.name + " = ")
		literal(&b, v.value, "")
		b.WriteString("\n")
	}
	return b.Bytes()
}

// literal writes a value. Unlike in JSON, every line of a list or map ends with a comma.
func literal(b *bytes.Buffer, v any, indent string) {
	deeper := indent + "\t"
	switch v := v.(type) {
	case object:
		b.WriteString("{")
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString("\n" + deeper + quoted(key) + ": ")
			literal(b, v[key], deeper)
			b.WriteString(",")
		}
		if len(v) > 0 {
			b.WriteString("\n" + indent)
		}
		b.WriteString("}")
	case []any:
		b.WriteString("[")
		for _, item := range v {
			b.WriteString("\n" + deeper)
			literal(b, item, deeper)
			b.WriteString(",")
		}
		if len(v) > 0 {
			b.WriteString("\n" + indent)
		}
		b.WriteString("]")
	default:
		b.WriteString(quoted(v))
	}
}

// quoted is a string, number, boolean or null, which Sentinel writes as JSON does.
func quoted(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// packed is an archive of mocks with the settings by which Sentinel finds them.
func packed(mocks []mock) (*bytes.Buffer, error) {
	var out, settings bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	add := func(name string, body []byte) error {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body)), ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
		_, err := t.Write(body)
		return err
	}
	for _, m := range mocks {
		settings.WriteString("mock " + quoted(m.module) + " {\n  module {\n    source = " + quoted(m.file()) + "\n  }\n}\n\n")
		if err := add(m.file(), m.source()); err != nil {
			return nil, err
		}
	}
	return &out, errors.Join(add("sentinel.hcl", settings.Bytes()), t.Close(), z.Close())
}
