package db

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// All returns every row of a query as T: a struct whose fields have db tags, or a
// single value.
//
// A query that starts with FROM selects the columns that T has tags for. Elsewhere
// {} stands for them, and {w} for the same with "w." before each; columns tagged
// "name,extra" belong to no table of T and are written out by the query. No query
// says "*", so that a server keeps working while another adds a column.
func All[T any](ctx context.Context, d *DB, query string, args ...any) ([]T, error) {
	p := planOf(reflect.TypeFor[T]())
	query = p.expand(query)
	rows, err := d.query(ctx, query, args)
	if err != nil {
		return nil, unstorable(err)
	}
	defer func() { _ = rows.Close() }()
	var row, zero T // each row is scanned into row, so that its fields are found once
	fields, err := p.match(rows, reflect.ValueOf(&row).Elem())
	if err != nil {
		return nil, err
	}
	var out []T
	for rows.Next() {
		row = zero
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		if out == nil {
			out = make([]T, 0, pageSize(query, args))
		}
		out = append(out, row)
	}
	return out, unstorable(rows.Err())
}

// pageSize is how many rows to make room for: those of a page, whose rows may be wide.
func pageSize(query string, args []any) int {
	if !strings.HasSuffix(query, "LIMIT ? OFFSET ?") {
		return 1
	}
	n, _ := args[len(args)-2].(int)
	return max(1, min(n, 100))
}

// One returns the first row of a query, or problem.NotFound.
func One[T any](ctx context.Context, d *DB, query string, args ...any) (T, error) {
	return First(All[T](ctx, d, query, args...))
}

// First returns the first row of what a query gave, or problem.NotFound.
func First[T any](rows []T, err error) (T, error) {
	if err == nil && len(rows) == 0 {
		err = problem.NotFound
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return rows[0], nil
}

// In runs a query whose only "(?)" stands for a list of ids, after the other
// arguments of the query. An empty list gives no rows and costs no statement.
func In[T any](ctx context.Context, d *DB, query string, ids []string, args ...any) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args = List(query, ids, args...)
	return All[T](ctx, d, query, args...)
}

// List replaces the only "(?)" of a query by as many placeholders as there are
// ids, and puts the ids where their placeholders are among the arguments. An empty
// list matches nothing.
func List(query string, ids []string, args ...any) (string, []any) {
	before, after, ok := strings.Cut(query, "(?)")
	if !ok {
		panic("db: no (?) in " + query)
	}
	if len(ids) == 0 {
		return before + "(NULL)" + after, args
	}
	n := strings.Count(before, "?")
	all := make([]any, 0, len(args)+len(ids))
	all = append(all, args[:n]...)
	for _, id := range ids {
		all = append(all, id)
	}
	return before + "(?" + strings.Repeat(",?", len(ids)-1) + ")" + after, append(all, args[n:]...)
}

// Exec runs a statement and returns how many rows it changed.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := d.exec(ctx, query, args)
	if err != nil {
		return 0, unstorable(err)
	}
	return res.RowsAffected()
}

// Insert adds one row.
func (d *DB) Insert(ctx context.Context, table string, row any) error {
	rv := reflect.Indirect(reflect.ValueOf(row))
	p := planOf(rv.Type())
	_, err := d.Exec(ctx, "INSERT INTO "+table+" ("+p.list+") VALUES "+p.tuple, p.values(nil, rv)...)
	return err
}

// maxValues is how many values one statement of InsertAll carries. SQLite's driver
// binds them in quadratic time: 12,000 at once take as long as 500 a hundred times.
const maxValues = 500

