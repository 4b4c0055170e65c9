package recipe

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Engines and providers are programs of Go, which collect garbage whenever their memory has
// doubled. In small runs that is a third of all that they compute. Where there is plenty of
// memory they let it grow fivefold, to a share of it; near the share they collect as often
// as is needed to stay below. A run with a large state may need more than its share, and
// would do little else: it is left as it is.
const (
	growth      = "400"     // GOGC, in percent
	shares      = 4         // of the memory of a run: the engine and some providers
	lightShares = 2         // of that of a scan, which has much less
	leastShare  = 512 << 20 // bytes
	smallState  = 4 << 20   // bytes
)

// garbage are variables of the environment that make engines collect less often. Those of
// the workspace win.
func (r *run) garbage() map[string]string {
	share := r.Memory / shares
	if r.light {
		share = r.Memory / lightShares
	}
	if share < leastShare || stamp(r.t, r.statePath()).size > smallState {
		return nil
	}
	return map[string]string{"GOGC": growth, "GOMEMLIMIT": fmt.Sprintf("%dMiB", share>>20)}
}

// MemoryOf is the memory of this machine in bytes, or of the control group that holds this
// process to less, 0 if it is not known.
func MemoryOf() int64 {
	b, _ := os.ReadFile("/proc/meminfo") // elsewhere than on Linux it is not known
	var total int64
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			total = kilobytes << 10
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && limit < total { // else it is "max"
			total = limit
		}
	}
	return total
}
