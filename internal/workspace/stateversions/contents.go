package stateversions

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/workspace/stateversions/statefile"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

const (
	// maxDetails is the size in bytes of the largest list of resources that a version
	// shows; a longer one is null, and so are the lists of a state with more than
	// statefile.MaxResources.
	maxDetails = 256 << 10
	// maxShown is how many resources such a list can have.
	maxShown = 4000
	// maxAtOnce is how many resource instances become those of the workspace in the
	// transaction that makes their version current. More follow in a job.
	maxAtOnce = 2000
)

// details is what a version's state is made of, as JSON for clients.
type details struct {
	StateVersionID string `db:"state_version_id"`
	Bytes          int64  `db:"bytes"`
	Resources      string `db:"resources"`
	Modules        string `db:"modules"`
	Providers      string `db:"providers"`
}

// shownResource is an element of a version's attribute "resources".
type shownResource struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Count    int    `json:"count"`
	Module   string `json:"module"`
	Provider string `json:"provider"`
}

// addContents stores what the state of a version holds.
func (f *Feature) addContents(ctx context.Context, v Version, s statefile.State) error {
	d, err := detailsOf(v.ID, s)
	if err != nil {
		return err
	}
	if err := f.DB.Insert(ctx, "state_version_details", d); err != nil {
		return err
	}
	rows := make([]Output, len(s.Outputs))
	for i, o := range s.Outputs {
		if rows[i], err = f.seal(ctx, v, o); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(rows, 1000) {
		if err := db.InsertAll(ctx, f.DB, "state_version_outputs", part, ""); err != nil {
			return err
		}
	}
	return nil
}

func detailsOf(versionID string, s statefile.State) (details, error) {
	modules, providers := map[string]map[string]int{}, map[string]map[string]int{}
	var list []shownResource
	if len(s.Resources) <= maxShown {
		list = make([]shownResource, 0, len(s.Resources))
	}
	for _, r := range s.Resources {
		if list != nil {
			list = append(list, shownResource{r.Name, r.FullType(), len(r.Keys), r.ModuleName(), r.Provider})
		}
		count(modules, r.ModuleName(), r)
		count(providers, r.Provider, r)
	}
	d := details{StateVersionID: versionID}
	for p, v := range map[*string]any{&d.Resources: list, &d.Modules: modules, &d.Providers: providers} {
		b, err := json.Marshal(v)
		if err != nil {
			return d, err
		}
		if *p = string(b); len(b) > maxDetails || s.More > 0 {
			*p = "null"
		}
		d.Bytes += int64(len(*p))
	}
	return d, nil
}

func count(in map[string]map[string]int, key string, r statefile.Resource) {
	if in[key] == nil {
		in[key] = map[string]int{}
	}
	in[key][r.Key()] += len(r.Keys)
}

// addResources makes the managed resources of a version those of its workspace, now
// or, if they are many, in a job. Most versions have the resources of the one before,
// and then there is nothing to write.
func (f *Feature) addResources(ctx context.Context, v Version, s statefile.State) error {
	same, err := f.Workspaces.KeepResources(ctx, v.WorkspaceID, v.ID, s.Digest)
	if same || err != nil {
		return err
	}
	if s.Managed > maxAtOnce {
		return f.Jobs.Enqueue(ctx, reading{v.ID})
	}
	return f.setResources(ctx, v, s)
}

func (f *Feature) setResources(ctx context.Context, v Version, s statefile.State) error {
	return f.Workspaces.SetResources(ctx, v.WorkspaceID, v.ID, workspaces.Inventory{List: managed(s.Resources), Total: s.Managed, Digest: s.Digest}, nil)
}

// reading is the job that reads a state once more for its many resources.
type reading struct {
	VersionID string `json:"version"`
}

// Kind implements jobs.Args.
func (reading) Kind() string { return "read-state-resources" }

func (f *Feature) readResources(ctx context.Context, job reading) error {
	rows, err := db.All[Version](ctx, f.DB, `SELECT {} FROM state_versions WHERE id = ?`, job.VersionID)
	if err != nil || len(rows) == 0 || rows[0].Object == "" {
		return err // it was deleted meanwhile
	}
	if current, err := f.Workspaces.IsCurrentState(ctx, rows[0].WorkspaceID, job.VersionID); err != nil || !current {
		return err // a newer version has a job of its own
	}
	s, err := f.scan(ctx, rows[0])
	if err != nil {
		return err
	}
	if err := f.setResources(ctx, rows[0], s); err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, rows[0].Scope(), "state-versions", job.VersionID)
	return nil
}

// scan reads the stored state of a version.
func (f *Feature) scan(ctx context.Context, v Version) (statefile.State, error) {
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		return statefile.State{}, err
	}
	w := &watcher{}
	_, err = io.Copy(w, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return statefile.State{}, err
	}
	return w.result()
}

// managed lists the managed resource instances of a state for the workspace.
func managed(list []statefile.Resource) []workspaces.Resource {
	var out []workspaces.Resource
	for _, r := range list {
		for _, key := range r.Keys {
			if r.Data {
				continue
			}
			row := workspaces.Resource{Address: r.Address(key), Name: r.Name, Provider: r.ProviderName(), ProviderType: r.Type, Module: r.ModuleName()}
			if key != "" {
				index := key
				if text, err := strconv.Unquote(key); err == nil {
					index = text
				}
				row.NameIndex = &index
			}
			out = append(out, row)
		}
	}
	return out
}

// seal makes the row of an output.
func (f *Feature) seal(ctx context.Context, v Version, o statefile.Output) (Output, error) {
	row := Output{ID: id.New("wsout"), StateVersionID: v.ID, OrgID: v.OrgID, Name: o.Name, Sensitive: o.Sensitive, Type: o.Kind()}
	if o.Value == nil {
		return row, nil
	}
	if o.Type != nil {
		text := string(o.Type)
		row.DetailedType = &text
	}
	var err error
	row.Sealed, err = f.Keyring.Seal(ctx, v.OrgID, o.Value, row.place())
	return row, err
}
