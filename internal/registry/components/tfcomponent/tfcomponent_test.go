package tfcomponent_test

import (
	"errors"
	"testing"

	"plumbline.dev/plumbline/internal/registry/components/tfcomponent"
)

// FuzzRead: no file of a stranger does more than be refused.
func FuzzRead(f *testing.F) {
	for _, src := range []string{
		``, `variable "a" { type = map(object({ b = optional(string, "x") })) }`, `required_providers { aws = { source = "hashicorp/aws", version = "~> 5.0" } }`,
		`component "a" { source = "./a" }` + "\n" + `output "b" {` + "\n  type = string\n  value = component.a.b\n}", `language = TFStack2023`,
		`{"variable":{"a":{"type":"string"}}}`, `{"required_providers":[{"aws":{"source":1}}]}`, "variable \"a\" {", "\x00", `required_providers { (a) = { source = "x" } }`,
		`stack "a" { source = "${x}" }`, `variable "${a}" { type = 1 }`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, name := range []string{"main.tfcomponent.hcl", "main.tfcomponent.json"} {
			_, err := tfcomponent.Read(map[string][]byte{name: []byte(src)})
			var bad *tfcomponent.Bad
			if err != nil && (!errors.As(err, &bad) || bad.Reason == "") {
				t.Errorf("Read(%q) = %v, want a reason", src, err)
			}
		}
	})
}
