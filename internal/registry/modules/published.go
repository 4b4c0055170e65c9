package modules

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// Published is a private module by its address, without its versions.
type Published struct{ Module }

// FindPublished returns the private module of that address, with no more than its address,
// its newest version and when it was changed.
func (f *Feature) FindPublished(ctx context.Context, namespace, name, provider string) (Published, error) {
	m, err := db.One[Module](ctx, f.DB, `SELECT m.id, m.org_id, m.registry_name, m.name, m.name_lower, m.provider, m.latest_version, m.updated_at, o.name AS org_name
		FROM registry_modules m JOIN organizations o ON o.id = m.org_id WHERE o.name_lower = ? AND m.registry_name = 'private' AND m.namespace_lower = '' AND m.name_lower = ? AND m.provider = ?`,
		strings.ToLower(namespace), strings.ToLower(name), provider)
	if err == nil {
		m.shared, err = f.Shared(ctx, m.OrgID)
	}
	return Published{m}, err
}

// Release is a version that can be installed, by newcomers only if it is not revoked.
type Release struct {
	ID                string `db:"id"`
	Version           string `db:"version"`
	SortKey           string `db:"sort_key"`
	Outline           string `db:"outline"` // JSON of details.Outline
	Deprecated        bool   `db:"deprecated"`
	DeprecationReason string `db:"deprecation_reason"`
	DeprecationLink   string `db:"deprecation_link"`
	Revoked           bool   `db:"revoked"`
	RevocationMessage string `db:"revocation_message"`
	RevocationLink    string `db:"revocation_link"`
}

// Releases returns the versions of a module that can be installed, oldest first.
func (f *Feature) Releases(ctx context.Context, moduleID string) ([]Release, error) {
	list, err := db.All[Release](ctx, f.DB, `SELECT id, version, sort_key, outline, deprecation_id IS NOT NULL AS deprecated, deprecation_reason, deprecation_link,
		revoked_at IS NOT NULL AS revoked, revocation_message, revocation_link FROM registry_module_versions WHERE module_id = ? AND status = ?`, moduleID, OK)
	slices.SortFunc(list, func(a, b Release) int { return compare(a.SortKey, a.Version, b.SortKey, b.Version) })
	return list, err
}

// Known is all that is known of a version.
type Known struct {
	Details   db.JSON[details.Module] `db:"details"`
	CreatedAt db.Time                 `db:"created_at"`
}

// Know returns what is known of a version that can be installed.
func (f *Feature) Know(ctx context.Context, versionID string) (Known, error) {
	return db.One[Known](ctx, f.DB, `SELECT d.details AS details, v.created_at AS created_at FROM registry_module_details d JOIN registry_module_versions v ON v.id = d.version_id WHERE v.id = ?`, versionID)
}

