package engine

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// introduction is how the engines answer "version". With -json they do not say which of
// the two they are.
var introduction = regexp.MustCompile(`(?m)^(OpenTofu|Terraform) v(\S+)$`)

// Add makes a binary of the operator available, whose product and version it finds out by
// running it. A given binary is preferred to a fetched one of the same version.
func (s *Store) Add(ctx context.Context, path string) (Engine, error) {
	e, err := Identify(ctx, path)
	if err != nil {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, e)
	return e, nil
}

// OnPath returns the engines of this machine that PATH leads to.
func OnPath() (paths []string) {
	for _, p := range []Product{OpenTofu, Terraform} {
		if path, err := exec.LookPath(string(p)); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// Identify runs a binary to find out what it is.
func Identify(ctx context.Context, path string) (Engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Engine{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version") //nolint:gosec // the operator named it
	cmd.Env = []string{"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null", "PATH=/usr/bin:/bin"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return Engine{}, fmt.Errorf("engine: %s version: %w", path, err)
	}
	found := introduction.FindSubmatch(out)
	if found == nil || !isVersion(string(found[2])) {
		return Engine{}, fmt.Errorf("engine: %s is neither OpenTofu nor Terraform: it says %.100q", path, out)
	}
	e := Engine{Product: OpenTofu, Version: string(found[2]), Path: path}
	if string(found[1]) == "Terraform" {
		e.Product = Terraform
	}
	return e, nil
}
