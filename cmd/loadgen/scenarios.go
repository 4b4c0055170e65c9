package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the API identifies states by MD5
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// scenario is one kind of request; do sends it as one of several workers.
type scenario struct {
	name string
	do   func(ctx context.Context, s *server, worker int) error
}

func scenarios(workspaces int) []scenario {
	get := func(path func() string) func(context.Context, *server, int) error {
		return func(ctx context.Context, s *server, _ int) error { return s.get(ctx, path()) }
	}
	name := func() string { return fmt.Sprintf("load-%04d", rand.IntN(workspaces)) }
	list := "/api/v2/organizations/load/workspaces?include=organization,project"
	return []scenario{
		{"workspace by name", get(func() string { return "/api/v2/organizations/load/workspaces/" + name() })},
		{"list 20 workspaces, 2 includes", get(func() string { return list + "&page[size]=20" })},
		{"list 100 workspaces, 2 includes", get(func() string { return list + "&page[size]=100" })},
		{"search workspaces", get(func() string { return "/api/v2/organizations/load/workspaces?search[name]=" + name()[3:] })},
		{"POST state 100 KB inline", func(ctx context.Context, s *server, w int) error { return s.inline(ctx, w, small) }},
		{"POST state 100 KB signed", func(ctx context.Context, s *server, w int) error { return s.signed(ctx, w, small) }},
		{"POST state 5 MB inline", func(ctx context.Context, s *server, w int) error { return s.inline(ctx, w, large) }},
		{"POST state 5 MB signed", func(ctx context.Context, s *server, w int) error { return s.signed(ctx, w, large) }},
		{"current state + download", func(ctx context.Context, s *server, w int) error { return s.download(ctx, w) }},
	}
}

// state returns a state of about size bytes with a serial.
type state func(serial int64) []byte

func small(serial int64) []byte { return makeState(serial, 100<<10) }
func large(serial int64) []byte { return makeState(serial, 5<<20) }

var fillers sync.Map // size → the resources of a state

// makeState looks like a real state: resources with some 2.5 KB of attributes each.
func makeState(serial int64, size int) []byte {
	filler, ok := fillers.Load(size)
	if !ok {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"mode":"managed","type":"terraform_data","name":"r%d","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"schema_version":0,"attributes":{"id":"%032x","input":"%s","output":null,"triggers_replace":null}}]}`,
				i, i, strings.Repeat(fmt.Sprintf("%04d ", i%10000), 450))
		}
		filler, _ = fillers.LoadOrStore(size, b.String())
	}
	return fmt.Appendf(nil, `{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":"load","outputs":{"n":{"value":"%d","type":"string"}},"resources":[%s],"check_results":null}`, serial, serial, filler)
}

