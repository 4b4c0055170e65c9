package stateversions_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

func TestWhatIsNoVersionIsRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		good := state(1)
		b64 := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
		with := func(change map[string]any) map[string]any {
			a := map[string]any{"serial": 1, "md5": *sum(good), "lineage": "line-1", "state": b64(good)}
			for k, v := range change {
				if a[k] = v; v == nil {
					delete(a, k)
				}
			}
			return request(a)
		}
		ofMD5 := func(b string) map[string]any {
			return with(map[string]any{"state": b64([]byte(b)), "md5": *sum([]byte(b))})
		}
		run := with(nil)
		run["data"].(map[string]any)["relationships"] = map[string]any{"run": map[string]any{"data": map[string]any{"type": "runs", "id": "run-1"}}}
		wrongType := with(nil)
		wrongType["data"].(map[string]any)["type"] = "workspaces"
		path := "/api/v2/workspaces/" + f.ws + "/state-versions"
		for name, c := range map[string]struct {
			body   any
			status int
			detail string
		}{
			"no body":            {nil, 400, "no body"},
			"no serial":          {with(map[string]any{"serial": nil}), 422, "Serial can't be blank"},
			"serial is text":     {with(map[string]any{"serial": "one"}), 422, ""},
			"serial below zero":  {with(map[string]any{"serial": -1}), 422, "Serial must be zero or more"},
			"no MD5":             {with(map[string]any{"md5": nil}), 422, "MD5 can't be blank"},
			"MD5 is no MD5":      {with(map[string]any{"md5": "abc"}), 422, "32 hexadecimal"},
			"MD5 of other":       {with(map[string]any{"md5": *sum(state(2))}), 412, "MD5"},
			"NUL in lineage":     {with(map[string]any{"lineage": "a\x00b"}), 422, "Lineage"},
			"long lineage":       {with(map[string]any{"lineage": strings.Repeat("x", 300)}), 422, "Lineage"},
			"damaged base64":     {with(map[string]any{"state": "$$$$"}), 400, "base64"},
			"text":               {ofMD5("hello"), 422, "The state is not valid"},
			"truncated":          {ofMD5(string(good[:200])), 422, "ends too early"},
			"no version":         {ofMD5(`{"serial":1}`), 422, "no version"},
			"two serials":        {ofMD5(`{"version":4,"serial":1,"serial":2}`), 422, "two members"},
			"nesting bomb":       {ofMD5(`{"version":4,"serial":1,"a":` + strings.Repeat("[", 50_000)), 422, "nested deeper"},
			"JSON state is text": {with(map[string]any{"json-state": b64([]byte("x"))}), 422, "not valid"},
			"outputs no base64":  {with(map[string]any{"json-state-outputs": "$"}), 422, "base64"},
			"outputs no JSON":    {with(map[string]any{"json-state-outputs": b64([]byte("x"))}), 422, "JSON"},
			"unknown run":        {run, 422, "Run not found"},
			"other type":         {wrongType, 409, ""},
			"two states":         {`{"data":{"attributes":{"state":"` + b64(good) + `","state":"` + b64(good) + `"}}}`, 400, "twice"},
			"cut off":            {`{"data":{"attributes":{"state":"` + b64(good), 400, "too early"},
		} {
			r := s.Do("POST", path, f.org.Owner.Token, c.body)
			if r.Status != c.status || !strings.Contains(r.Detail(), c.detail) {
				s.T.Errorf("%s: POST = %d %s; want %d %q", name, r.Status, r.Body, c.status, c.detail)
			}
			if strings.Contains(string(r.Body), "param is missing or the value is empty: state") {
				s.T.Errorf("%s: the answer makes go-tfe fall back: %s", name, r.Body)
			}
		}
		if id := f.currentID(f.ws); id != "" {
			s.T.Errorf("current version = %s, want none", id)
		}
		if n := f.objects(); n != 0 {
			s.T.Errorf("%d objects are left of refused requests, want none", n)
		}
	})
}

