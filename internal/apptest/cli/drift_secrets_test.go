package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Secrets of a round, by where they are known.
const (
	canaryState    = "canary-state-backend-1"     // password of the backend, in the environment of the provider too
	canaryPassword = "canary-password-code-2"     // a sensitive variable: in the state, the plan and an output
	canaryReal     = "canary-password-real-3"     // what somebody made of it: nobody but the cloud knows it
	canaryHeader   = "canary-webhook-header-4"    // of an alert
	canaryTag      = "canary-ticket-code-5"       // a sensitive variable in a map that is not sensitive
	canaryTagReal  = "canary-ticket-real-6"       // what somebody made of it
	canaryPlain    = "canary/plain+7&<é>?=secret" // a variable that the code does not mark, in base64, in a URL and in an error
	canaryUnused   = "canary-environment-8"       // in the environment only
)

func canaries() []string {
	return []string{canaryState, canaryPassword, canaryReal, canaryHeader, canaryTag, canaryTagReal, canaryPlain, canaryUnused}
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// disguises are the forms in which a secret may be somewhere: as it is, in the base64 of
// something longer, as hexadecimal digits, in a URL, and in JSON.
func disguises(secret string) []string {
	out := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret), url.PathEscape(secret)}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			text := e.EncodeToString(append(make([]byte, offset), secret...))
			out = append(out, text[(offset*8+5)/6:(offset+len(secret))*8/6])
		}
	}
	for _, html := range []bool{false, true} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		_ = e.Encode(secret)
		out = append(out, strings.Trim(b.String(), "\"\n"))
	}
	return out
}

// leaks returns the secrets that a text has, in any disguise.
func leaks(text []byte, secrets []string) (found []string) {
	for _, secret := range secrets {
		for _, form := range disguises(secret) {
			if bytes.Contains(text, []byte(form)) {
				found = append(found, secret+" as "+form)
				break
			}
		}
	}
	return found
}

// hidden fails the test if a secret is anywhere in clear: in the database, on the disk of the
// server and of its executor, in its log, and in any byte that it sent.
func (p *patrol) hidden() {
	p.T.Helper()
	texts := map[string][]byte{"the log": p.log.bytes(), "mails and hooks": []byte(strings.Join(p.told, "\n")), "issues": []byte(p.tracker.all()), "requests": p.wire.bytes(), "the database": p.dump()}
	for _, dir := range []string{p.Dir, p.work} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // a file that went meanwhile
			}
			b, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil
			}
			texts[path] = b
			return err
		})
		if err != nil {
			p.T.Fatal(err)
		}
	}
	for where, what := range map[string]string{"the database": "aws_db_instance.db", "requests": "POST /hook", "issues": "tfdrift", "the log": "drift"} {
		if !bytes.Contains(texts[where], []byte(what)) {
			p.T.Errorf("%s does not name %q: is it searched?", where, what)
		}
	}
	if len(texts) < 10 {
		p.T.Errorf("only %d texts were searched", len(texts))
	}
	for name, text := range texts {
		if found := leaks(text, append(canaries(), p.tracker.token)); len(found) > 0 {
			p.T.Errorf("%s has the secrets %q", name, found)
		}
	}
}

// dump is all that the database holds, as text.
func (p *patrol) dump() []byte {
	p.T.Helper()
	tables, row := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`, ""
	if p.postgres {
		tables, row = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`, `SELECT CAST(t AS TEXT) FROM "%s" t`
	}
	names, err := db.All[string](p.T.Context(), p.DB, tables)
	if err != nil || len(names) < 50 {
		p.T.Fatalf("tables = %v, %v", names, err)
	}
	var out bytes.Buffer
	for _, name := range names {
		query := fmt.Sprintf(row, name)
		if !p.postgres {
			query = p.sqliteRow(name)
		}
		rows, err := db.All[string](p.T.Context(), p.DB, query)
		if err != nil {
			p.T.Fatalf("%s: %v", query, err)
		}
		fmt.Fprintln(&out, name, strings.Join(rows, "\n"))
	}
	return out.Bytes()
}

// sqliteRow is the query that makes texts of the rows of a table.
func (p *patrol) sqliteRow(table string) string {
	p.T.Helper()
	columns, err := db.All[string](p.T.Context(), p.DB, `SELECT name FROM pragma_table_info(?)`, table)
	if err != nil {
		p.T.Fatal(err)
	}
	for i, c := range columns {
		columns[i] = fmt.Sprintf(`CASE typeof("%s") WHEN 'blob' THEN hex("%s") ELSE coalesce(CAST("%s" AS TEXT), '') END`, c, c, c)
	}
	return fmt.Sprintf(`SELECT %s FROM "%s"`, strings.Join(columns, ` || ' ' || `), table)
}

// wire keeps every request that a server sends.
type wire struct {
	mu   sync.Mutex
	sent bytes.Buffer
	off  bool // what is sent is not the server's
}

// tap serves h, and keeps what it is asked, without the headers that are meant for it.
func (w *wire) tap(t *testing.T, h http.Handler, meant ...string) (address string) {
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		header := r.Header.Clone()
		for _, name := range meant {
			header.Del(name)
		}
		w.mu.Lock()
		if !w.off {
			fmt.Fprintln(&w.sent, r.Method, r.URL.RequestURI(), header)
			w.sent.Write(append(b, '\n'))
		}
		w.mu.Unlock()
		h.ServeHTTP(rw, r)
	}))
}

// listen turns the keeping on or off.
func (w *wire) listen(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = !on
}

func (w *wire) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.sent.Bytes())
}
