// Package statefile reads the states of OpenTofu and Terraform while they stream by:
// a Scanner is a writer that checks that what it is given is a state and collects
// the few things that the server wants to know of it. Attributes of resources are
// passed over, so a state of any size costs the memory of its outputs and of the
// names of its resources.
//
// The surprising rule: an OpenTofu state that is encrypted at the client is a state
// too. Of it nothing is known but the serial and the lineage.
package statefile

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strings"
)

// State is what is known of a state.
type State struct {
	Version          int    // of the format; 0 if the client encrypted the state
	Encrypted        bool   // by the client
	TerraformVersion string // of the engine that wrote it
	Serial           int64
	Lineage          string // "" in states of Terraform before 0.7
	Outputs          []Output
	Resources        []Resource // the first MaxResources
	More             int        // resources beyond those
	Billable         int64      // managed instances but for null_resource and terraform_data
	Managed          int64      // managed instances
	// Digest is equal for states with the same resources and instances, whatever their
	// attributes are.
	Digest string
	// SerialAt and SerialEnd are the offsets of the digits of the serial.
	SerialAt, SerialEnd int64
}

// Output is an output of the root module.
type Output struct {
	Name      string
	Sensitive bool
	Type      json.RawMessage // such as "string" or ["list","string"], nil if unknown
	Value     json.RawMessage // nil if it is larger than MaxOutput
}

// Resource is a resource of the state, with its instances counted.
type Resource struct {
	Module   string // "" is the root module
	Data     bool   // a data source
	Type     string
	Name     string
	Provider string   // as in the state: provider["registry.opentofu.org/hashicorp/null"]
	Keys     []string // of its instances, deposed ones aside: "", 0 or "name" with its quotes
}

// MaxResources is how many resources of a state are collected; the others are only
// counted. A state with as many takes minutes to plan.
const MaxResources = 20_000

// Limits of what is collected, in bytes of JSON.
const (
	MaxOutput  = 4 << 20  // one output
	maxOutputs = 32 << 20 // all outputs of a state
	maxScalar  = 16 << 10 // a version, a lineage, a name
)

// Scanner is an io.Writer of a state. The zero value is ready for use.
type Scanner struct {
	// AnyObject makes every JSON object pass; nothing is collected.
	AnyObject bool

	lexer
	state   State
	err     error
	read    int64     // bytes of earlier calls of Write
	digest  hash.Hash // of the resources so far
	interns map[string]string
	outputs int             // bytes of outputs so far
	names   map[string]bool // of outputs so far

	top     member          // the root's member that is being read
	seen    map[member]bool // members of the root
	field   member          // the member of a resource that is being read
	deposed bool            // the instance that is being read has a "deposed" member
	index   string          // its key
	res     Resource
	name    string // of the output that is being read

	capture  int // depth of the value that is being kept, 0 is none
	limit    int
	tooBig   bool
	kept     []byte
	keptFrom int // in the present piece
}

// member is the name of a member that matters.
type member string

const (
	version           member = "version"
	serial            member = "serial"
	lineage           member = "lineage"
	terraformVersion  member = "terraform_version"
	encryptionVersion member = "encryption_version"
	outputs           member = "outputs"
	resources         member = "resources"
	instances         member = "instances"
	modulePath        member = "module"
	resourceMode      member = "mode"
	resourceType      member = "type"
	resourceName      member = "name"
	provider          member = "provider"
	deposed           member = "deposed"
	indexKey          member = "index_key"
)

// Write checks the next piece. Its error says what is wrong with the state, in words
// that may follow "The state is not valid: ".
func (s *Scanner) Write(p []byte) (int, error) {
	s.keptFrom = 0
	for i := 0; i < len(p) && s.err == nil; {
		at := i
		if i, s.err = s.step(p, i); s.err != nil {
			s.err = fmt.Errorf("%w at byte %d", s.err, s.read+int64(at))
		}
	}
	if s.err != nil {
		return 0, s.err
	}
	if s.capture > 0 {
		s.keep(p[s.keptFrom:])
	}
	s.read += int64(len(p))
	return len(p), nil
}

