package configversions

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Ingress is the commit that a version from a VCS is made of.
type Ingress struct {
	ID                string  `db:"id"` // ia-…
	VersionID         string  `db:"configuration_version_id"`
	Branch            string  `db:"branch"`
	CloneURL          string  `db:"clone_url"`
	CommitMessage     string  `db:"commit_message"`
	CommitSHA         string  `db:"commit_sha"`
	CommitURL         string  `db:"commit_url"`
	CompareURL        string  `db:"compare_url"`
	Identifier        string  `db:"identifier"` // of the repository, such as "hashicorp/foobar"
	IsPullRequest     bool    `db:"is_pull_request"`
	OnDefaultBranch   bool    `db:"on_default_branch"`
	PullRequestNumber *int64  `db:"pull_request_number"`
	PullRequestURL    *string `db:"pull_request_url"`
	PullRequestTitle  *string `db:"pull_request_title"`
	PullRequestBody   *string `db:"pull_request_body"`
	Tag               *string `db:"tag"`
	SenderUsername    string  `db:"sender_username"`
	SenderAvatarURL   string  `db:"sender_avatar_url"`
	SenderHTMLURL     string  `db:"sender_html_url"`
	CreatedBy         *string `db:"created_by"`

	OrgID       string `db:"org_id,extra"`
	ProjectID   string `db:"project_id,extra"`
	WorkspaceID string `db:"workspace_id,extra"`
}

// Scope implements authz.Scoped.
func (i Ingress) Scope() authz.Scope {
	return authz.Scope{Org: i.OrgID, Project: i.ProjectID, Workspace: i.WorkspaceID}
}

func viewIngress(_ context.Context, i Ingress) jsonapi.Resource {
	a := shownIngress{i.Branch, i.CloneURL, i.CommitMessage, i.CommitSHA, i.CommitURL, i.CompareURL, i.Identifier, i.IsPullRequest, i.OnDefaultBranch,
		i.PullRequestNumber, i.PullRequestURL, i.PullRequestTitle, i.PullRequestBody, i.Tag, i.SenderUsername, i.SenderAvatarURL, i.SenderHTMLURL}
	return jsonapi.Resource{Type: "ingress-attributes", ID: i.ID, Attributes: a, Links: jsonapi.Self("/api/v2/ingress-attributes/" + i.ID),
		Relationships: jsonapi.Relationships{"created-by": jsonapi.ToOne("users", db.Text(i.CreatedBy))}}
}

type shownIngress struct {
	Branch            string  `json:"branch"`
	CloneURL          string  `json:"clone-url"`
	CommitMessage     string  `json:"commit-message"`
	CommitSHA         string  `json:"commit-sha"`
	CommitURL         string  `json:"commit-url"`
	CompareURL        string  `json:"compare-url"`
	Identifier        string  `json:"identifier"`
	IsPullRequest     bool    `json:"is-pull-request"`
	OnDefaultBranch   bool    `json:"on-default-branch"`
	PullRequestNumber *int64  `json:"pull-request-number,omitempty"`
	PullRequestURL    *string `json:"pull-request-url,omitempty"`
	PullRequestTitle  *string `json:"pull-request-title,omitempty"`
	PullRequestBody   *string `json:"pull-request-body,omitempty"`
	Tag               *string `json:"tag"`
	SenderUsername    string  `json:"sender-username"`
	SenderAvatarURL   string  `json:"sender-avatar-url"`
	SenderHTMLURL     string  `json:"sender-html-url"`
}

const selectIngress = `SELECT {i}, v.org_id AS org_id, v.workspace_id AS workspace_id, w.project_id AS project_id FROM ingress_attributes i
	JOIN configuration_versions v ON v.id = i.configuration_version_id JOIN workspaces w ON w.id = v.workspace_id WHERE `

func (f *Feature) ingressByIDs(ctx context.Context, ids []string) ([]Ingress, error) {
	return db.In[Ingress](ctx, f.DB, selectIngress+`i.id IN (?)`, ids)
}

func (f *Feature) ingressOf(ctx context.Context, v Version) (Ingress, error) {
	if v.IngressID == nil {
		return Ingress{}, problem.NotFound
	}
	return db.One[Ingress](ctx, f.DB, selectIngress+`i.id = ?`, *v.IngressID)
}

// GitOf returns the variables by which a run knows the commit that a version is made of, as
// names and values in turn ("The Remote Operations run environment"); none if it came from no VCS.
func (f *Feature) GitOf(ctx context.Context, versionID string) ([]string, error) {
	list, err := db.All[Ingress](ctx, f.DB, selectIngress+`v.id = ?`, versionID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	const prefix = "TFC_CONFIGURATION_VERSION_GIT_"
	i := list[0]
	out := []string{prefix + "BRANCH", i.Branch, prefix + "COMMIT_SHA", i.CommitSHA}
	if i.Tag != nil {
		out = append(out, prefix+"TAG", *i.Tag)
	}
	return out, nil
}
