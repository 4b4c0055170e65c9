package tags

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// maxFilters is how many tags a list may be filtered by.
const maxFilters = 20

var taggedForm = regexp.MustCompile(`^filter\[tagged\]\[([0-9]{1,4})\]\[(key|value)\]$`)

// tagged is one filter[tagged][i].
type tagged struct{ key, value string }

// filters reads filter[tagged][i][key] and filter[tagged][i][value]. An absent or
// empty value matches any.
func filters(q api.Query) ([]tagged, error) {
	byIndex := map[int]*tagged{}
	for name, values := range q.Values() {
		if !strings.HasPrefix(name, "filter[tagged]") {
			continue
		}
		m := taggedForm.FindStringSubmatch(name)
		if m == nil {
			return nil, problem.BadRequest("%s is not filter[tagged][0][key] or filter[tagged][0][value]", name)
		}
		i, _ := strconv.Atoi(m[1])
		if byIndex[i] == nil {
			byIndex[i] = &tagged{}
		}
		if m[2] == "key" {
			byIndex[i].key = values[0]
		} else {
			byIndex[i].value = values[0]
		}
	}
	if len(byIndex) > maxFilters {
		return nil, problem.BadRequest("A list can be filtered by at most %d tags", maxFilters)
	}
	var out []tagged
	for i, t := range byIndex {
		if t.key == "" {
			return nil, problem.BadRequest("filter[tagged][%d] has no key", i)
		}
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b tagged) int { return strings.Compare(a.key+"\x00"+a.value, b.key+"\x00"+b.value) })
	return out, nil
}

// Tagged returns the condition, with a leading AND, that the effective bindings of a
// row match filter[tagged] of the request: all of them, or any with
// filter[tag-union]. workspace and project are the columns of the row's ids;
// workspace is "" in a list of projects.
func Tagged(q api.Query, orgID, workspace, project string) (string, []any, error) {
	list, err := filters(q)
	if err != nil || len(list) == 0 {
		return "", nil, err
	}
	var parts []string
	var args []any
	for _, t := range list {
		part, more := t.condition(orgID, workspace, project)
		parts, args = append(parts, part), append(args, more...)
	}
	join := " AND "
	if q.Get("filter[tag-union]") == "true" {
		join = " OR "
	}
	return " AND (" + strings.Join(parts, join) + ")", args, nil
}

func (t tagged) condition(orgID, workspace, project string) (string, []any) {
	bound := func(column, target string, withValue bool) (string, []any) {
		s := target + ` IN (SELECT b.` + column + ` FROM tag_bindings b JOIN tags t ON t.id = b.tag_id WHERE t.org_id = ? AND t.name = ? AND b.` + column + ` IS NOT NULL`
		if withValue && t.value != "" {
			return s + ` AND b.value = ?)`, []any{orgID, t.key, t.value}
		}
		return s + `)`, []any{orgID, t.key}
	}
	byProject, args := bound("project_id", project, true)
	if workspace == "" {
		return byProject, args
	}
	own, ownArgs := bound("workspace_id", workspace, true)
	any, anyArgs := bound("workspace_id", workspace, false)
	all := append(ownArgs, args...)
	return `(` + own + ` OR (` + byProject + ` AND NOT ` + any + `))`, append(all, anyArgs...)
}

// Named returns the condition, with a leading AND, that a workspace has all of the
// flat tags, or none of them if not.
func Named(names []string, not bool, orgID, workspace string) (string, []any) {
	var query strings.Builder
	var args []any
	for _, name := range names {
		query.WriteString(" AND " + workspace)
		if not {
			query.WriteString(" NOT")
		}
		query.WriteString(` IN (SELECT b.workspace_id FROM tag_bindings b JOIN tags t ON t.id = b.tag_id WHERE t.org_id = ? AND t.name = ? AND b.value = '' AND b.workspace_id IS NOT NULL)`)
		args = append(args, orgID, name)
	}
	return query.String(), args
}
