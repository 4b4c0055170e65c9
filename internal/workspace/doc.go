// Package workspace is the room of what is managed: projects, workspaces, their
// variables and their states.
//
//	tags           keys and values on workspaces and projects
//	projects       groups of workspaces
//	workspaces     settings, locks, tags, consumers
//	variables      variables of a workspace
//	varsets        variables shared by many
//	sshkeys        keys for private module sources
//	stateversions  states and their outputs
//
// It may import the kernel and identity.
package workspace
