// Package delivery is the room of how what is managed changes.
//
//	agentpools      groups of agents, who may use them, and their tokens
//	configversions  the archives of code that runs use
//
// It may import the kernel, identity and workspace.
package delivery