// prepare makes the organization and its workspaces.
func (s *server) prepare(ctx context.Context, workspaces int) error {
	began := time.Now()
	if _, err := s.send(ctx, "POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"load","email":"load@example.com"}}}`); err != nil {
		return err
	}
	var group sync.WaitGroup
	failed := make(chan error, 8)
	for w := range 8 {
		group.Go(func() {
			for i := w; i < workspaces; i += 8 {
				body := fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":"load-%04d"},"relationships":{"tag-bindings":{"data":[{"type":"tag-bindings","attributes":{"key":"env","value":"e%d"}}]}}}}`, i, i%5)
				if _, err := s.send(ctx, "POST", "/api/v2/organizations/load/workspaces", body); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	fmt.Printf("%d workspaces made in %v\n\n", workspaces, time.Since(began).Round(time.Millisecond))
	for w := range 16 {
		var doc struct{ Data struct{ ID string } }
		b, err := s.send(ctx, "GET", fmt.Sprintf("/api/v2/organizations/load/workspaces/load-%04d", w), "")
		if err == nil {
			err = json.Unmarshal(b, &doc)
		}
		if err == nil {
			_, err = s.send(ctx, "POST", "/api/v2/workspaces/"+doc.Data.ID+"/actions/lock", "")
		}
		if err != nil {
			return err
		}
		s.locked, s.serial = append(s.locked, doc.Data.ID), append(s.serial, 0)
	}
	return nil
}

// run measures a scenario with a number of workers.
func (s *server) run(ctx context.Context, sc scenario, workers int, d time.Duration) error {
	for w := range workers { // warm up
		if err := sc.do(ctx, s, w); err != nil {
			return err
		}
	}
	pid := s.cmd.Process.Pid
	forget(pid)
	cpuBefore, pgBefore, began := cpu(pid), s.pgCPU(), time.Now()
	var mu sync.Mutex
	var took []time.Duration
	var failure error
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for time.Since(began) < d {
				at := time.Now()
				err := sc.do(ctx, s, w)
				mu.Lock()
				took = append(took, time.Since(at))
				if err != nil {
					failure = err
				}
				stop := failure != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	group.Wait()
	if failure != nil {
		return failure
	}
	elapsed, n := time.Since(began), float64(len(took))
	slices.Sort(took)
	ms := func(p float64) float64 { return took[int(p*(n-1))].Seconds() * 1000 }
	fmt.Printf("%-34s %4d %9.0f %9.2f %9.2f %11.2f %11.2f %9.0f\n", sc.name, workers, n/elapsed.Seconds(), ms(.5), ms(.99),
		(cpu(pid)-cpuBefore)/n, (s.pgCPU()-pgBefore)/n, rss(pid, "VmHWM"))
	return nil
}

func (s *server) pgCPU() float64 {
	if s.pgPID == 0 {
		return 0
	}
	return cpu(s.pgPID)
}

// big uploads and downloads a state of 200 MB.
func (s *server) big(ctx context.Context) error {
	pid := s.cmd.Process.Pid
	body := makeState(s.next(0), 200<<20)
	fillers.Clear()
	forget(pid)
	before, cpuBefore, began := rss(pid, "VmRSS"), cpu(pid), time.Now()
	if err := s.put(ctx, 0, body); err != nil {
		return err
	}
	up, upCPU, upPeak := time.Since(began), cpu(pid)-cpuBefore, rss(pid, "VmHWM")
	forget(pid)
	began, cpuBefore = time.Now(), cpu(pid)
	if err := s.download(ctx, 0); err != nil {
		return err
	}
	fmt.Printf("200 MB state: up %v (CPU %.0f ms, memory +%.0f MB), down %v (CPU %.0f ms, memory +%.0f MB)\n", up.Round(time.Millisecond), upCPU, upPeak-before,
		time.Since(began).Round(time.Millisecond), cpu(pid)-cpuBefore, rss(pid, "VmHWM")-before)
	return nil
}

func (s *server) next(w int) int64 { s.serial[w]++; return s.serial[w] }

func (s *server) inline(ctx context.Context, w int, make state) error {
	serial := s.next(w)
	body := make(serial)
	doc := fmt.Sprintf(`{"data":{"type":"state-versions","attributes":{"serial":%d,"lineage":"load","md5":"%x","state":"%s"}}}`, serial, md5.Sum(body), base64.StdEncoding.EncodeToString(body)) //nolint:gosec // see the import
	_, err := s.send(ctx, "POST", "/api/v2/workspaces/"+s.locked[w]+"/state-versions", doc)
	return err
}

func (s *server) signed(ctx context.Context, w int, make state) error {
	return s.put(ctx, w, make(s.next(w)))
}

// put creates a state version and uploads to its signed address. The serial is that
// of the worker.
func (s *server) put(ctx context.Context, w int, body []byte) error {
	doc := fmt.Sprintf(`{"data":{"type":"state-versions","attributes":{"serial":%d,"lineage":"load","md5":"%x"}}}`, s.serial[w], md5.Sum(body)) //nolint:gosec // see the import
	b, err := s.send(ctx, "POST", "/api/v2/workspaces/"+s.locked[w]+"/state-versions", doc)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address(b, "hosted-state-upload-url"), bytes.NewReader(body))
	if err != nil {
		return err
	}
	_, err = s.answer(req)
	return err
}

func (s *server) download(ctx context.Context, w int) error {
	b, err := s.send(ctx, "GET", "/api/v2/workspaces/"+s.locked[w]+"/current-state-version", "")
	if err != nil {
		return err
	}
	return s.get(ctx, strings.TrimPrefix(address(b, "hosted-state-download-url"), s.url))
}

func address(b []byte, attribute string) string {
	var doc struct {
		Data struct{ Attributes map[string]any }
	}
	_ = json.Unmarshal(b, &doc)
	url, _ := doc.Data.Attributes[attribute].(string)
	return url
}

// get reads an answer without keeping it.
func (s *server) get(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s = %d", path, res.StatusCode)
	}
	return nil
}

func (s *server) send(ctx context.Context, method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/vnd.api+json")
	return s.answer(req)
}

func (s *server) answer(req *http.Request) ([]byte, error) {
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s = %d %.300s", req.Method, req.URL.Path, res.StatusCode, b)
	}
	return b, err
}
