// Command pgtest runs a command, such as `go test ./...`, with one PostgreSQL server
// for all its processes in TEST_POSTGRES, and ends with its exit status. A server that
// is named there already is used as it is; where PostgreSQL is not installed the
// command runs without, and pgtest says so.
//
//	go run ./internal/apptest/postgres/cmd/pgtest -- go test ./...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"plumbline.dev/plumbline/internal/apptest/postgres"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: pgtest -- command arguments")
		os.Exit(2)
	}
	status, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

// run returns the exit status of the command; an error means that it did not run.
func run(args []string) (status int, err error) {
	// Ctrl-C goes to the command as well: wait for it, then stop the server.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	if os.Getenv(postgres.Env) == "" {
		server, err := postgres.Start()
		switch {
		case errors.Is(err, postgres.ErrNotFound):
			fmt.Fprintln(os.Stderr, "pgtest: skipped on PostgreSQL:", err)
		case err != nil:
			return 0, err
		default:
			defer func() { err = errors.Join(err, server.Stop()) }()
			if err := os.Setenv(postgres.Env, server.URL); err != nil {
				return 0, err
			}
		}
	}
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = command.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
