package statefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// resource takes a resource that has been read.
func (s *Scanner) resource() {
	r := s.res
	if s.digest == nil {
		s.digest = sha256.New()
	}
	if !r.Data {
		n := int64(len(r.Keys))
		s.state.Managed += n
		if r.Type != "null_resource" && r.Type != "terraform_data" {
			s.state.Billable += n
		}
	}
	for _, part := range append([]string{r.Module, r.FullType(), r.Name, r.Provider, strconv.Itoa(len(r.Keys))}, r.Keys...) {
		_, _ = s.digest.Write([]byte(part)) // a hash takes everything
		_, _ = s.digest.Write([]byte{0})
	}
	if len(s.state.Resources) >= MaxResources {
		s.state.More++
		return
	}
	r.Module, r.Type, r.Provider = s.intern(r.Module), s.intern(r.Type), s.intern(r.Provider)
	s.state.Resources = append(s.state.Resources, r)
}

// intern returns one copy of the strings that states repeat in each resource.
func (s *Scanner) intern(v string) string {
	if known, ok := s.interns[v]; ok {
		return known
	}
	if s.interns == nil {
		s.interns = map[string]string{}
	}
	s.interns[v] = v
	return v
}

// start begins to keep the value that begins at p[i].
func (s *Scanner) start(depth, i, limit int) {
	s.capture, s.limit, s.tooBig, s.kept, s.keptFrom = depth, limit, false, s.kept[:0], i
}

// keep adds to the value that is being kept, up to its limit.
func (s *Scanner) keep(b []byte) {
	if s.tooBig = s.tooBig || len(s.kept)+len(b) > s.limit; !s.tooBig {
		s.kept = append(s.kept, b...)
	}
}

// captured takes a value that was kept.
func (s *Scanner) captured(depth int, raw []byte, tooBig bool, i int) error {
	if depth == 2 {
		return s.output(raw, tooBig)
	}
	name := s.top
	switch depth {
	case 3:
		name = s.field
	case 5:
		name = indexKey
	}
	if tooBig {
		return fmt.Errorf("its %s is longer than %d bytes", name, maxScalar)
	}
	var err error
	switch name {
	case version:
		s.state.Version, err = strconv.Atoi(string(raw))
		if err == nil && s.state.Version < 1 {
			err = fmt.Errorf("version %d", s.state.Version)
		}
	case serial:
		end := s.read + int64(i)
		s.state.SerialAt, s.state.SerialEnd = end-int64(len(raw)), end
		s.state.Serial, err = strconv.ParseInt(string(raw), 10, 64)
		if err == nil && s.state.Serial < 0 {
			err = fmt.Errorf("serial %d", s.state.Serial)
		}
	case lineage:
		s.state.Lineage, err = text(raw)
	case terraformVersion:
		s.state.TerraformVersion, err = text(raw)
	case encryptionVersion:
		s.state.Encrypted = true
	case indexKey:
		s.index, err = instanceKey(raw)
	default:
		err = s.resourceField(name, raw)
	}
	if err != nil {
		return fmt.Errorf("its %s is not what a state has there", name)
	}
	return nil
}

func (s *Scanner) resourceField(name member, raw []byte) error {
	v, err := text(raw)
	switch name {
	case modulePath:
		s.res.Module = v
	case resourceMode:
		s.res.Data = v == "data"
	case resourceType:
		s.res.Type = v
	case resourceName:
		s.res.Name = v
	case provider:
		s.res.Provider = v
	}
	return err
}

// text decodes a JSON string; null is "". A NUL is in no name, and databases refuse it.
func text(raw []byte) (s string, err error) {
	if err = json.Unmarshal(raw, &s); err == nil && strings.Contains(s, "\x00") {
		err = errNUL
	}
	return s, err
}

// instanceKey is the key of an instance as addresses have it.
func instanceKey(raw []byte) (string, error) {
	switch raw[0] {
	case 'n':
		return "", nil
	case '"':
		s, err := text(raw)
		return strconv.Quote(s), err
	case '{', '[', 't', 'f':
		return "", errors.New("no key")
	}
	return string(raw), nil
}

var errNUL = errors.New("a NUL character")

// output takes an output. One that is too big is known by its name alone and taken
// as sensitive.
func (s *Scanner) output(raw []byte, tooBig bool) error {
	if tooBig {
		s.state.Outputs = append(s.state.Outputs, Output{Name: s.name, Sensitive: true})
		return nil
	}
	s.outputs += len(raw)
	var out struct {
		Sensitive bool            `json:"sensitive"`
		Type      json.RawMessage `json:"type"`
		Value     json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return fmt.Errorf("its output %.100q is not what a state has there", s.name)
	}
	if out.Value == nil {
		out.Value = json.RawMessage("null")
	}
	s.state.Outputs = append(s.state.Outputs, Output{Name: s.name, Sensitive: out.Sensitive, Type: bytes.ToValidUTF8(out.Type, []byte("\uFFFD")), Value: out.Value})
	return nil
}

// keyText is the last member's name.
func (s *Scanner) keyText() string {
	if !s.escaped && utf8.Valid(s.key) {
		return string(s.key)
	}
	var name string
	if len(s.key) > maxKey || json.Unmarshal([]byte(`"`+string(s.key)+`"`), &name) != nil {
		return ""
	}
	return name
}
