// Package executor is the room of the side that runs engines, on this machine or on
// another.
//
//	proto    the contract with the server
//	engine   OpenTofu of any version, fetched and verified
//	sandbox  one process of a stranger, isolated
//	masking  secrets kept out of logs
//	worker   jobs claimed, kept alive, ended and recovered
//	providers plugins, fetched once for all runs of a machine
//	recipe   what a plan and an apply are made of
//	planjson plans read: what they change, and what of them may be shown
//
// It may import of the kernel only id, problem, archive, crypt and config, and nothing of
// the other rooms: an agent has no database.
package executor