func TestOnlyTheHolderOfTheLockWrites(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		other := s.Member(f.org, "other")
		for _, c := range []struct{ kind, holder, want string }{
			{"", "", "must be locked"}, {"user", other.ID, "locked by another user"}, {"team", "team-1", "locked by another team"}, {"run", "run-1", "locked by another run"},
		} {
			f.lock(f.ws, c.kind, c.holder)
			r := s.Do("POST", "/api/v2/workspaces/"+f.ws+"/state-versions", f.org.Owner.Token, request(map[string]any{"serial": 1, "md5": *sum(state(1))}))
			if r.Status != 409 || !strings.Contains(r.Detail(), c.want) {
				s.T.Errorf("POST with a lock of %q = %d %s, want 409 %q", c.kind, r.Status, r.Body, c.want)
			}
		}
	})
}

func TestSerialAndLineageMustFollow(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first := f.create(f.ws, 5)
		post := func(change func(*tfe.StateVersionCreateOptions), b []byte, serial int) (*tfe.StateVersion, error) {
			o := inline(serial, b)
			if change != nil {
				change(&o)
			}
			return f.c.StateVersions.Create(f.ctx, f.ws, o)
		}
		otherLineage := func(o *tfe.StateVersionCreateOptions) { o.Lineage = new("line-2") }
		forced := func(o *tfe.StateVersionCreateOptions) { otherLineage(o); o.Force = new(true) }
		if _, err := post(nil, state(4), 4); err == nil || !strings.Contains(err.Error(), "must be above that of the current state, 5") {
			s.T.Errorf("older serial = %v", err)
		}
		if _, err := post(nil, state(4), 5); err == nil || !strings.Contains(err.Error(), "must be above") {
			s.T.Errorf("same serial, other content = %v", err)
		}
		if _, err := post(otherLineage, state(6), 6); err == nil || !strings.Contains(err.Error(), "lineage") {
			s.T.Errorf("other lineage = %v", err)
		}
		if again, err := post(nil, state(5), 5); err != nil || again.ID != first.ID {
			s.T.Errorf("the same again = %+v, %v; want %s", again, err, first.ID)
		}
		if id := f.currentID(f.ws); id != first.ID {
			s.T.Errorf("current = %s, want %s", id, first.ID)
		}
		if v, err := post(forced, state(2), 2); err != nil || v.Serial != 2 || f.currentID(f.ws) != v.ID {
			s.T.Errorf("forced older serial of another lineage = %+v, %v; want it current", v, err)
		}
		if _, err := post(nil, state(3), 3); err == nil {
			s.T.Error("the first lineage after the second was forced: want an error")
		}
		if v, err := post(func(o *tfe.StateVersionCreateOptions) { o.Lineage = nil }, state(9), 9); err == nil {
			s.T.Errorf("a state with the first lineage inside = %+v, want an error", v)
		}
	})
}

func TestTheSameStateInAnotherLockIsAnotherVersion(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first := f.create(f.ws, 1)
		if _, err := f.c.Workspaces.Unlock(f.ctx, f.ws); err != nil {
			s.T.Fatal(err)
		}
		if _, err := f.c.Workspaces.Lock(f.ctx, f.ws, tfe.WorkspaceLockOptions{}); err != nil {
			s.T.Fatal(err)
		}
		if second := f.create(f.ws, 1); second.ID == first.ID || f.currentID(f.ws) != second.ID {
			s.T.Errorf("Create = %s after %s, want another version, current", second.ID, first.ID)
		}
	})
}

