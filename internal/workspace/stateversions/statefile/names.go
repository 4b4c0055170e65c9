package statefile

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// Kind is the JSON kind of an output's type, as in state-version-outputs.md: a
// tuple, list or set is an "array", a map is an "object".
func (o Output) Kind() string {
	var name string
	if json.Unmarshal(o.Type, &name) == nil {
		return name
	}
	var complexType []json.RawMessage
	if json.Unmarshal(o.Type, &complexType) != nil || len(complexType) == 0 || json.Unmarshal(complexType[0], &name) != nil {
		return ""
	}
	switch name {
	case "tuple", "list", "set":
		return "array"
	case "map":
		return "object"
	}
	return name
}

// Key is the resource's type as the API counts it: "null-resource", or
// "data.terraform-remote-state".
func (r Resource) Key() string { return strings.ReplaceAll(r.FullType(), "_", "-") }

// WithSerial returns what r gives, which must be the state s, with another serial.
func (s State) WithSerial(r io.Reader, serial int64) io.Reader {
	rest := &skipper{r: r, skip: s.SerialEnd - s.SerialAt}
	return io.MultiReader(io.LimitReader(r, s.SerialAt), strings.NewReader(strconv.FormatInt(serial, 10)), rest)
}

// skipper leaves out the first bytes of r.
type skipper struct {
	r    io.Reader
	skip int64
}

// Read implements io.Reader.
func (s *skipper) Read(p []byte) (int, error) {
	if s.skip > 0 {
		n, err := io.CopyN(io.Discard, s.r, s.skip)
		s.skip -= n
		if err != nil {
			return 0, err
		}
	}
	return s.r.Read(p)
}

// Address is the address of the instance with the given key, as the API writes it.
func (r Resource) Address(key string) string {
	address := r.FullType() + "." + r.Name
	if r.Module != "" {
		address = r.ModuleName() + "." + address
	}
	if key != "" {
		address += "[" + key + "]"
	}
	return address
}

// ProviderName is the provider without its host, such as "hashicorp/null" for
// module.m.provider["registry.opentofu.org/hashicorp/null"].west.
func (r Resource) ProviderName() string {
	_, name, ok := strings.Cut(r.Provider, `["`)
	if !ok {
		return r.Provider // before Terraform 0.13: provider.null
	}
	name, _, _ = strings.Cut(name, `"]`)
	if host, rest, ok := strings.Cut(name, "/"); ok && strings.Contains(host, ".") {
		return rest
	}
	return name
}

// FullType is the resource's type, with "data." before that of a data source.
func (r Resource) FullType() string {
	if r.Data {
		return "data." + r.Type
	}
	return r.Type
}

// ModuleName is the module's address as the API writes it, without the words
// "module" (go-tfe, TestWorkspaceResourcesList); the root module is "root".
func (r Resource) ModuleName() string {
	if r.Module == "" {
		return "root"
	}
	const word = "module."
	var name strings.Builder
	quoted := false
	for rest := r.Module; rest != ""; {
		atStart := name.Len() == 0 || strings.HasSuffix(name.String(), ".")
		if after, ok := strings.CutPrefix(rest, word); ok && atStart && !quoted {
			rest = after
			continue
		}
		n := 1
		if rest[0] == '\\' {
			n = min(2, len(rest))
		}
		quoted = quoted != (rest[0] == '"')
		name.WriteString(rest[:n])
		rest = rest[n:]
	}
	return name.String()
}