// Providers returns for which providers an organization has a private module of that
// name that can be installed, in order.
func (f *Feature) Providers(ctx context.Context, m Module) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT provider FROM registry_modules WHERE org_id = ? AND registry_name = 'private' AND namespace_lower = '' AND name_lower = ? AND latest_version <> '' ORDER BY provider`,
		m.OrgID, m.NameLower)
}

// Download is a version that somebody is about to install.
type Download struct {
	ID                string   `db:"id"`
	OrgID             string   `db:"org_id"`
	Name              string   `db:"name"`
	Version           string   `db:"version"`
	SHA256            string   `db:"sha256"` // of the archive, in hex
	RevokedAt         *db.Time `db:"revoked_at"`
	RevocationMessage string   `db:"revocation_message"`
	RevocationLink    string   `db:"revocation_link"`
	Known             bool     `db:"known"` // the caller has installed it before

	shared bool // as of a Module
}

// Scope implements authz.Scoped.
func (d Download) Scope() authz.Scope { return authz.Scope{Org: d.OrgID} }

// Permission implements authz.Owned as that of a Module.
func (d Download) Permission(asked authz.Permission) authz.Permission {
	return Module{shared: d.shared}.Permission(asked)
}

// FindDownload returns the version of the private module of that address, if it can be
// installed.
func (f *Feature) FindDownload(ctx context.Context, namespace, name, provider, version string) (Download, error) {
	d, err := db.One[Download](ctx, f.DB, `SELECT v.id AS id, m.org_id AS org_id, m.name AS name, v.version AS version, v.sha256 AS sha256, v.revoked_at AS revoked_at,
			v.revocation_message AS revocation_message, v.revocation_link AS revocation_link, c.consumer IS NOT NULL AS known
		FROM organizations o JOIN registry_modules m ON m.org_id = o.id JOIN registry_module_versions v ON v.module_id = m.id
		LEFT JOIN registry_module_consumers c ON c.version_id = v.id AND c.consumer = ?
		WHERE o.name_lower = ? AND m.registry_name = 'private' AND m.namespace_lower = '' AND m.name_lower = ? AND m.provider = ? AND v.version = ? AND v.status = ?`,
		consumer(ctx), strings.ToLower(namespace), strings.ToLower(name), provider, version, OK)
	if err == nil {
		d.shared, err = f.Shared(ctx, d.OrgID)
	}
	return d, err
}

// consumer is who installs a module: the workspace of a run, or whom the token is of.
func consumer(ctx context.Context) string {
	s := authz.From(ctx)
	switch {
	case s == nil:
		return ""
	case s.Kind == authz.Run:
		return s.RunIn
	}
	return s.ID
}

// Address returns where the archive of a version can be fetched without a token, and
// remembers that the caller has installed it. A revoked version is refused to those who
// have not (page "Manage module versions", "Revoke a module version").
func (f *Feature) Address(ctx context.Context, d Download) (string, error) {
	if d.RevokedAt != nil && !d.Known {
		return "", d.refused()
	}
	if !d.Known {
		_, err := f.DB.Exec(ctx, `INSERT INTO registry_module_consumers (version_id, consumer, since) VALUES (?, ?, ?) ON CONFLICT (version_id, consumer) DO NOTHING`, d.ID, consumer(ctx), db.Now())
		if db.IsForeign(err) {
			return "", problem.NotFound // it has just been deleted
		}
		if err != nil {
			return "", err
		}
	}
	return f.router.Sign(ctx, "GET", objectKind, d.ID, api.GetTTL), nil
}

func (d Download) refused() error {
	words := "Version " + d.Version + " of module " + d.Name + " has been revoked and cannot be installed by new users."
	if d.RevocationMessage != "" {
		words += " " + d.RevocationMessage
	}
	if d.RevocationLink != "" {
		words += " See " + d.RevocationLink
	}
	return problem.Denied("%s", words)
}

// Latest is the newest version of a private module.
type Latest struct {
	Namespace   string  `db:"namespace"`
	Name        string  `db:"name"`
	Provider    string  `db:"provider"`
	Version     string  `db:"version"`
	PublishedAt db.Time `db:"published_at"`
}

// Search says which modules are looked for. Empty fields match all.
type Search struct {
	Words, Namespace, Name, Provider string

	Offset, Limit int
}

// SearchLatest returns the newest versions of the private modules that the caller may
// read, in the order of their addresses.
func (f *Feature) SearchLatest(ctx context.Context, s Search) ([]Latest, error) {
	where, args, err := f.mine(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct{ column, value string }{{"o.name_lower", strings.ToLower(s.Namespace)}, {"m.name_lower", strings.ToLower(s.Name)}, {"m.provider", s.Provider}} {
		if c.value != "" {
			where, args = where+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	cond, more, err := searching(s.Words)
	if err != nil {
		return nil, err
	}
	return db.All[Latest](ctx, f.DB, `SELECT p.namespace AS namespace, p.name AS name, p.provider AS provider, v.version AS version, v.created_at AS published_at
		FROM (SELECT m.id AS id, o.name AS namespace, o.name_lower AS namespace_lower, m.name AS name, m.name_lower AS name_lower, m.provider AS provider, m.latest_version AS latest
			FROM registry_modules m JOIN organizations o ON o.id = m.org_id
			WHERE `+where+cond+` AND m.registry_name = 'private' AND m.latest_version <> '' ORDER BY o.name_lower, m.name_lower, m.provider LIMIT ? OFFSET ?) p
		JOIN registry_module_versions v ON v.module_id = p.id AND v.version = p.latest ORDER BY p.namespace_lower, p.name_lower, p.provider`,
		append(append(args, more...), s.Limit, s.Offset)...)
}

// mine is the condition on organizations o whose private modules the subject of ctx may
// read: their own, and those that share with them.
func (f *Feature) mine(ctx context.Context) (string, []any, error) {
	s := authz.From(ctx)
	if s.SiteAdmin {
		return "1 = 1", nil, nil
	}
	own := readable(s)
	producers, err := f.Orgs.ModuleProducers(ctx, own)
	cond, args := db.List("o.id IN (?)", append(own, producers...))
	return cond, args, err
}
