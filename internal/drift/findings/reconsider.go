package findings

import (
	"context"
	"errors"
	"slices"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// covers is the condition on findings f that a rule may be about.
func (r Rule) covers() scans.Condition {
	c := scans.Condition{Where: "f.org_id = ? AND f.status <> 'resolved'", Args: []any{r.OrgID}}
	if r.WorkspaceID != nil {
		c.And("f.workspace_id = ?", *r.WorkspaceID)
	}
	if r.ScheduleID != nil {
		c.And("f.schedule_id = ?", *r.ScheduleID)
	}
	return c
}

// maxReconsidered is how many findings a new rule is applied to at once. The scan after does the rest.
const maxReconsidered = 10_000

// decision is what rules make of a finding.
type decision struct {
	status Status
	by     string // rule, "" for none
}

// reconsider applies the rules anew to findings where a rule holds, or held, and says why.
func (f *Feature) reconsider(ctx context.Context, orgID string, c scans.Condition, why string) error {
	f.changed(ctx, "drift-ignore-rules", "", authz.Scope{Org: orgID})
	list, err := db.All[Finding](ctx, f.DB, selectFindings+` WHERE `+c.Where+` ORDER BY f.target LIMIT ?`, append(c.Args[:len(c.Args):len(c.Args)], maxReconsidered)...)
	if err != nil || len(list) == 0 {
		return err
	}
	rules, err := db.All[Rule](ctx, f.DB, `SELECT {r} FROM drift_ignore_rules r WHERE r.org_id = ? AND (r.expires_at IS NULL OR r.expires_at > ?) ORDER BY r.created_at, r.id`, orgID, db.Now())
	if err != nil {
		return err
	}
	moved := map[decision][]string{}
	targets, order := map[string][]Finding{}, []string{}
	sets := map[string]ruleset{}
	for _, one := range list {
		set, known := sets[one.Target]
		if !known {
			set = compiledOf(slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return !r.holdsFor(one) }))
			sets[one.Target] = set
		}
		to := decision{Open, set.match(one)}
		if to.by != "" {
			to.status = Ignored
		}
		if to.status == one.Status && to.by == db.Text(one.IgnoredBy) {
			continue
		}
		moved[to] = append(moved[to], one.ID)
		if targets[one.Target] == nil {
			order = append(order, one.Target)
		}
		targets[one.Target] = append(targets[one.Target], one)
	}
	for to, ids := range moved {
		query, args := db.List(`UPDATE drift_findings SET status = ?, ignored_by = ? WHERE id IN (?)`, ids, to.status, db.Null(to.by))
		if _, err := f.DB.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	for _, target := range order {
		if err := f.moved(ctx, targets[target], why); err != nil {
			return err
		}
	}
	return nil
}

// preview lists the findings that a rule would ignore, without their values: the filters are what
// the rule would say.
func (f *Feature) preview(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Finding], error) {
	r := Rule{OrgID: o.ID, WorkspaceID: db.Null(q.Get("filter[workspace][id]")), ScheduleID: db.Null(q.Get("filter[schedule][id]")), CreatedAt: db.Now()}
	set := func(text string) jsonapi.Opt[string] { return jsonapi.Opt[string]{Set: true, V: text} }
	kinds := jsonapi.Opt[[]string]{Set: true, V: q.List("filter[kind]")}
	if err := r.take(ruleRequest{Folder: set(q.Get("filter[folder]")), Address: set(q.Get("filter[address]")), Path: set(q.Get("filter[path]")), Kinds: kinds, Reason: set("-")}); err != nil {
		return api.Page[Finding]{}, err
	}
	where, args := scans.Visible(ctx, o.ID, "f")
	c := r.covers()
	c.And(where, args...)
	list, err := f.Present(ctx, c.Where, c.Args, maxReconsidered)
	r.ID = "preview"
	rules := compiledOf([]Rule{r})
	list = slices.DeleteFunc(list, func(one Finding) bool { return rules.match(one) == "" })
	from := min(q.Offset(), len(list))
	return api.Page[Finding]{Items: list[from:min(from+q.Size, len(list))], Total: len(list)}, err
}

// holdsFor reports whether a rule is for where a finding is.
func (r Rule) holdsFor(one Finding) bool {
	return (r.WorkspaceID == nil || *r.WorkspaceID == db.Text(one.WorkspaceID)) && (r.ScheduleID == nil || *r.ScheduleID == db.Text(one.ScheduleID))
}

// moved notes for a target what became of findings, which are as they were before, and counts
// its episode anew.
func (f *Feature) moved(ctx context.Context, before []Finding, why string) error {
	one := before[0]
	f.changed(ctx, "drift-findings", "", one.Scope())
	count := map[string]map[Happening]int{}
	for _, b := range before {
		kind := HasIgnored
		if b.Status == Ignored {
			kind = HasUnignored
		}
		if b.EpisodeID != nil {
			if count[*b.EpisodeID] == nil {
				count[*b.EpisodeID] = map[Happening]int{}
			}
			count[*b.EpisodeID][kind]++
		}
	}
	var notes []Note
	for episode, kinds := range count {
		for kind, n := range kinds {
			notes = append(notes, Note{OrgID: one.OrgID, EpisodeID: episode, Kind: kind, Findings: n, Detail: why})
		}
	}
	if err := f.noted(ctx, notes...); err != nil {
		return err
	}
	return f.again(ctx, one)
}

// again counts the episode of a target anew. What a rule took away is told as resolved.
func (f *Feature) again(ctx context.Context, one Finding) error {
	s, err := f.Scans.Find(ctx, one.LastScanID)
	if errors.Is(err, problem.NotFound) {
		s, err = scans.Scan{ID: one.LastScanID, OrgID: one.OrgID, WorkspaceID: one.WorkspaceID, ScheduleID: one.ScheduleID, Folder: one.Folder, Target: one.Target}, nil
	}
	if err != nil {
		return err
	}
	v, err := f.Scans.VerdictOf(ctx, s)
	if err != nil {
		return err
	}
	rules, err := f.rulesOf(ctx, s)
	if err != nil {
		return err
	}
	e := Event{Scan: s, Verdict: without(v, rules)}
	if err := f.reckon(ctx, &e, s); err != nil || e.Kind == "" {
		return err
	}
	for _, tell := range f.OnSettled {
		if err := tell(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
