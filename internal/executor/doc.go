// Package executor is the room of the side that runs engines, on this machine or on
// another: engine (OpenTofu versions, fetched and verified), sandbox (one process,
// isolated) and masking (secrets in logs).
//
// It may import of the kernel only id, problem, archive, crypt and config, and nothing of
// the other rooms: an agent has no database.
package executor
