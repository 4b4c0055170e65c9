// Command terraform-provider-fake is a provider for the cloud of internal/apptest/fakecloud. The
// same binary is the provider aws, google, azurerm, kubernetes, cloudflare or github, by the name
// that it is called by: terraform-provider-aws_v1.0.0 has aws_instance and so on, with the shapes
// of attributes that the rules of drift detection look at.
//
// What an object has is a table (types.go); every resource is made of it in the same way.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// called is the name of the provider that a file is: aws of /x/terraform-provider-aws_v1.0.0.
func called(file string) string {
	name := strings.TrimPrefix(filepath.Base(file), "terraform-provider-")
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ".exe"), "_v")
	return name
}

func main() {
	name := called(os.Args[0])
	if _, known := catalogue[name]; !known {
		log.Fatalf("called as %q, which is none of the providers that it knows", name)
	}
	err := providerserver.Serve(context.Background(), func() provider.Provider { return fake{name} }, providerserver.ServeOpts{
		Address:         "fakecloud.test/lab/" + name,
		ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err)
	}
}
