package remedies

import (
	"context"
	"encoding/json"
	"net/http"

	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Adoption is a change of code that adopts the drift of an episode.
type Adoption struct {
	ID          string             `db:"id"`
	OrgID       string             `db:"org_id"`
	EpisodeID   string             `db:"episode_id"`
	Chosen      db.JSON[[]string]  `db:"chosen"` // findings, none is all
	Status      Status             `db:"status"`
	Commit      string             `db:"commit_sha"`
	Branch      string             `db:"branch"`
	Head        string             `db:"head"`
	Number      int64              `db:"number"`
	URL         string             `db:"url"`
	Error       string             `db:"error"`
	Fingerprint string             `db:"fingerprint"`
	Adopted     int                `db:"adopted"`
	Outcomes    db.JSON[[]Outcome] `db:"outcomes"`
	Sealed      []byte             `db:"sealed"`
	CreatedBy   *string            `db:"created_by"`
	CreatedAt   db.Time            `db:"created_at"`
	UpdatedAt   db.Time            `db:"updated_at"`

	WorkspaceID string `db:"workspace_id,extra"`
	ProjectID   string `db:"project_id,extra"`
	Present     string `db:"present,extra"` // fingerprint of the episode now
}

// Status is how far the change has got.
type Status string

// The statuses.
const (
	Ready   Status = "ready"   // it can be read as a patch
	Opening Status = "opening" // the pull request is being opened or brought up to date
	Open    Status = "open"    // there is a pull request
	Merged  Status = "merged"  // it was merged, as a scan has seen since
	Closed  Status = "closed"  // somebody did not want it
	Failed  Status = "failed"  // it could not be opened; Error says why
)

// Outcome is what became of a finding.
type Outcome struct {
	FindingID string `json:"finding-id"`
	Address   string `json:"address"`
	Path      string `json:"path"`
	Adopted   bool   `json:"adopted"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Reason    string `json:"reason"`
}

// content is what is sealed of an adoption: it holds values of attributes.
type content struct {
	Patch string            `json:"patch"`
	Files map[string]string `json:"files"`
}

// Scope implements authz.Scoped.
func (a Adoption) Scope() authz.Scope {
	return authz.Scope{Org: a.OrgID, Project: a.ProjectID, Workspace: a.WorkspaceID}
}

// Permission implements authz.Owned.
func (a Adoption) Permission(p authz.Permission) authz.Permission {
	e := findings.Episode{WorkspaceID: db.Null(a.WorkspaceID)}
	return e.Permission(p)
}

const selectAdoptions = `SELECT {a}, COALESCE(e.workspace_id, '') AS workspace_id, COALESCE(w.project_id, '') AS project_id, e.fingerprint AS present
	FROM drift_adoptions a JOIN drift_episodes e ON e.id = a.episode_id LEFT JOIN workspaces w ON w.id = e.workspace_id`

// Find returns the adoption with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Adoption, error) {
	return db.One[Adoption](ctx, f.DB, selectAdoptions+` WHERE a.id = ?`, id)
}

// In returns the adoptions with the given ids.
func (f *Feature) In(ctx context.Context, ids []string) ([]Adoption, error) {
	return db.In[Adoption](ctx, f.DB, selectAdoptions+` WHERE a.id IN (?)`, ids)
}

// adoptionOf is the id of the adoption of an episode, "" if it has none.
func (f *Feature) adoptionOf(ctx context.Context, episodeID string) (string, error) {
	list, err := db.All[string](ctx, f.DB, `SELECT id FROM drift_adoptions WHERE episode_id = ?`, episodeID)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// wish is the request to adopt. drift-findings among its relationships narrow it to some.
type wish struct {
	OpenPullRequest jsonapi.Opt[bool] `json:"open-pull-request"`
}

// draftKey is where beforeAdopt leaves what adopt then stores.
type draftKey struct{}

// beforeAdopt makes the change, for which it fetches the code.
func (f *Feature) beforeAdopt(ctx context.Context, e findings.Episode, in jsonapi.In[wish]) (context.Context, error) {
	open, err := f.Findings.Open(ctx, e)
	if err != nil {
		return ctx, err
	}
	chosen, ids, err := choose(open, in.Data)
	if err != nil {
		return ctx, err
	}
	why, err := f.whyNoPatch(ctx, e, chosen)
	if err == nil && why == "" && in.Data.Attributes.OpenPullRequest.V {
		why, err = f.whyNoPull(ctx, e)
	}
	if err != nil {
		return ctx, err
	}
	if why != "" {
		return ctx, problem.Unprocessable("%s", why)
	}
	d, err := f.draft(ctx, e, chosen)
	if err != nil {
		return ctx, err
	}
	d.chosen = ids
	if d.adopted == 0 && in.Data.Attributes.OpenPullRequest.V {
		return ctx, problem.Unprocessable("None of it can be adopted: %s", d.outcomes[0].Reason)
	}
	return context.WithValue(ctx, draftKey{}, d), nil
}

// adopt stores the change, and has the pull request opened if that is asked for. An episode
// has one change: it takes the place of the one before.
func (f *Feature) adopt(ctx context.Context, e findings.Episode, in jsonapi.In[wish]) (Adoption, error) {
	d, _ := ctx.Value(draftKey{}).(draft)
	a := Adoption{ID: id.New("drad"), OrgID: e.OrgID, EpisodeID: e.ID, Status: Ready, CreatedBy: actor(ctx), CreatedAt: db.Now()}
	before, err := f.adoptionOf(ctx, e.ID)
	if err != nil {
		return a, err
	}
	if before != "" {
		if a, err = f.Find(ctx, before); err != nil {
			return a, err
		}
	}
	a.Chosen = db.AsJSON(jsonapi.List(d.chosen))
	if in.Data.Attributes.OpenPullRequest.V {
		a.Status, a.CreatedBy = Opening, actor(ctx)
	}
	if err := f.keep(ctx, &a, d, before == ""); err != nil {
		return a, err
	}
	if a.Status == Opening {
		if err := f.Jobs.Enqueue(ctx, publication{AdoptionID: a.ID}); err != nil {
			return a, err
		}
	}
	return f.Find(ctx, a.ID)
}

// keep stores what a draft says of an adoption.
func (f *Feature) keep(ctx context.Context, a *Adoption, d draft, isNew bool) error {
	b, err := json.Marshal(content{Patch: d.patch, Files: d.files})
	if err != nil {
		return err
	}
	if a.Sealed, err = f.Keyring.Seal(ctx, a.OrgID, b, place(a.ID)); err != nil {
		return err
	}
	a.Commit, a.Branch, a.Fingerprint, a.Adopted, a.Outcomes, a.UpdatedAt = d.commit, d.branch, d.fingerprint, d.adopted, db.AsJSON(jsonapi.List(d.outcomes)), db.Now()
	if isNew {
		return f.DB.Insert(ctx, "drift_adoptions", *a)
	}
	return f.DB.Update(ctx, "drift_adoptions", *a, "chosen", "status", "commit_sha", "branch", "fingerprint", "adopted", "outcomes", "sealed", "created_by", "updated_at")
}

func place(adoptionID string) string { return "drift_adoptions/sealed/" + adoptionID }

// reveal opens what is sealed of an adoption.
func (f *Feature) reveal(ctx context.Context, a Adoption) (content, error) {
	var c content
	b, err := f.Keyring.Open(ctx, a.OrgID, a.Sealed, place(a.ID))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

// sendPatch answers with the change as a unified diff.
func (f *Feature) sendPatch(ctx context.Context, w http.ResponseWriter, _ *http.Request, a Adoption) error {
	c, err := f.reveal(ctx, a)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/x-diff; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+a.ID+`.diff"`)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write([]byte(c.Patch))
	return err
}

// adoptionAttributes are those of an adoption on the wire.
type adoptionAttributes struct {
	Status    Status    `json:"status"`
	Findings  int       `json:"findings-count"`
	Adopted   int       `json:"adopted-count"`
	Outcomes  []Outcome `json:"outcomes"`
	Stale     bool      `json:"stale"`
	Commit    *string   `json:"commit"`
	Branch    *string   `json:"branch"`
	Head      *string   `json:"pull-request-branch"`
	Number    *int64    `json:"pull-request-number"`
	URL       *string   `json:"pull-request-url"`
	Error     *string   `json:"error-message"`
	CreatedAt db.Time   `json:"created-at"`
	UpdatedAt db.Time   `json:"updated-at"`
}

func (f *Feature) viewAdoption(_ context.Context, a Adoption) jsonapi.Resource {
	self := "/api/v2/drift-adoptions/" + a.ID
	out := adoptionAttributes{Status: a.Status, Findings: len(a.Outcomes.V), Adopted: a.Adopted, Outcomes: jsonapi.List(a.Outcomes.V), Stale: a.Fingerprint != a.Present,
		Commit: db.Null(a.Commit), Branch: db.Null(a.Branch), Head: db.Null(a.Head), URL: db.Null(a.URL), Error: db.Null(a.Error), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	if a.Number > 0 {
		out.Number = &a.Number
	}
	links := jsonapi.Self(self)
	links["patch"] = self + "/patch"
	return jsonapi.Resource{Type: "drift-adoptions", ID: a.ID, Links: links, Attributes: out, Relationships: jsonapi.Relationships{
		"drift-episode": jsonapi.ToOne("drift-episodes", a.EpisodeID),
		"created-by":    jsonapi.ToOne("users", db.Text(a.CreatedBy)),
	}}
}
