package remedies

import (
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/remedies/adopt"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// maxCode is how much configuration is read for one change, in bytes of all files.
const maxCode = 64 << 20

// draft is a change of code that is not stored yet.
type draft struct {
	commit, branch string
	fingerprint    string // of the episode
	chosen         []string
	patch          string
	files          map[string]string
	adopted        int
	outcomes       []Outcome
}

// whyNoPatch says why the code cannot adopt an episode, "" if it may.
func (f *Feature) whyNoPatch(ctx context.Context, e findings.Episode, open []findings.Finding) (string, error) {
	switch {
	case e.Status != findings.Open:
		return "The drift is over.", nil
	case judge(open).Findings == 0:
		return "Only checks fail here: there is nothing that code could adopt.", nil
	case e.WorkspaceID != nil:
		ws, err := f.Workspaces.Find(ctx, *e.WorkspaceID)
		if err != nil {
			return "", err
		}
		_, why, err := f.applied(ctx, ws)
		return why, err
	}
	s, err := f.Schedules.Find(ctx, db.Text(e.ScheduleID))
	switch {
	case errors.Is(err, problem.NotFound):
		return "Its schedule was deleted.", nil
	case err == nil && s.RepositoryID == nil:
		return "The repository of its schedule was deleted.", nil
	}
	return "", err
}

// whyNoPull says why no pull request can be opened, "" if one may.
func (f *Feature) whyNoPull(ctx context.Context, e findings.Episode) (string, error) {
	if e.WorkspaceID != nil {
		return "The code of a workspace is uploaded: there is no repository to open a pull request in. Download the patch.", nil
	}
	_, target, err := f.target(ctx, e)
	switch {
	case errors.Is(err, problem.NotFound):
		return "The repository has no token, or its host has no pull requests. Download the patch.", nil
	case problemOf(err) != "":
		return problemOf(err), nil
	case err == nil && forges[target.Kind] == nil:
		return "Pull requests are opened at GitHub and GitLab only. Download the patch.", nil
	}
	return "", err
}

// problemOf is what a problem says to people, "" if an error is none.
func problemOf(err error) string {
	if p, ok := problem.From(err); ok {
		return p.Detail
	}
	return ""
}

// target is the schedule of an episode, and where pull requests of its repository are made.
func (f *Feature) target(ctx context.Context, e findings.Episode) (schedules.Schedule, repositories.Target, error) {
	s, err := f.Schedules.Find(ctx, db.Text(e.ScheduleID))
	if err != nil {
		return s, repositories.Target{}, err
	}
	if s.RepositoryID == nil {
		return s, repositories.Target{}, problem.NotFound
	}
	t, err := f.Repositories.TargetOf(ctx, *s.RepositoryID)
	var refused *vcs.Error // to the app of the repository
	if errors.As(err, &refused) {
		err = problem.Unprocessable("%s", refused.Message)
	}
	return s, t, err
}

// draft fetches the code and lets it adopt findings. It asks the network.
func (f *Feature) draft(ctx context.Context, e findings.Episode, chosen []findings.Finding) (draft, error) {
	d := draft{fingerprint: e.Fingerprint}
	var code adopt.Code
	var err error
	if e.WorkspaceID != nil {
		code, err = f.codeOfWorkspace(ctx, e)
	} else {
		code, err = f.codeOfSchedule(ctx, e, &d)
	}
	if err != nil {
		return d, err
	}
	scan, err := f.Scans.Find(ctx, e.LastScanID)
	if err != nil && !errors.Is(err, problem.NotFound) {
		return d, err
	}
	code.Tofu = scan.Engine != "terraform"
	list := make([]adopt.Finding, len(chosen))
	for i, one := range chosen {
		v, err := one.Values()
		if err != nil {
			return d, err
		}
		list[i] = adopt.Finding{ID: one.ID, Address: one.Address, Path: one.Path, Kind: one.Kind, Masked: one.Masked, Unknown: v.Unknown, Recorded: v.Recorded, Real: v.Real, Wanted: v.Wanted}
	}
	done := adopt.Run(code, list)
	d.patch, d.adopted, d.files = adopt.Patch(code.Files, done.Files), done.Adopted(), map[string]string{}
	for name, b := range done.Files {
		d.files[name] = string(b)
	}
	for i, o := range done.Outcomes {
		d.outcomes = append(d.outcomes, Outcome{FindingID: o.ID, Address: chosen[i].Address, Path: chosen[i].Path, Adopted: o.Reason == "", File: o.File, Line: o.Line, Reason: o.Reason})
	}
	return d, nil
}

// codeOfWorkspace is the configuration that was applied last.
func (f *Feature) codeOfWorkspace(ctx context.Context, e findings.Episode) (adopt.Code, error) {
	c := adopt.Code{Given: map[string]bool{}}
	ws, err := f.Workspaces.Find(ctx, *e.WorkspaceID)
	if err != nil {
		return c, err
	}
	last, why, err := f.applied(ctx, ws)
	if err != nil {
		return c, err
	}
	if why != "" {
		return c, problem.Unprocessable("%s", why)
	}
	given, err := f.Variables.ForRun(ctx, ws.ID)
	if err != nil {
		return c, err
	}
	for _, v := range given {
		if name, ok := strings.CutPrefix(v.Key, "TF_VAR_"); ok && v.Category == "env" {
			c.Given[name] = true
		} else if v.Category == "terraform" {
			c.Given[v.Key] = true
		}
	}
	own, err := f.Runs.Variables(ctx, last)
	if err != nil {
		return c, err
	}
	for _, v := range own {
		c.Given[v.Key] = true
	}
	in, err := f.Configs.Open(ctx, *last.ConfigurationVersionID)
	if errors.Is(err, problem.NotFound) {
		return c, problem.Unprocessable("The configuration that was applied last is no longer there: a new run brings it back.")
	}
	if err != nil {
		return c, err
	}
	defer func() { _ = in.Close() }()
	c.Folder = clean(ws.WorkingDirectory)
	c.Files, err = read(ctx, in)
	return c, err
}

// clean is a folder as adopt wants it.
func clean(dir string) string { return path.Clean("./" + strings.Trim(dir, "/")) }

// codeOfSchedule is the head of the branch that a schedule scans.
func (f *Feature) codeOfSchedule(ctx context.Context, e findings.Episode, d *draft) (adopt.Code, error) {
	c := adopt.Code{Folder: clean(e.Folder), Given: map[string]bool{}}
	s, err := f.Schedules.Find(ctx, db.Text(e.ScheduleID))
	if err != nil {
		return c, err
	}
	env, err := f.Schedules.Variables(ctx, s)
	if err != nil {
		return c, err
	}
	names := []string{}
	for name := range maps.Keys(env) {
		names = append(names, name)
	}
	connections, err := f.Connections.In(ctx, s.ConnectionIDs)
	if err != nil {
		return c, err
	}
	for _, one := range connections {
		names = append(names, one.Variables()...)
	}
	for _, name := range names {
		if v, ok := strings.CutPrefix(name, "TF_VAR_"); ok {
			c.Given[v] = true
		}
	}
	a, err := f.Repositories.Archive(ctx, db.Text(s.RepositoryID), s.Branch, []string{e.Folder})
	if err != nil {
		return c, explained(err)
	}
	in, err := a.Open(ctx)
	if err != nil {
		return c, explained(err)
	}
	defer func() { _ = in.Close() }()
	c.VarFiles, c.Uses, d.commit, d.branch = s.VarFiles.V, a.Uses, a.Commit, s.Branch
	c.Files, err = read(ctx, in)
	return c, explained(err)
}

// explained makes a problem of an error that is for people.
func explained(err error) error {
	var bad *vcs.Error
	if errors.As(err, &bad) {
		return problem.Unprocessable("%s", bad.Message)
	}
	return err
}

// read takes the configuration and the variables files out of an archive. Of a file that is
// too large to be edited only the beginning is kept.
func read(ctx context.Context, in io.Reader) (map[string][]byte, error) {
	out, total := map[string][]byte{}, 0
	for file, err := range archive.Files(ctx, in, archive.Limits{}) {
		if err != nil {
			return nil, err
		}
		if !configuration(file.Path) {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(file, adopt.MaxFile+1))
		if err != nil {
			return nil, err
		}
		if total += len(b); total > maxCode {
			return nil, problem.Unprocessable("The code has more than %d bytes of configuration.", maxCode)
		}
		out[file.Path] = b
	}
	return out, nil
}

func configuration(name string) bool {
	for _, end := range []string{".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json", ".tfvars.json"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
