// Command plumbline-launcher starts the processes of runs in their sandbox. A plumbline
// binary carries it, so that it need not start itself for that; nobody calls it by hand.
//
// The surprising rule: main is not what it is for. The package sandbox takes the process
// over before main; main attaches a launcher to a binary when plumbline is built.
package main

import (
	"fmt"
	"os"

	"plumbline.dev/plumbline/internal/executor/sandbox"
)

func main() {
	if len(os.Args) != 4 || os.Args[1] != "attach" {
		fmt.Fprintln(os.Stderr, "usage: plumbline-launcher attach LAUNCHER BINARY")
		os.Exit(2)
	}
	if err := sandbox.Attach(os.Args[3], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "plumbline-launcher:", err)
		os.Exit(1)
	}
}
