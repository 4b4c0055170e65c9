package findings

import (
	"context"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// maxChosen is how many findings one request is about.
const maxChosen = 1000

// bulkRoutes decide about several findings at once: those that the relationship drift-findings
// of the request names. It is all of them or none.
func (f *Feature) bulkRoutes(r *api.Router) {
	const base = "POST /organizations/{organization}/drift-findings/actions/"
	api.Do(r, base+"acknowledge", authz.ReadOrg, f.Orgs.ByName, f.acknowledgeMany)
	api.Do(r, base+"assign", authz.ReadOrg, f.Orgs.ByName, f.assignMany)
	api.Do(r, base+"ignore", authz.ReadOrg, f.Orgs.ByName, f.ignoreMany)
}

// chosen are the findings that a request names, all of which its subject may decide about.
func (f *Feature) chosen(ctx context.Context, o orgs.Org, members []jsonapi.Member) ([]Finding, []string, error) {
	ids, other := jsonapi.IDs(members, "drift-findings")
	if other != nil || len(ids) == 0 || len(ids) > maxChosen {
		return nil, nil, problem.InvalidRelation("drift-findings", "Drift findings must be from 1 to %d findings", maxChosen)
	}
	list, err := db.In[Finding](ctx, f.DB, selectFindings+` WHERE f.id IN (?)`, ids)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]bool{}
	for _, one := range list {
		if one.OrgID != o.ID {
			return nil, nil, problem.NotFound
		}
		if err := authz.Check(ctx, authz.OperateDrift, one); err != nil {
			return nil, nil, err
		}
		there[one.ID] = true
		f.changed(ctx, "drift-findings", one.ID, one.Scope())
	}
	for _, id := range ids {
		if !there[id] {
			return nil, nil, problem.NotFound
		}
	}
	return list, ids, nil
}

func (f *Feature) acknowledgeMany(ctx context.Context, o orgs.Org, in jsonapi.In[acknowledgement]) error {
	members, _ := in.Data.Many("drift-findings")
	_, ids, err := f.chosen(ctx, o, members)
	if err != nil {
		return err
	}
	at, by := f.acknowledgedBy(ctx, in.Data.Attributes)
	query, args := db.List(`UPDATE drift_findings SET acknowledged_at = ?, acknowledged_by = ? WHERE status <> 'resolved' AND id IN (?)`, ids, at, by)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

func (f *Feature) assignMany(ctx context.Context, o orgs.Org, in jsonapi.In[struct{}]) error {
	members, _ := in.Data.Many("drift-findings")
	_, ids, err := f.chosen(ctx, o, members)
	if err != nil {
		return err
	}
	to, err := f.assignee(ctx, o.ID, in)
	if err != nil {
		return err
	}
	query, args := db.List(`UPDATE drift_findings SET assigned_to = ? WHERE status <> 'resolved' AND id IN (?)`, ids, to)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// ignoreMany makes a rule for each of the findings.
func (f *Feature) ignoreMany(ctx context.Context, o orgs.Org, in jsonapi.In[ignoring]) error {
	members, _ := in.Data.Many("drift-findings")
	list, _, err := f.chosen(ctx, o, members)
	if err != nil {
		return err
	}
	a := in.Data.Attributes
	base := Rule{OrgID: o.ID, CreatedBy: f.user(ctx), CreatedAt: db.Now()}
	if a.Everywhere.V {
		if err := authz.Check(ctx, authz.OperateDrift, base); err != nil {
			return err
		}
	}
	var rules []Rule
	var targets []string
	had, hadTarget := map[string]bool{}, map[string]bool{}
	for _, one := range list {
		r := base
		if r.ID = id.New("drig"); !a.Everywhere.V {
			r.WorkspaceID, r.ScheduleID, r.Folder = one.WorkspaceID, one.ScheduleID, one.Folder
		}
		if err := r.about(one, a.Reason.V, a.ExpiresAt.V); err != nil {
			return err
		}
		if !hadTarget[one.Target] {
			hadTarget[one.Target], targets = true, append(targets, one.Target)
		}
		if same := db.Text(r.WorkspaceID) + db.Text(r.ScheduleID) + "\n" + r.Folder + "\n" + one.Address + "\n" + one.Path; !had[same] {
			had[same], rules = true, append(rules, r)
		}
	}
	if err := db.InsertAll(ctx, f.DB, "drift_ignore_rules", rules, ""); err != nil {
		return err
	}
	c := scans.Condition{Where: "f.org_id = ? AND f.status <> 'resolved'", Args: []any{o.ID}}
	if !a.Everywhere.V {
		c.In("f.target", targets)
	}
	return f.reconsider(ctx, o.ID, c, a.Reason.V)
}