// State returns what is known of the state after all of it was written.
func (s *Scanner) State() (State, error) {
	switch {
	case s.err != nil:
	case s.read == 0:
		s.err = fmt.Errorf("it is empty")
	case s.mode != atEnd:
		s.err = errCut
	case s.state.Encrypted, s.AnyObject:
	case !s.seen[version]:
		s.err = fmt.Errorf("it has no version")
	case !s.seen[serial]:
		s.err = fmt.Errorf("it has no serial")
	}
	if s.digest != nil {
		s.state.Digest = hex.EncodeToString(s.digest.Sum(nil))
	}
	return s.state, s.err
}

// begin is told of the first byte of each value but the root.
func (s *Scanner) begin(c byte, i int) error {
	depth := len(s.stack)
	if s.capture > 0 || s.AnyObject {
		return nil
	}
	switch {
	case depth == 1:
		return s.beginMember(c, i)
	case depth == 2 && s.top == outputs:
		if len(s.key) > maxKey {
			return fmt.Errorf("the name of an output is longer than %d bytes", maxKey)
		}
		if strings.Contains(s.keyText(), "\x00") {
			return errNUL
		}
		if s.name = s.keyText(); s.names[s.name] {
			return fmt.Errorf("it has two outputs %.100q", s.name)
		}
		if s.names == nil {
			s.names = map[string]bool{}
		}
		s.names[s.name] = true
		s.start(depth, i, max(1, min(MaxOutput, maxOutputs-s.outputs)))
	case depth == 2 && s.top == resources:
		if c != '{' {
			return fmt.Errorf("a resource is no object")
		}
		s.res = Resource{}
	case depth == 3 && s.top == resources:
		s.beginField(c, i)
	case depth == 4 && s.field == instances:
		if s.deposed, s.index = false, ""; c != '{' {
			return fmt.Errorf("an instance is no object")
		}
	case depth == 5 && s.field == instances:
		s.beginInstanceField(i)
	}
	return nil
}

// beginMember begins a member of the root.
func (s *Scanner) beginMember(c byte, i int) error {
	s.top, s.field = "", ""
	switch m := member(s.keyText()); m {
	case version, serial, lineage, terraformVersion, encryptionVersion, outputs, resources:
		if s.seen[m] {
			return fmt.Errorf("it has two members %q", m)
		}
		if s.seen == nil {
			s.seen = map[member]bool{}
		}
		s.seen[m], s.top = true, m
	default:
		return nil
	}
	switch {
	case s.top == outputs && c != '{' && c != 'n':
		return fmt.Errorf("its outputs are no object")
	case s.top == resources && c != '[' && c != 'n':
		return fmt.Errorf("its resources are no list")
	case s.top == outputs || s.top == resources:
	default:
		s.start(1, i, maxScalar)
	}
	return nil
}

// beginField begins a member of a resource.
func (s *Scanner) beginField(c byte, i int) {
	s.field = ""
	switch m := member(s.keyText()); m {
	case modulePath, resourceMode, resourceType, resourceName, provider:
		s.field = m
		s.start(3, i, maxScalar)
	case instances:
		if c == '[' {
			s.field = instances
		}
	}
}

// beginInstanceField begins a member of an instance.
func (s *Scanner) beginInstanceField(i int) {
	switch member(s.keyText()) {
	case deposed:
		s.deposed = true
	case indexKey:
		s.start(5, i, maxScalar)
	}
}

// end is told of the end of each value but the root; its last byte is before p[i].
func (s *Scanner) end(p []byte, i int) error {
	depth := len(s.stack)
	switch {
	case s.capture == depth && s.capture > 0:
		s.keep(p[s.keptFrom:i])
		raw, tooBig := s.kept, s.tooBig
		s.capture = 0
		return s.captured(depth, raw, tooBig, i)
	case s.capture > 0:
	case depth == 2 && s.top == resources:
		s.resource()
	case depth == 3 && s.field == instances:
		s.field = ""
	case depth == 4 && s.field == instances && !s.deposed:
		s.res.Keys = append(s.res.Keys, s.index)
	}
	return nil
}