// InsertAll adds rows; none is fine. Many rows take several statements, so call it in
// a transaction. suffix may hold an ON CONFLICT clause.
func InsertAll[T any](ctx context.Context, d *DB, table string, rows []T, suffix string) error {
	p := planOf(reflect.TypeFor[T]())
	for part := range slices.Chunk(rows, max(1, maxValues/max(1, len(p.cols)))) {
		var args []any
		for i := range part {
			args = p.values(args, reflect.ValueOf(&part[i]).Elem())
		}
		query := "INSERT INTO " + table + " (" + p.list + ") VALUES " + p.tuple + strings.Repeat(", "+p.tuple, len(part)-1)
		if suffix != "" {
			query += " " + suffix
		}
		if _, err := d.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// Update writes the named columns of the row that has row's id.
func (d *DB) Update(ctx context.Context, table string, row any, columns ...string) error {
	rv := reflect.Indirect(reflect.ValueOf(row))
	p := planOf(rv.Type())
	args := make([]any, 0, len(columns)+1)
	for _, c := range columns {
		args = append(args, rv.Field(p.field(c)).Interface())
	}
	args = append(args, rv.Field(p.field("id")).Interface())
	_, err := d.Exec(ctx, "UPDATE "+table+" SET "+strings.Join(columns, " = ?, ")+" = ? WHERE id = ?", args...)
	return err
}

// Delete removes the row with the given id.
func (d *DB) Delete(ctx context.Context, table, id string) error {
	_, err := d.Exec(ctx, "DELETE FROM "+table+" WHERE id = ?", id)
	return err
}

// plan is what is known of a row type.
type plan struct {
	typ    reflect.Type
	scalar bool
	cols   []string // columns of the table
	list   string   // cols, joined
	tuple  string   // (?, ?, …), as many
	index  []int    // fields of cols
	byName map[string]int
}

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{typ: t, byName: map[string]int{}}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]()) {
		p.scalar = true
	} else {
		for i := range t.NumField() {
			name, option, _ := strings.Cut(t.Field(i).Tag.Get("db"), ",")
			if name == "" {
				continue
			}
			p.byName[name] = i
			if option != "extra" {
				p.cols, p.index = append(p.cols, name), append(p.index, i)
			}
		}
		p.list = strings.Join(p.cols, ", ")
		p.tuple = "(?" + strings.Repeat(", ?", max(0, len(p.cols)-1)) + ")"
	}
	plans.Store(t, p)
	return p
}

type expanded struct {
	*plan
	query string
}

var expansions sync.Map // expanded → string

// expand writes out the columns that a query leaves to T.
func (p *plan) expand(query string) string {
	if p.scalar || (!strings.HasPrefix(query, "FROM ") && !strings.Contains(query, "{")) {
		return query
	}
	if s, ok := expansions.Load(expanded{p, query}); ok {
		return s.(string)
	}
	full := query
	if strings.HasPrefix(full, "FROM ") {
		full = "SELECT {} " + full
	}
	before, rest, ok := strings.Cut(full, "{")
	if ok {
		alias, after, _ := strings.Cut(rest, "}")
		cols := p.list
		if alias != "" {
			cols = alias + "." + strings.Join(p.cols, ", "+alias+".")
		}
		full = before + cols + after
	}
	remember(&expansions, expanded{p, query}, full)
	return full
}

// match returns the address of the field of each column, for Scan.
func (p *plan) match(rows *sql.Rows, row reflect.Value) ([]any, error) {
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	fields := make([]any, len(cols))
	for i, c := range cols {
		f, ok := p.byName[c]
		switch {
		case p.scalar:
			fields[i] = row.Addr().Interface()
		case ok:
			fields[i] = row.Field(f).Addr().Interface()
		default:
			return nil, fmt.Errorf("db: %v has no field for column %q", p.typ, c)
		}
	}
	return fields, nil
}

func (p *plan) values(args []any, rv reflect.Value) []any {
	for _, f := range p.index {
		args = append(args, rv.Field(f).Interface())
	}
	return args
}

func (p *plan) field(column string) int {
	f, ok := p.byName[column]
	if !ok {
		panic(fmt.Sprintf("db: %v has no field for column %q", p.typ, column))
	}
	return f
}

var rebound sync.Map // query → query with $1, $2, …

// rebind numbers the placeholders for PostgreSQL. Queries contain no "?" but
// placeholders: values are arguments.
func (d *DB) rebind(query string) string {
	if !d.postgres {
		return query
	}
	if s, ok := rebound.Load(query); ok {
		return s.(string)
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	remember(&rebound, query, b.String())
	return b.String()
}

// remember stores a rewritten query unless it has a list: their lengths are many,
// and the maps must not grow with them.
func remember(m *sync.Map, key any, query string) {
	if !strings.Contains(query, "?,?") && !strings.Contains(query, "), (") {
		m.Store(key, query)
	}
}
