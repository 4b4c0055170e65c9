package recipe_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// soon is how fast a job hears and tells, whoever reads its log: far below the time between
// two reports of a log that nobody reads.
const soon = 3 * time.Second

// eachWay runs a test with the server in the worker's process, and over HTTP.
func eachWay(t *testing.T, test func(t *testing.T, p *place)) {
	t.Run("inside", func(t *testing.T) { test(t, newPlace(t)) })
	t.Run("agent", func(t *testing.T) {
		p := newPlace(t)
		s := httptest.NewServer(p.server)
		t.Cleanup(func() { p.stop(); s.Close() })
		p.worker.Server = &proto.Client{Address: s.URL, Token: "pool-token", HTTP: s.Client()}
		test(t, p)
	})
}

func TestACancellationIsHeardAtOnceWhenNobodyReads(t *testing.T) {
	eachWay(t, func(t *testing.T, p *place) {
		p.start()
		plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
		p.update(func() { p.alone = true })
		id := p.apply("run-1", plan, archive, nil)
		p.logged(t, id, "waiting")
		p.wait(t, id, "rest between reports", func(j *job) bool { return j.reports >= 2 })
		began := time.Now()
		p.update(func() { p.jobs[id].order = proto.Interrupt })
		apply := p.end(t, id)
		if took := time.Since(began); took > soon || apply.result.Outcome != proto.Canceled {
			t.Errorf("it ended after %s: %+v", took, apply.result)
		}
	})
}

func TestAReaderWhoComesLaterSeesTheLogAtOnce(t *testing.T) {
	p := newPlace(t)
	p.alone = true
	p.start()
	const config = "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"for i in $(seq 1000); do echo line $i.; sleep 0.1; done\"\n  }\n}\n"
	plan, archive := p.planned("run-1", map[string]string{"main.tf": config})
	id := p.apply("run-1", plan, archive, nil)
	began := time.Now()
	p.logged(t, id, "line 1.")
	if took := time.Since(began); took > soon {
		t.Errorf("the first lines came after %s", took)
	}
	p.wait(t, id, "rest between reports", func(j *job) bool { return j.reports >= 4 })
	var size int
	p.update(func() { p.alone, size, began = false, len(p.jobs[id].log), time.Now() })
	p.wait(t, id, "more text", func(j *job) bool { return len(j.log) > size })
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("more text came after %s", took)
	}
	p.update(func() { p.jobs[id].order = proto.Kill })
	if j := p.end(t, id); !strings.Contains(string(j.log), "line 20.") {
		t.Errorf("the log is cut:\n%s", j.log)
	}
}