func TestOneOfConcurrentUploadsWins(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.create(f.ws, 1)
		var mu sync.Mutex
		var wg sync.WaitGroup
		won := map[string]bool{}
		for i := range 10 {
			wg.Go(func() {
				v, err := f.c.StateVersions.Create(f.ctx, f.ws, inline(2, state(100+i)))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won[v.ID] = true
				} else if !strings.Contains(err.Error(), "must be above") {
					s.T.Errorf("Create = %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || !won[f.currentID(f.ws)] {
			s.T.Errorf("winners = %v, want the current version %s alone", won, f.currentID(f.ws))
		}
		list, err := f.c.StateVersions.List(f.ctx, &tfe.StateVersionListOptions{Organization: "acme", Workspace: "net"})
		if err != nil || list.TotalCount != 2 {
			s.T.Errorf("List = %+v, %v; want 2 versions", list, err)
		}
		if n := f.objects(); n != 2 {
			s.T.Errorf("objects = %d, want 2", n)
		}
	})
}

func TestPendingVersion(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		if v.Status != tfe.StateVersionPending || v.UploadURL == "" || v.JSONUploadURL == "" || v.DownloadURL != "" || v.ResourcesProcessed {
			s.T.Errorf("Create = %+v, want pending with addresses for uploads only", v)
		}
		if again, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1))); err != nil || again.ID != v.ID {
			s.T.Errorf("Create again = %+v, %v; want %s", again, err, v.ID)
		}
		if id := f.currentID(f.ws); id != "" {
			s.T.Errorf("current = %s, want none while the upload is awaited", id)
		}
		if _, err := f.c.Workspaces.Unlock(f.ctx, f.ws); !errors.Is(err, tfe.ErrWorkspaceLockedStateVersionStillPending) {
			s.T.Errorf("Unlock = %v, want %v", err, tfe.ErrWorkspaceLockedStateVersionStillPending)
		}
		if _, err := f.c.Workspaces.ForceUnlock(f.ctx, f.ws); err != nil {
			s.T.Errorf("ForceUnlock = %v", err)
		}
		if r := s.Do("PUT", v.UploadURL, "", state(1)); r.Status != 409 || !strings.Contains(r.Detail(), "no longer locked") {
			s.T.Errorf("PUT without the lock = %d %s, want 409", r.Status, r.Body)
		}
		if n := f.objects(); n != 0 {
			s.T.Errorf("objects = %d, want none", n)
		}
	})
}

func TestUploadTakesNothingButThePromisedState(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		put := func(body []byte, status int, detail string) {
			s.T.Helper()
			r := s.Do("PUT", v.UploadURL, "", body)
			if r.Status != status || !strings.Contains(r.Detail(), detail) {
				s.T.Errorf("PUT = %d %s, want %d %q", r.Status, r.Body, status, detail)
			}
		}
		put([]byte("not a state"), 422, "not valid")
		put(nil, 422, "it is empty")
		put(state(1)[:100], 422, "ends too early")
		put(state(2), 412, "MD5")
		if f.currentID(f.ws) != "" || f.objects() != 0 {
			s.T.Errorf("current = %q with %d objects after refused uploads, want none", f.currentID(f.ws), f.objects())
		}
		put(state(1), 200, "")
		put(state(1), 200, "")
		put(state(2), 409, "already")
		if f.currentID(f.ws) != v.ID || f.objects() != 1 {
			s.T.Errorf("current = %q with %d objects, want %s with 1", f.currentID(f.ws), f.objects(), v.ID)
		}
		r := s.Do("PUT", v.JSONUploadURL, "", `nonsense`)
		if r.Status != 422 {
			s.T.Errorf("PUT of a damaged JSON state = %d %s, want 422", r.Status, r.Body)
		}
		for _, c := range []struct {
			body string
			want int
		}{{`{"a":1}`, 200}, {`{"a":1}`, 200}, {`{"a":2}`, 409}} {
			if r := s.Do("PUT", v.JSONUploadURL, "", c.body); r.Status != c.want {
				s.T.Errorf("PUT of the JSON state %s = %d %s, want %d", c.body, r.Status, r.Body, c.want)
			}
		}
	})
}

func TestConcurrentUploadsToOneAddress(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if r := s.Do("PUT", v.UploadURL, "", state(1)); r.Status != 200 {
					s.T.Errorf("PUT = %d %s", r.Status, r.Body)
				}
			})
		}
		wg.Wait()
		if f.currentID(f.ws) != v.ID || f.objects() != 1 {
			s.T.Errorf("current = %q with %d objects, want %s with 1", f.currentID(f.ws), f.objects(), v.ID)
		}
	})
}

