package recipe

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"sync"

	"plumbline.dev/plumbline/internal/executor/proto"
)

const lineSize = 1 << 20 // bytes of a line that is looked at

// tally counts what an apply did in the output that it passes on.
type tally struct {
	to         io.Writer
	structured bool

	mu   sync.Mutex
	line []byte
	made proto.Counts  // seen one by one
	said *proto.Counts // by the engine, if it succeeded
}

// Write implements io.Writer.
func (t *tally) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if len(t.line)+len(line) <= lineSize {
			t.line = append(t.line, line...)
		}
		if rest = after; ended {
			t.count(t.line)
			t.line = t.line[:0]
		}
	}
	return t.to.Write(p)
}

// counts are what the engine said, else what was seen.
func (t *tally) counts() proto.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said != nil {
		return *t.said
	}
	return t.made
}

func (t *tally) count(line []byte) {
	if t.structured {
		t.countEvent(line)
		return
	}
	if found := summary.FindSubmatch(line); found != nil {
		t.said = &proto.Counts{Import: number(found[1]), Add: number(found[2]), Change: number(found[3]), Destroy: number(found[4])}
		return
	}
	if found := completed.FindSubmatch(line); found != nil {
		t.add(map[string]string{"Creation": "create", "Modifications": "update", "Destruction": "delete", "Import": "import"}[string(found[1])])
	}
}

// What engines print without -json.
var (
	summary   = regexp.MustCompile(`^Apply complete! Resources: (?:(\d+) imported, )?(\d+) added, (\d+) changed, (\d+) destroyed`)
	completed = regexp.MustCompile(`: (Creation|Modifications|Destruction|Import) complete(?: after|$)`)
)

func number(text []byte) int {
	n, _ := strconv.Atoi(string(text)) // "" is none
	return n
}

// countEvent looks at a line of -json: change_summary comes at the end of a success.
func (t *tally) countEvent(line []byte) {
	var event struct {
		Type    string
		Changes struct {
			Add, Change, Import, Remove int
			ActionInvocation            int `json:"action_invocation"`
			Operation                   string
		}
		Hook struct{ Action string }
	}
	if json.Unmarshal(line, &event) != nil {
		return
	}
	switch c := event.Changes; event.Type {
	case "change_summary":
		if c.Operation != "plan" {
			t.said = &proto.Counts{Add: c.Add, Change: c.Change, Destroy: c.Remove, Import: c.Import, ActionInvoke: c.ActionInvocation}
		}
	case "apply_complete":
		t.add(event.Hook.Action)
	}
}

func (t *tally) add(action string) {
	switch action {
	case "create":
		t.made.Add++
	case "update":
		t.made.Change++
	case "delete":
		t.made.Destroy++
	case "import":
		t.made.Import++
	}
}
