// Package fakecloud is a small cloud over HTTP whose objects tests change behind the back of the
// provider that manages them (tools/fakeprovider).
//
// Objects are JSON. Every one has an id, which the cloud gives it, and a name, by which tests
// find it. Requests ask for faults by headers: Fault-latency ("50ms"), Fault-429 and Fault-500
// (how many requests to answer so), Fault-stale (how many reads after a change still see what
// was before), Fault-noise (attributes that differ at every read), Fault-reorder (lists that come
// in another order at every read).
package fakecloud

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const maxBody = 1 << 20

// Object is what the cloud knows of one thing.
type Object = map[string]any

// Cloud is the server and its state. Its zero value is an empty cloud.
type Cloud struct {
	mu       sync.Mutex
	objects  map[string]map[string]*stored // by type and id
	lookups  map[string]string
	next     int
	requests int
	failed   map[string]int // answers of a fault that were given

	of       *Cloud // of which it is a view
	from, to string // names are read with from replaced by to
}

// Named is a view of the cloud in whose names a word stands for another: tests that are tables
// write their names once.
func (c *Cloud) Named(word, name string) *Cloud { return &Cloud{of: c, from: word, to: name} }

type stored struct {
	object, before Object
	staleReads     int // reads since the change
}

// Change lets do change the object of a type that has the name. It fails if there is none.
func (c *Cloud) Change(typ, name string, do func(Object)) error {
	if c.of != nil {
		return c.of.Change(typ, strings.ReplaceAll(name, c.from, c.to), do)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.objects[typ] {
		if s.object["name"] == name {
			s.before, s.staleReads = clone(s.object), 0
			do(s.object)
			s.object = clone(s.object) // numbers and lists as JSON has them
			return nil
		}
	}
	return fmt.Errorf("the cloud has no %s named %s", typ, name)
}

// Remove deletes an object.
func (c *Cloud) Remove(typ, name string) error {
	if c.of != nil {
		return c.of.Remove(typ, strings.ReplaceAll(name, c.from, c.to))
	}
	id, err := c.ID(typ, name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.objects[typ], id)
	return nil
}

// Add makes an object that no code manages and returns its id.
func (c *Cloud) Add(typ string, o Object) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.create(typ, clone(o), nil)["id"].(string)
}

// ID returns the id of an object.
func (c *Cloud) ID(typ, name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.objects[typ] {
		if s.object["name"] == name {
			return id, nil
		}
	}
	return "", fmt.Errorf("the cloud has no %s named %s", typ, name)
}

// Answer sets what the data source lookup reads under a key.
func (c *Cloud) Answer(key, value string) {
	if c.of != nil {
		c.of.Answer(strings.ReplaceAll(key, c.from, c.to), value)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lookups == nil {
		c.lookups = map[string]string{}
	}
	c.lookups[key] = value
}

// Requests returns how many requests came.
func (c *Cloud) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// ServeHTTP implements http.Handler: POST /objects/TYPE?computed=a,b and GET, PUT, DELETE
// /objects/TYPE/ID, GET /lookup/KEY.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d, err := time.ParseDuration(r.Header.Get("Fault-latency")); err == nil {
		select {
		case <-time.After(min(d, time.Minute)):
		case <-r.Context().Done():
			return
		}
	}
	var o Object
	if body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil || (len(body) > 0 && json.Unmarshal(body, &o) != nil) {
		http.Error(w, "the body is not an object", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	status, answer := c.serve(r, o)
	content, err := json.Marshal(answer)
	c.mu.Unlock()
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(content) // who went away is not told
}

func (c *Cloud) serve(r *http.Request, o Object) (int, Object) {
	c.requests++
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError} {
		if c.fails(r, status) {
			return status, nil
		}
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	typ, id, _ := strings.Cut(rest, "/")
	switch {
	case kind == "lookup":
		return http.StatusOK, Object{"value": c.lookups[rest]}
	case kind != "objects":
		return http.StatusNotFound, nil
	case r.Method == http.MethodPost:
		return http.StatusCreated, c.create(typ, o, strings.Split(r.URL.Query().Get("computed"), ","))
	}
	s := c.objects[typ][id]
	if s == nil {
		return http.StatusNotFound, nil
	}
	switch r.Method {
	case http.MethodGet:
		return http.StatusOK, c.seen(s, r.Header)
	case http.MethodPut:
		return http.StatusOK, s.replace(o)
	case http.MethodDelete:
		delete(c.objects[typ], id)
		return http.StatusOK, Object{}
	}
	return http.StatusMethodNotAllowed, nil
}

// fails says whether this request gets the status, as the first ones of a path do on demand.
func (c *Cloud) fails(r *http.Request, status int) bool {
	wanted, err := strconv.Atoi(r.Header.Get("Fault-" + strconv.Itoa(status)))
	key := strconv.Itoa(status) + r.Method + r.URL.Path
	if err != nil || c.failed[key] >= wanted {
		return false
	}
	if c.failed == nil {
		c.failed = map[string]int{}
	}
	c.failed[key]++
	return true
}

func (c *Cloud) create(typ string, o Object, computed []string) Object {
	c.next++
	if o == nil {
		o = Object{}
	}
	o["id"] = fmt.Sprintf("%s-%d", strings.ReplaceAll(typ, "_", "-"), c.next)
	for _, name := range computed {
		if _, given := o[name]; name != "" && !given {
			o[name] = name + "-1"
		}
	}
	if c.objects == nil {
		c.objects = map[string]map[string]*stored{}
	}
	if c.objects[typ] == nil {
		c.objects[typ] = map[string]*stored{}
	}
	c.objects[typ][o["id"].(string)] = &stored{object: o, before: o, staleReads: 1 << 30}
	return o
}

// replace takes what a client sends; what it does not know stays.
func (s *stored) replace(o Object) Object {
	s.before, s.staleReads = clone(s.object), 0
	for name, v := range s.object {
		if _, given := o[name]; !given && (name == "id" || computedNames[name]) {
			o[name] = v
		}
	}
	s.object = o
	return o
}

// computedNames are attributes that no client sends.
var computedNames = map[string]bool{"private_ip": true, "latest_restorable_time": true, "platform_version": true, "last_modified": true, "modified_on": true, "desired_capacity": true}

// seen is the object as a read shows it, faults included.
func (c *Cloud) seen(s *stored, faults http.Header) Object {
	s.staleReads++
	o := clone(s.object)
	if n, err := strconv.Atoi(faults.Get("Fault-stale")); err == nil && s.staleReads <= n {
		o = clone(s.before)
	}
	for name := range strings.SplitSeq(faults.Get("Fault-noise"), ",") {
		if _, has := o[name]; has {
			o[name] = fmt.Sprintf("%s-%d", name, c.requests)
		}
	}
	for name := range strings.SplitSeq(faults.Get("Fault-reorder"), ",") {
		if list, ok := o[name].([]any); ok && len(list) > 1 {
			o[name] = append(slices.Clone(list[1:]), list[0])
		}
	}
	return o
}

// clone copies an object as JSON.
func clone(o Object) Object {
	b, err := json.Marshal(o)
	if err != nil {
		return maps.Clone(o)
	}
	var out Object
	if json.Unmarshal(b, &out) != nil {
		return maps.Clone(o)
	}
	return out
}