func TestNewerVersionSupersedesPending(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(1, state(1)))
		f.must(err)
		newer := f.create(f.ws, 2)
		if r := s.Do("PUT", v.UploadURL, "", state(1)); r.Status != 409 {
			s.T.Errorf("PUT to a superseded version = %d %s, want 409", r.Status, r.Body)
		}
		if got, err := f.c.StateVersions.Read(f.ctx, v.ID); err != nil || got.Status != tfe.StateVersionDiscarded || got.UploadURL != "" {
			s.T.Errorf("Read = %+v, %v; want discarded", got, err)
		}
		if id := f.currentID(f.ws); id != newer.ID {
			s.T.Errorf("current = %s, want %s", id, newer.ID)
		}
	})
}

func TestSignedAddressesAreForOneUse(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		done := f.create(f.ws, 1)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, promise(2, state(2)))
		f.must(err)
		sign := func(method, kind, id string, ttl time.Duration) string {
			return s.URL + s.App.Router.Sign(f.ctx, method, kind, id, ttl)
		}
		for name, c := range map[string]struct {
			method, address string
			want            int
		}{
			"PUT to an address for GET": {"PUT", done.DownloadURL, 404},
			"GET of an address for PUT": {"GET", v.UploadURL, 404},
			"damaged":                   {"PUT", v.UploadURL[:len(v.UploadURL)-10] + "0123456789", 404},
			"shortened":                 {"PUT", v.UploadURL[:len(v.UploadURL)-10], 404},
			"expired upload":            {"PUT", sign("PUT", "state", v.ID, -2*time.Minute), 403},
			"expired download":          {"GET", sign("GET", "state", done.ID, -2*time.Minute), 403},
			"download of pending":       {"GET", sign("GET", "state", v.ID, time.Minute), 404},
			"JSON that is not there":    {"GET", sign("GET", "json-state", done.ID, time.Minute), 404},
			"unknown version":           {"PUT", sign("PUT", "state", "sv-0000000000000000", time.Minute), 404},
			"DELETE":                    {"DELETE", v.UploadURL, 405},
		} {
			if r := s.Do(c.method, c.address, "", state(2)); r.Status != c.want {
				s.T.Errorf("%s = %d %s, want %d", name, r.Status, r.Body, c.want)
			}
		}
		if id := f.currentID(f.ws); id != done.ID {
			s.T.Errorf("current = %s, want %s", id, done.ID)
		}
	})
}

func TestAddressesAreThoseThatTheClientKnows(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		if v := f.create(f.ws, 1); !strings.HasPrefix(v.DownloadURL, s.URL+"/") {
			s.T.Errorf("hosted-state-download-url = %s, want it at %s", v.DownloadURL, s.URL)
		}
	})
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		if v := f.create(f.ws, 1); !strings.HasPrefix(v.DownloadURL, "https://plumbline.example.com/") {
			s.T.Errorf("hosted-state-download-url = %s, want the public address", v.DownloadURL)
		}
	}, func(c *config.Server) { c.PublicURL = "https://plumbline.example.com" })
}

func TestEncryptedStateIsKept(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		b := []byte(`{"serial":1,"lineage":"l","meta":{},"encrypted_data":"AAAA","encryption_version":"v0"}`)
		v, err := f.c.StateVersions.Create(f.ctx, f.ws, tfe.StateVersionCreateOptions{Serial: tfe.Int64(1), MD5: sum(b), State: new(base64.StdEncoding.EncodeToString(b))})
		f.must(err)
		if got, err := f.c.StateVersions.Download(f.ctx, v.DownloadURL); err != nil || string(got) != string(b) {
			s.T.Errorf("Download = %s, %v", got, err)
		}
	})
}

func TestBigStateIsStreamed(t *testing.T) {
	s := apptest.Start(t)
	f := setUp(s)
	b := fmt.Appendf(nil, `{"version":4,"serial":1,"lineage":"line-1","resources":[],"noise":%q}`, strings.Repeat("0123456789abcdef", 1<<20))
	v, err := f.c.StateVersions.Create(f.ctx, f.ws, inline(1, b))
	f.must(err)
	got, err := f.c.StateVersions.Download(f.ctx, v.DownloadURL)
	if err != nil || string(got) != string(b) {
		t.Errorf("Download = %d bytes, %v; want the %d that were sent", len(got), err, len(b))
	}
	if !json.Valid(got) {
		t.Error("the state is damaged")
	}
}
