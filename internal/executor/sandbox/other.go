//go:build !linux

package sandbox

import "context"

// Process is a running process.
type Process struct{}

type platform struct{}

func detect(context.Context, Options) *Sandbox {
	return &Sandbox{Kind: None, Why: "processes are isolated on Linux only"}
}

// Start refuses: there is no isolation on this system.
func (s *Sandbox) Start(context.Context, Spec) (*Process, error) { return nil, ErrNone }

// Interrupt does nothing.
func (p *Process) Interrupt() {}

// Kill does nothing.
func (p *Process) Kill() {}

// Wait returns ErrNone.
func (p *Process) Wait() (Exit, error) { return Exit{}, ErrNone }
