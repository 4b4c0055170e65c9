// Package phrasing has a language model put into words what scans find, if the operator names
// one: any server that speaks OpenAI's chat completions.
//
// It asks once for each verdict, within a budget of tokens for each organization, and keeps the
// body of every request for audits. The surprising rule: nothing here can fail a scan. Without
// a good answer the words and the severity of the rules stand.
package phrasing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/drift/words"
	"plumbline.dev/plumbline/internal/drift/words/llm"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// errBudget is that an organization has used up the tokens of the last 24 hours.
var errBudget = errors.New("the organization has used up its tokens for today")

const (
	patience = 25 * time.Second    // for an answer; an executor waits for it
	keep     = 90 * 24 * time.Hour // of requests
)

// Request is one of those that were made.
type Request struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	ScanID    string  `db:"scan_id"`
	Question  string  `db:"question"`
	Body      []byte  `db:"request"` // sealed
	Answer    []byte  `db:"answer"`  // sealed; nil is none
	Tokens    int     `db:"tokens"`
	Error     string  `db:"error"`
	CreatedAt db.Time `db:"created_at"`

	body string // opened, for views
}

// Scope implements authz.Scoped.
func (r Request) Scope() authz.Scope { return authz.Scope{Org: r.OrgID} }

// Feature asks the model of Settings; HTTP is how it is reached.
type Feature struct {
	DB       *db.DB
	Keyring  *crypt.Keyring
	Jobs     *jobs.Queue
	Orgs     *orgs.Feature
	Settings config.Model
	HTTP     *http.Client
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-model-requests", authz.ManageDrift, nil, view)
	api.List(r, "/organizations/{organization}/drift-model-requests", authz.ManageDrift, f.Orgs.ByName, f.list)
	f.Jobs.Every("sweep-drift-model-requests", 24*time.Hour, f.sweep)
}

type attributes struct {
	ScanID    string  `json:"scan-id"`
	Request   string  `json:"request"` // the body as it was sent, JSON
	Answered  bool    `json:"answered"`
	Tokens    int     `json:"tokens"`
	Error     string  `json:"error"`
	CreatedAt db.Time `json:"created-at"`
}

func view(_ context.Context, r Request) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-model-requests", ID: r.ID,
		Attributes: attributes{ScanID: r.ScanID, Request: r.body, Answered: len(r.Answer) > 0, Tokens: r.Tokens, Error: r.Error, CreatedAt: r.CreatedAt}}
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Request], error) {
	page, err := api.Select[Request](ctx, f.DB, q, `SELECT {r} FROM drift_model_requests r WHERE r.org_id = ? ORDER BY r.created_at DESC, r.id DESC`, o.ID)
	if err != nil {
		return page, err
	}
	for i := range page.Items {
		r := &page.Items[i]
		body, err := f.Keyring.OpenText(ctx, r.OrgID, r.Body, place("request", r.ID))
		if err != nil {
			return page, err
		}
		r.body = body.Reveal()
	}
	return page, nil
}

// Improve implements scans.Feature.Phrase.
func (f *Feature) Improve(ctx context.Context, s scans.Scan, v *scans.Verdict) {
	if v.Drifted == 0 {
		return
	}
	said, err := f.answer(ctx, s, v)
	if err != nil {
		slog.WarnContext(ctx, "the words of a scan are those of the rules", "scan", s.ID, "err", err)
		return
	}
	v.Moved = said.Severity.Rank() - v.Severity.Rank()
	v.Severity, v.Words = said.Severity, said.Words
}

// answer is what a model says of a verdict.
type answer struct {
	Severity severity.Level `json:"severity"`
	Words    words.Text     `json:"words"`
}

// answer returns what the model has said of the same verdict before, or asks it.
func (f *Feature) answer(ctx context.Context, s scans.Scan, v *scans.Verdict) (answer, error) {
	q, err := question(s, v)
	if err != nil {
		return answer{}, err
	}
	had, err := db.All[Request](ctx, f.DB, `SELECT {r} FROM drift_model_requests r WHERE r.org_id = ? AND r.question = ? AND r.answer IS NOT NULL ORDER BY r.created_at DESC LIMIT 1`, s.OrgID, q)
	if err != nil {
		return answer{}, err
	}
	if len(had) > 0 {
		return f.open(ctx, had[0])
	}
	spent, err := db.One[int](ctx, f.DB, `SELECT COALESCE(SUM(tokens), 0) FROM drift_model_requests WHERE org_id = ? AND created_at > ?`, s.OrgID, db.At(time.Now().Add(-24*time.Hour)))
	if err != nil {
		return answer{}, err
	}
	if f.Settings.Tokens > 0 && spent >= f.Settings.Tokens {
		return answer{}, errBudget
	}
	return f.ask(ctx, Request{ID: id.New("drmr"), OrgID: s.OrgID, ScanID: s.ID, Question: q, CreatedAt: db.Now()}, v)
}

// question is the same for verdicts of a target that a model has to say the same of.
func question(s scans.Scan, v *scans.Verdict) (string, error) {
	b, err := json.Marshal([]any{s.Target, v.Fingerprint(), v.Severity, v.Words})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// ask asks the model, and keeps the request before it is sent.
func (f *Feature) ask(ctx context.Context, r Request, v *scans.Verdict) (answer, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kept := false
	model := llm.New(llm.Config{Endpoint: f.Settings.Endpoint, Model: f.Settings.Name, Key: f.Settings.Key, Client: f.HTTP,
		Audit: func(_ context.Context, body []byte) (err error) {
			if r.Body, err = f.Keyring.Seal(ctx, r.OrgID, body, place("request", r.ID)); err == nil {
				err = f.DB.Insert(ctx, "drift_model_requests", r)
			}
			kept = err == nil
			return err
		},
		Spent: func(tokens int) { r.Tokens += tokens },
	})
	var a answer
	var err error
	a.Severity, a.Words, err = model.Improve(asking, v.Verdict, v.Words)
	if err == nil {
		r.Answer, err = f.seal(ctx, r, a)
	}
	if err != nil {
		r.Error = told(err)
	}
	if !kept {
		return a, err
	}
	// What it cost counts, also if whoever asked has hung up.
	return a, errors.Join(err, f.DB.Update(context.WithoutCancel(ctx), "drift_model_requests", r, "answer", "tokens", "error"))
}

// told is what people of the organization read of an error: not where the model is in the
// operator's network.
func told(err error) string {
	_, request := errors.AsType[*url.Error](err)
	_, connection := errors.AsType[*net.OpError](err)
	if request || connection {
		return "the model did not answer"
	}
	return err.Error()
}

func (f *Feature) seal(ctx context.Context, r Request, a answer) ([]byte, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return f.Keyring.Seal(ctx, r.OrgID, b, place("answer", r.ID))
}

func (f *Feature) open(ctx context.Context, r Request) (a answer, err error) {
	b, err := f.Keyring.Open(ctx, r.OrgID, r.Answer, place("answer", r.ID))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(b, &a)
}

func place(column, id string) string { return "drift_model_requests/" + column + "/" + id }

// sweep forgets old requests.
func (f *Feature) sweep(ctx context.Context) error {
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_model_requests WHERE created_at < ?`, db.At(time.Now().Add(-keep)))
	return err
}
