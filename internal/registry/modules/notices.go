package modules

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Use is a version of a private module that a configuration uses, by its address.
type Use struct{ Namespace, Name, Provider, Version string }

// Notice is what must be said to those who use a version.
type Notice struct {
	Use
	Reason  string // of the deprecation, as its link
	Link    string
	Revoked bool // a revoked version is deprecated too
	Message string
	MsgLink string // of the revocation
}

// maxUses is for how many versions one statement asks. SQLite takes 500 SELECTs in one.
const maxUses = 100

// Notices returns those of the versions that are deprecated or revoked, in the order of
// uses, with one statement for every hundred. It asks no permission: who may not read a
// module cannot have installed it.
func (f *Feature) Notices(ctx context.Context, uses []Use) ([]Notice, error) {
	var out []Notice
	for part := range slices.Chunk(uses, maxUses) {
		rows, err := f.noticed(ctx, part)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(rows, func(a, b notice) int { return a.Position - b.Position })
		for _, r := range rows {
			out = append(out, Notice{part[r.Position], r.Reason, r.Link, r.Revoked, r.Message, r.MsgLink})
		}
	}
	return out, nil
}

// notice is a row of noticed; Position is the place of its use.
type notice struct {
	Position int    `db:"position"`
	Reason   string `db:"deprecation_reason"`
	Link     string `db:"deprecation_link"`
	Revoked  bool   `db:"revoked"`
	Message  string `db:"revocation_message"`
	MsgLink  string `db:"revocation_link"`
}

func (f *Feature) noticed(ctx context.Context, uses []Use) ([]notice, error) {
	var queries []string
	var args []any
	for i, u := range uses {
		queries = append(queries, `SELECT `+strconv.Itoa(i)+` AS position, v.deprecation_reason, v.deprecation_link, v.revoked_at IS NOT NULL AS revoked, v.revocation_message, v.revocation_link
			FROM organizations o JOIN registry_modules m ON m.org_id = o.id JOIN registry_module_versions v ON v.module_id = m.id
			WHERE o.name_lower = ? AND m.registry_name = 'private' AND m.namespace_lower = '' AND m.name_lower = ? AND m.provider = ? AND v.version = ? AND v.deprecation_id IS NOT NULL`)
		args = append(args, strings.ToLower(u.Namespace), strings.ToLower(u.Name), u.Provider, u.Version)
	}
	return db.All[notice](ctx, f.DB, strings.Join(queries, " UNION ALL "), args...)
}
