// Package delivery is the room of how what is managed changes.
//
//	agentpools      groups of agents, who may use them, and their tokens
//	applies         the applies of runs: status, counts, log
//	configversions  the archives of code that runs use
//	dispatch        jobs for executors: who gets which, and what becomes of it
//	oidc            the identity of runs, by which clouds trust them
//	runtriggers     runs that follow the applied runs of other workspaces
//	runqueue        which run of a workspace goes next
//	runs            runs, their state machine, comments and events
//	logs            what executors print: appended in chunks, followed live, joined at the end
//	nesting         whether configuration of strangers is nested too deeply to be read
//	outputs         what plans and applies leave beside their log, as objects
//	phases          what executors get for plans and applies, and what becomes of what they bring
//	planexports     mocks of plans for Sentinel
//	plans           the plans of runs: status, counts, log, JSON forms
//	vcs             git repositories: branches, mirrors, archives of folders
//	progress        the statuses that plans and applies share
//
// It may import the kernel, identity and workspace.
package delivery
