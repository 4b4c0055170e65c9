package fleet

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Row is a workspace as the explorer shows it (HCP Terraform, "Explorer API", view type
// workspaces).
type Row struct {
	ID                 string   `db:"id"`
	OrgID              string   `db:"org_id"`
	ProjectID          string   `db:"project_id"`
	OrgName            string   `db:"organization_name"`
	ProjectName        string   `db:"project_name"`
	Name               string   `db:"workspace_name"`
	CreatedAt          db.Time  `db:"workspace_created_at"`
	UpdatedAt          db.Time  `db:"workspace_updated_at"`
	TerraformVersion   string   `db:"workspace_terraform_version"`
	ResourceCount      int      `db:"workspace_resource_count"`
	RunStatus          *string  `db:"current_run_status"`
	RunID              *string  `db:"current_run_external_id"`
	RunAt              *db.Time `db:"current_run_applied_at"`
	Drifted            *bool    `db:"drifted"`
	ResourcesDrifted   *int     `db:"resources_drifted"`
	ResourcesUndrifted *int     `db:"resources_undrifted"`
	AllChecksSucceeded *bool    `db:"all_checks_succeeded"`
	ChecksPassed       *int     `db:"checks_passed"`
	ChecksFailed       *int     `db:"checks_failed"`
	ChecksErrored      *int     `db:"checks_errored"`
	ChecksUnknown      *int     `db:"checks_unknown"`
	Health             *string  `db:"health_state"`
	Managed            *int     `db:"current_rum_count"`
	StateVersion       *string  `db:"state_version_terraform_version"` // that wrote the state
	ProviderCount      int      `db:"provider_count"`
	ModuleCount        int      `db:"module_count"`

	used map[string]string // providers, modules, tags: their names with commas, see hydrate
}

// Scope implements authz.Scoped.
func (r Row) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: r.ID}
}

// sort of a field's values, which decides what it can be compared with.
type sort string

const (
	text    sort = "text"
	number  sort = "number"
	boolean sort = "boolean"
	moment  sort = "moment"
	names   sort = "names" // any number; column is the beginning of a query of them
)

// field is one of the explorer's.
type field struct {
	name, column string
	sort         sort
}

// healthState is the state of workspaces as they show it themselves.
const healthState = "(CASE WHEN w.assessments_enabled OR o.assessments_enforced THEN COALESCE(h.state, 'unknown') ELSE 'disabled' END)"

const succeeded = "(CASE WHEN a.succeeded THEN a.checks_failed + a.checks_errored + a.checks_unknown = 0 END)"

// fields are in the order of the export.
var fields = []field{
	{"organization_name", "o.name", text}, {"project_name", "p.name", text}, {"project_external_id", "w.project_id", text},
	{"resource_count", "w.resource_count", number}, {"current_rum_count", "v.billable", number},
	{"state_version_terraform_version", "v.terraform_version", text}, {"provider_count", "COALESCE(u.providers, 0)", number}, {"module_count", "COALESCE(u.modules, 0)", number},
	{"providers", "SELECT 1 FROM workspace_resources x WHERE x.workspace_id = w.id AND lower(x.provider)", names},
	{"modules", "SELECT 1 FROM workspace_resources x WHERE x.workspace_id = w.id AND x.module <> 'root' AND lower(x.module)", names},
	{"tags", "SELECT 1 FROM tag_bindings b JOIN tags t ON t.id = b.tag_id WHERE b.workspace_id = w.id AND lower(" + tagName + ")", names},
	{"workspace_name", "w.name", text}, {"external_id", "w.id", text}, {"workspace_created_at", "w.created_at", moment},
	{"workspace_updated_at", "w.updated_at", moment}, {"workspace_terraform_version", "w.terraform_version", text},
	{"workspace_resource_count", "w.resource_count", number}, {"current_run_status", "r.status", text}, {"current_run_external_id", "r.id", text},
	{"current_run_applied_at", "r.updated_at", moment}, {"drifted", "a.drifted", boolean}, {"resources_drifted", "a.resources_drifted", number},
	{"resources_undrifted", "a.resources_undrifted", number}, {"all_checks_succeeded", succeeded, boolean}, {"checks_passed", "a.checks_passed", number},
	{"checks_failed", "a.checks_failed", number}, {"checks_errored", "a.checks_errored", number}, {"checks_unknown", "a.checks_unknown", number},
	{"health_state", healthState, text},
}

func fieldOf(name string) (field, bool) {
	name = strings.ReplaceAll(name, "-", "_")
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

const explored = ` FROM workspaces w JOIN organizations o ON o.id = w.org_id JOIN projects p ON p.id = w.project_id LEFT JOIN runs r ON r.id = w.current_run_id LEFT JOIN workspace_health h ON h.workspace_id = w.id LEFT JOIN assessment_results a ON a.id = h.result_id
	LEFT JOIN state_versions v ON v.id = w.current_state_version_id
	LEFT JOIN (SELECT workspace_id, COUNT(DISTINCT provider) AS providers, COUNT(DISTINCT CASE WHEN module <> 'root' THEN module END) AS modules FROM workspace_resources
		WHERE workspace_id IN (SELECT id FROM workspaces WHERE org_id = ?) GROUP BY workspace_id) u ON u.workspace_id = w.id WHERE `

func (f *Feature) explorerRoutes(r *api.Router) {
	const path = "/organizations/{organization}/explorer"
	api.Type(r, "visibility-workspace", authz.ReadWorkspace, nil, viewRow)
	api.List(r, path, authz.ReadOrg, f.Orgs.ByName, f.explore, api.Params("filter"))
	api.Handle(r, "GET "+path+"/export/csv", authz.ReadOrg, f.Orgs.ByName, f.exportRows)
}

// explore lists workspaces. The other views of the explorer (tf_versions, providers, modules and
// resources) are not there.
func (f *Feature) explore(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Row], error) {
	from, args, err := f.query(ctx, o, q)
	if err != nil {
		return api.Page[Row]{}, err
	}
	page, err := api.Select[Row](ctx, f.DB, q, from, args...)
	if err != nil {
		return page, err
	}
	return page, f.hydrate(ctx, page.Items)
}

