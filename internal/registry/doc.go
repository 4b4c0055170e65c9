// Package registry is the room of the parts that configurations are made of.
//
//	modules    private modules, their versions, and records of public ones
//	gpgkeys    public keys of those who sign providers
//	providers  private providers, their versions and platforms, and records of public ones
//	components  Stack component configurations and their versions
//	testruns   tests of modules: their configurations, runs and variables
//	mirror     providers of other registries, verified and kept
//
// It may import the kernel, identity, workspace and delivery.
package registry
