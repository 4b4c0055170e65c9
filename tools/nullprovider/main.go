// Command terraform-provider-null is a provider small enough to be built from the Go module
// proxy: the resource null_resource and the data source null_data_source of hashicorp/null, as
// far as tests and demonstrations use them. It stands in where no provider can be downloaded,
// and it is what the tests of the private registry publish.
//
// It speaks plugin protocol 5, so every Terraform since 0.13 and every OpenTofu runs it.
// `go build -ldflags "-X main.version=3.2.4"` sets the version that it reports.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// version is stamped at the build.
var version = "0.0.0-dev"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger")
	flag.Parse()
	err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{
		Address:         "registry.terraform.io/hashicorp/null",
		Debug:           *debug,
		ProtocolVersion: 5,
	})
	if err != nil {
		log.Fatal(err)
	}
}
