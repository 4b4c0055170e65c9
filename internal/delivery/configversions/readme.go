package configversions

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// maxReadme is the size in bytes of the largest README that a workspace shows.
const maxReadme = 512 << 10

// readme is the job that reads the README of a workspace out of its current version.
type readme struct {
	WorkspaceID string `json:"workspace"`
	VersionID   string `json:"version"`
}

// Kind implements jobs.Args.
func (readme) Kind() string { return "read-configuration-readme" }

func (f *Feature) readReadme(ctx context.Context, job readme) error {
	ws, err := f.Workspaces.Find(ctx, job.WorkspaceID)
	if err == nil && db.Text(ws.CurrentConfigurationVersionID) != job.VersionID {
		return nil // another became current, and has a job of its own
	}
	var v Version
	if err == nil {
		v, err = f.Find(ctx, job.VersionID)
	}
	if errors.Is(err, problem.NotFound) || (err == nil && v.Status != Uploaded) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := f.readmeIn(ctx, v, ws)
	if errors.Is(err, problem.NotFound) {
		return nil // other files took the place of these meanwhile
	}
	if err != nil {
		return err
	}
	return f.Workspaces.SetReadme(ctx, ws.ID, v.ID, text)
}

// readmeIn returns the README.md of the working directory, "" if there is none that
// can be shown.
func (f *Feature) readmeIn(ctx context.Context, v Version, ws workspaces.Workspace) (string, error) {
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	name := path.Join(".", strings.Trim(ws.WorkingDirectory, "/"), "README.md")
	var text []byte
	for file, err := range archive.Files(ctx, r, archive.Limits{}) {
		if err != nil {
			return "", err
		}
		if file.Path != name {
			continue
		}
		if text = nil; file.Size > maxReadme {
			continue
		}
		if text, err = io.ReadAll(file); err != nil {
			return "", err
		}
	}
	if !utf8.Valid(text) || strings.ContainsRune(string(text), 0) {
		return "", nil
	}
	return string(text), nil
}
