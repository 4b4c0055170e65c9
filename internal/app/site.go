package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// installation is the server as a whole, as site administrators see it.
type installation struct {
	settings summary
	nodes    []node
	counts   counts
}

// Scope implements authz.Scoped: the site.
func (installation) Scope() authz.Scope { return authz.Scope{} }

// summary is what the operator chose, as far as it is no secret.
type summary struct {
	PublicURL string `json:"public-url"` // "" is what requests name
	Database  string `json:"database"`   // sqlite, postgres
	Objects   string `json:"objects"`    // file, s3
	TLS       string `json:"tls"`        // self-signed, own, off
	Mail      bool   `json:"mail"`       // there is a mail server
	Metrics   bool   `json:"metrics"`
	RateLimit string `json:"rate-limit"` // requests a second for each token; "" is no limit
	OrgRuns   int    `json:"organization-runs"`
	Curation  bool   `json:"public-curation"`
	Grace     string `json:"delete-grace"` // a duration
}

// counts are how much there is, and how much waits.
type counts struct {
	Organizations int `db:"organizations" json:"organizations"`
	Users         int `db:"users" json:"users"`
	Workspaces    int `db:"workspaces" json:"workspaces"`
	Agents        int `db:"agents" json:"agents"`               // idle or busy
	RunsActive    int `db:"runs_active" json:"runs-active"`     // have not ended
	PhasesWaiting int `db:"phases_waiting" json:"jobs-waiting"` // plans, applies and scans that nobody has taken
	PhasesRunning int `db:"phases_running" json:"jobs-running"` // that an executor has
}

// serveInstallation adds what the admin area of the UI shows of the server: ours.
func (a *App) serveInstallation() {
	api.Type(a.Router, "installations", authz.SiteAdmin, nil, viewInstallation)
	api.Show(a.Router, "/admin/installation", authz.SiteAdmin, api.Site, a.installation)
	a.serveFailures()
}

type installationAttributes struct {
	Version  string           `json:"version"` // of the node that answers
	Settings summary          `json:"settings"`
	Counts   counts           `json:"counts"`
	Nodes    []nodeAttributes `json:"nodes"`
}

type nodeAttributes struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	Workers   int     `json:"workers"`
	StartedAt db.Time `json:"started-at"`
	SeenAt    db.Time `json:"seen-at"`
	Healthy   bool    `json:"healthy"` // it said lately that it is there
}

func viewInstallation(_ context.Context, i installation) jsonapi.Resource {
	nodes := make([]nodeAttributes, len(i.nodes))
	for at, n := range i.nodes {
		nodes[at] = nodeAttributes{n.ID, n.Name, n.Version, n.Workers, n.StartedAt, n.SeenAt, time.Since(n.SeenAt.Time) < nodeSilent}
	}
	return jsonapi.Resource{Type: "installations", ID: "site", Attributes: installationAttributes{config.Version, i.settings, i.counts, nodes}}
}

func (a *App) installation(ctx context.Context, _ authz.Site) (installation, error) {
	out := installation{settings: a.summary()}
	_, mails, err := a.Site.MailServer(ctx)
	if err != nil {
		return out, err
	}
	out.settings.Mail = out.settings.Mail || mails
	if out.nodes, err = db.All[node](ctx, a.DB, `FROM nodes ORDER BY started_at, id`); err != nil {
		return out, err
	}
	out.counts, err = db.One[counts](ctx, a.DB, `SELECT (SELECT count(*) FROM organizations) AS organizations,
		(SELECT count(*) FROM users) AS users, (SELECT count(*) FROM workspaces) AS workspaces,
		(SELECT count(*) FROM agents WHERE status IN ('idle', 'busy')) AS agents, (SELECT count(*) FROM runs WHERE NOT final) AS runs_active,
		(SELECT count(*) FROM dispatch_jobs WHERE status = 'queued') AS phases_waiting, (SELECT count(*) FROM dispatch_jobs WHERE status = 'claimed') AS phases_running`)
	return out, err
}

func (a *App) summary() summary {
	c := a.Config
	s := summary{PublicURL: c.PublicURL, Database: "sqlite", Objects: "file", TLS: c.TLS, Mail: c.SMTP.Address != "", Metrics: c.Metrics != "",
		OrgRuns: c.OrgRuns, Curation: c.Curation != "off", Grace: c.DeleteGrace.String()}
	if a.DB.Postgres() {
		s.Database = "postgres"
	}
	if strings.HasPrefix(c.Blobs, "s3:") {
		s.Objects = "s3"
	}
	if c.TLSCert != "" {
		s.TLS = "own"
	}
	if limit := a.Site.Limit(); limit > 0 {
		s.RateLimit = strconv.FormatFloat(limit, 'f', -1, 64)
	}
	return s
}
