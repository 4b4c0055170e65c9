package protocol

import (
	"sync"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// answers keeps the lists of versions of modules. A list counts as long as its module is as
// it was when the list was made: every change of a version that shows there changes when
// the module was updated. So nobody has to tell other nodes.
type answers struct {
	mu   sync.Mutex
	of   map[string]answer // by the module's id
	size int               // of all bodies in bytes
}

type answer struct {
	updated db.Time
	name    string // of the organization, which can be given another
	body    []byte
}

// maxAnswers is how much is kept, in bytes; then it begins anew.
const maxAnswers = 32 << 20

func (a *answers) get(m modules.Published) ([]byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept, ok := a.of[m.ID]
	return kept.body, ok && kept.updated.Equal(m.UpdatedAt.Time) && kept.name == m.OrgName
}

func (a *answers) put(m modules.Published, body []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil || a.size+len(body) > maxAnswers {
		a.of, a.size = map[string]answer{}, 0
	}
	a.size += len(body) - len(a.of[m.ID].body)
	a.of[m.ID] = answer{m.UpdatedAt, m.OrgName, body}
}
