package connections

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"text/template"
	"time"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

//go:embed files
var files embed.FS

// helpers are the configurations that make what connections need, by name.
var helpers = template.Must(template.ParseFS(files, "files/*"))

// helperNames are the configurations themselves, without what they share.
var helperNames = []string{"make-aws-oidc.tf", "make-azure-oidc.tf", "make-gcp-oidc.tf", "make-gcp-role-service-account.tf", "make-gcp-service-account.tf", "make-key.tf", "make-role.tf"}

// helper is what a configuration is filled in with. All of it is in [\w:./+=,@-].
type helper struct {
	Server     string
	ExternalID string // "" leaves a variable to fill in, as do the others
	Principal  string // ARN of the server's AWS identity
	Account    string
	Role       string // name

	Issuer       string // of identity tokens
	Organization string // name
}

// ServeFiles adds /drift/files/…: without a key what is the same for all, with one what is
// made for its organization.
func (f *Feature) ServeFiles(r *api.Router, authenticate func(ctx context.Context, key, orgID string) (verbs.Caller, error)) {
	r.At(verbs.Base).Raw("GET /files/{file}", authz.Anyone, func(w http.ResponseWriter, req *http.Request) error {
		orgID := ""
		if key := req.Header.Get("X-Api-Key"); key != "" {
			caller, err := authenticate(req.Context(), key, req.Header.Get("X-Org-ID"))
			var refused *verbs.Error
			if errors.As(err, &refused) {
				return &problem.Problem{Status: refused.Status, Title: "refused", Detail: refused.Message, Code: refused.Code}
			}
			if err != nil {
				return err
			}
			orgID = caller.OrgID
		}
		name := req.PathValue("file")
		if !slices.Contains(helperNames, name) {
			return problem.NotFound
		}
		return f.writeFile(req.Context(), w, name, orgID)
	})
}

// writeFile answers with a configuration, for an organization if orgID is not "".
func (f *Feature) writeFile(ctx context.Context, w http.ResponseWriter, name, orgID string) error {
	h := helper{Server: "Plumbline", Issuer: f.Issuer()}
	if orgID != "" {
		set, err := f.Settings.Find(ctx, orgID)
		if err != nil {
			return err
		}
		h.ExternalID = set.ExternalID
		if h.Organization, err = db.One[string](ctx, f.DB, `SELECT name FROM organizations WHERE id = ?`, orgID); err != nil {
			return err
		}
		h.Principal, h.Account, h.Role = f.principal.of(ctx, f)
	}
	var b bytes.Buffer
	if err := helpers.ExecuteTemplate(&b, name, h); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(b.Bytes())
	return nil
}

// principal is the AWS identity of the server as trust policies name it, kept for an hour.
type principal struct {
	mu   sync.Mutex
	arn  string
	till time.Time
}

var assumed = regexp.MustCompile(`^arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([\w+=,.@-]+)/`)

var user = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}):user/[\w+=,.@/-]+$`)

// of returns the ARN, the account and the name of the role, each "" if it is not known.
func (p *principal) of(ctx context.Context, f *Feature) (arn, account, role string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().After(p.till) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		p.arn, p.till = "", time.Now().Add(time.Hour)
		if keys, err := f.Identity(ctx); err == nil {
			if who, err := f.awsCaller(ctx, "aws", keys); err == nil {
				p.arn = who.ARN
			}
		}
	}
	if m := assumed.FindStringSubmatch(p.arn); m != nil {
		return "arn:" + m[1] + ":iam::" + m[2] + ":role/" + m[3], m[2], m[3]
	}
	if m := user.FindStringSubmatch(p.arn); m != nil {
		return p.arn, m[1], ""
	}
	return "", "", ""
}
