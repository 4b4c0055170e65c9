// Package classify says what a plan tells about reality: which attributes of which objects
// were changed outside of the code, and what the next apply would do about it.
//
// A plan is not clean because its exit code is 0, nor drifted because it has changes: a check
// block with a data source makes both wrong. What counts is where the drift that an engine saw
// (state to reality) and the changes that it plans (reality to code) meet, attribute by attribute.
//
// Plans hold secrets in clear. Only the arrays that are needed are decoded, and the values of
// findings that are Masked must not leave memory.
package classify

import (
	"encoding/json"
	"io"
)

// Kind is what became of an attribute or an object.
type Kind string

// Kinds of findings. The first four are drift, the last two are not.
const (
	Drift       Kind = "drift"          // changed outside; the next apply undoes it
	DriftConfig Kind = "drift+config"   // changed outside and in the code, to different values
	Deleted     Kind = "deleted"        // gone outside; the next apply creates it again
	Feeds       Kind = "drift-feeds"    // changed outside, undone nowhere, but other changes follow from it
	StateOnly   Kind = "state-only"     // ignored, adopted in the code or computed: nothing to do
	Pending     Kind = "pending-config" // in the code, not applied yet
)

// Drifted says whether the kind is drift that somebody should know of.
func (k Kind) Drifted() bool {
	return k == Drift || k == DriftConfig || k == Deleted || k == Feeds
}

// Finding is one attribute of one object that differs, or one object as a whole.
type Finding struct {
	Address  string `json:"address"`            // such as module.net["a"].aws_subnet.b[0]
	Type     string `json:"type"`               // such as aws_subnet; "output" for an output of the root module
	Name     string `json:"name"`               // such as b
	Provider string `json:"provider,omitempty"` // full source address
	Module   string `json:"module,omitempty"`   // address of the module instance, "" for the root
	Index    any    `json:"index,omitempty"`    // of count or for_each; nil if there is none
	Mode     string `json:"mode"`               // managed
	Deposed  string `json:"deposed,omitempty"`  // key of an object that is left over from a replacement

	// Path is the attribute, such as ingress[0].cidr_blocks or tags["a b"]; "" is the object as a whole.
	Path string `json:"path"`
	Kind Kind   `json:"kind"`

	// Recorded is the value in the state, Real the one that the provider read, Wanted what the next
	// apply would set: as JSON decodes them, numbers as json.Number, nil where there is none.
	Recorded any `json:"recorded,omitempty"`
	Real     any `json:"real,omitempty"`
	Wanted   any `json:"wanted,omitempty"`

	Masked  bool     `json:"masked,omitempty"`  // sensitive on any side: JSON and String leave the values out
	Unknown bool     `json:"unknown,omitempty"` // Wanted is known only after the apply
	Format  bool     `json:"format,omitempty"`  // the same document in another form, such as a policy in another order
	Actions []string `json:"actions,omitempty"` // of the next apply on the object

	// Object holds the real object (the recorded one if it is gone) without its sensitive
	// attributes, for rules that look at more than one attribute. It is never written anywhere.
	Object map[string]any `json:"-"`
	// Block is the block of Object that holds the attribute: Object itself at the top.
	Block map[string]any `json:"-"`
}

// Public returns the finding without values that must not leave memory.
func (f Finding) Public() Finding {
	f.Object, f.Block = nil, nil
	if f.Masked {
		f.Recorded, f.Real, f.Wanted = nil, nil, nil
	}
	return f
}

// MarshalJSON leaves sensitive values out.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	return json.Marshal(plain(f.Public()))
}

// String names the finding without its values.
func (f Finding) String() string {
	if f.Path == "" {
		return f.Address + ": " + string(f.Kind)
	}
	return f.Address + " " + f.Path + ": " + string(f.Kind)
}

// Check is the result of the conditions of one object: a check block, a resource, a data
// source, an output or an input variable.
type Check struct {
	Address  string   `json:"address"`
	Kind     string   `json:"kind"`   // check, resource, output_value or var
	Status   string   `json:"status"` // pass, fail, error or unknown
	Problems []string `json:"problems,omitempty"`

	object string // the configuration object that it is an instance of
}

// Result is what a plan says.
type Result struct {
	Findings []Finding
	Checks   []Check

	// Resources counts the managed instances that the code or the state knows, Drifted those of
	// them with drift (state-only and pending-config are none), Undrifted the others.
	Resources, Drifted, Undrifted int

	TerraformVersion string
	// Providers maps the source addresses of providers to the version constraints of the root
	// module, "" where there is none. Exact versions are in the lock file only.
	Providers map[string]string
}

// Options are what helps to read a plan.
type Options struct {
	// Schemas is the output of "providers schema -json", from which sets are known. Without it
	// sets are recognized by their names and shapes.
	Schemas io.Reader
	// SetAttributes names more sets: resource type to paths without indexes, such as "ingress".
	SetAttributes map[string][]string
	// MaxBytes is how long a plan may be; 0 is 256 MiB.
	MaxBytes int64
}
