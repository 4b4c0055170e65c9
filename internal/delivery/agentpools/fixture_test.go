package agentpools_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// document is a request for a resource. relationships are pairs of a name and JSON
// data.
func document(typ, attributes string, relationships ...string) string {
	var rels []string
	for i := 0; i < len(relationships); i += 2 {
		rels = append(rels, fmt.Sprintf(`%q:{"data":%s}`, relationships[i], relationships[i+1]))
	}
	return fmt.Sprintf(`{"data":{"type":%q,"attributes":%s,"relationships":{%s}}}`, typ, attributes, strings.Join(rels, ","))
}

// refs is the JSON of a list of resources.
func refs(typ string, ids ...string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = fmt.Sprintf(`{"type":%q,"id":%q}`, typ, id)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// made sends a request that must succeed and returns the id in its answer.
func made(s *apptest.Server, method, path, token, body string) string {
	s.T.Helper()
	var doc struct{ Data struct{ ID string } }
	r := s.Do(method, path, token, body)
	if err := json.Unmarshal(r.Body, &doc); err != nil || r.Status >= 300 {
		s.T.Fatalf("%s %s = %d %s", method, path, r.Status, r.Body)
	}
	return doc.Data.ID
}

// pool makes a pool that the whole organization may use, unless the attributes or
// relationships say otherwise.
func pool(s *apptest.Server, o apptest.Org, name string, more ...string) string {
	s.T.Helper()
	attributes := fmt.Sprintf(`{"name":%q}`, name)
	if len(more) > 0 {
		attributes = fmt.Sprintf(`{"name":%q,"organization-scoped":false}`, name)
	}
	return made(s, "POST", "/api/v2/organizations/"+o.Name+"/agent-pools", o.Owner.Token, document("agent-pools", attributes, more...))
}

// agent makes a row like those of agents that have joined.
func agent(s *apptest.Server, poolID, id, status string, pinged db.Time) {
	s.T.Helper()
	_, err := s.DB.Exec(s.T.Context(), `INSERT INTO agents (id, pool_id, name, ip_address, status, last_ping_at, created_at) VALUES (?, ?, ?, '192.0.2.1', ?, ?, ?)`,
		id, poolID, "name of "+id, status, pinged, pinged)
	if err != nil {
		s.T.Fatal(err)
	}
}

// useBody is a request that makes a workspace or project use a pool.
func useBody(typ, poolID string) string {
	prefix := map[string]string{"projects": "default-", "organizations": "default-"}[typ]
	return document(typ, fmt.Sprintf(`{%q:"agent",%q:%q}`, prefix+"execution-mode", prefix+"agent-pool-id", poolID))
}