// maxFilters is how many filters there are at most: a database takes minutes to plan for a thousand.
const maxFilters = 50

// query is the statement that a request asks for, without its page.
func (f *Feature) query(ctx context.Context, o orgs.Org, q api.Query) (string, []any, error) {
	if t := q.Get("type"); t != "workspaces" {
		return "", nil, problem.BadRequest("type must be workspaces, not %q: there is no other view", t)
	}
	allowed, args := authz.FilterOf(ctx, authz.ReadWorkspace, o.ID).SQL("w.project_id", "w.id")
	where, args := "w.org_id = ? AND "+allowed, append([]any{o.ID, o.ID}, args...)
	filters := 0
	for name, values := range q.Values() {
		if !strings.HasPrefix(name, "filter[") {
			continue
		}
		if filters++; filters > maxFilters {
			return "", nil, problem.BadRequest("There are more than %d filters", maxFilters)
		}
		cond, value, err := filter(name, values)
		if err != nil {
			return "", nil, err
		}
		where, args = where+" AND "+cond, append(args, value...)
	}
	order, err := order(q.Get("sort"))
	if err != nil {
		return "", nil, err
	}
	columns := []string{"w.id AS id", "w.org_id AS org_id", "w.project_id AS project_id"}
	for _, one := range fields {
		if one.name != "external_id" && one.name != "project_external_id" && one.name != "resource_count" && one.sort != names {
			columns = append(columns, one.column+" AS "+one.name)
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + explored + where + " ORDER BY " + order, args, nil
}

func order(by string) (string, error) {
	if by == "" {
		return "w.name, w.id", nil
	}
	var terms []string
	for name := range strings.SplitSeq(by, ",") {
		bare, down := strings.CutPrefix(strings.TrimSpace(name), "-")
		one, ok := fieldOf(bare)
		if !ok || one.sort == names || len(terms) > 5 {
			return "", problem.BadRequest("Workspaces cannot be sorted by %q", name)
		}
		term := one.column
		if down {
			term += " DESC"
		}
		terms = append(terms, one.column+" IS NULL", term)
	}
	return strings.Join(terms, ", ") + ", w.id", nil
}

// filter is the condition of filter[INDEX][FIELD][OPERATOR][0]=VALUE ("Explorer API", Query
// parameters).
func filter(name string, values []string) (string, []any, error) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(name, "filter["), "]"), "][")
	if len(parts) < 3 || len(values) == 0 {
		return "", nil, problem.BadRequest("A filter is written filter[0][workspace_name][contains][0]=text, not %s", name)
	}
	one, ok := fieldOf(parts[1])
	if !ok {
		return "", nil, problem.BadRequest("There is no field %q to filter by", parts[1])
	}
	if one.sort == names {
		return named(one, parts[2], values[0])
	}
	c, value := one.column, values[0]
	switch operator := strings.ReplaceAll(parts[2], "_", "-"); operator {
	case "is-empty":
		return "(" + c + " IS NULL" + or(one.sort == text, " OR "+c+" = ''") + ")", nil, nil
	case "is-not-empty":
		return "(" + c + " IS NOT NULL" + or(one.sort == text, " AND "+c+" <> ''") + ")", nil, nil
	case "contains", "does-not-contain":
		if one.sort != text {
			break
		}
		cond := "lower(COALESCE(" + c + ", '')) LIKE ? ESCAPE '\\'"
		return or(operator != "contains", "NOT ") + cond, []any{"%" + api.EscapeLike(strings.ToLower(value)) + "%"}, nil
	default:
		return compare(one, operator, value)
	}
	return "", nil, unfit(parts[2], one)
}

func unfit(operator string, one field) error {
	return problem.BadRequest("The operator %s is not for the field %s", operator, one.name)
}

func or(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

var operators = map[sort]map[string]string{
	text:    {"is": "=", "is-not": "<>"},
	number:  {"is": "=", "is-not": "<>", "gt": ">", "lt": "<", "gteq": ">=", "lteq": "<="},
	boolean: {"is": "=", "is-not": "<>"},
	moment:  {"is": "=", "is-not": "<>", "is-before": "<", "is-after": ">"},
}

// compare is the condition of an operator that compares. What is unknown is not anything.
func compare(one field, operator, value string) (string, []any, error) {
	sign, ok := operators[one.sort][operator]
	if !ok {
		return "", nil, unfit(operator, one)
	}
	var arg any = value
	var err error
	switch one.sort {
	case number:
		arg, err = strconv.Atoi(value)
	case boolean:
		arg, err = strconv.ParseBool(value)
	case moment:
		arg, err = db.ParseTime(value)
	}
	if err != nil {
		return "", nil, problem.BadRequest("%q is no value of the field %s", value, one.name)
	}
	cond := one.column + " " + sign + " ?"
	if sign == "<>" {
		cond = "(" + one.column + " IS NULL OR " + cond + ")"
	}
	return cond, []any{arg}, nil
}
