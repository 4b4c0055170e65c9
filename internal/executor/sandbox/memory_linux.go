package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memoryCheck is how often the memory of a sandbox is counted. In between, the limit of
// each process (RLIMIT_DATA) holds.
const memoryCheck = 500 * time.Millisecond

// watchMemory ends the sandbox when its processes together have more memory than limit.
// A control group would not let them get so far, but needs rights that neither containers
// nor ordinary users have.
func watchMemory(limit int64) {
	for range time.Tick(memoryCheck) {
		var sum int64
		for _, pid := range family(os.Getpid()) {
			sum += memoryOf(pid)
		}
		if sum > limit {
			tell(result{Code: 137, Signal: 9, OutOfMemory: true})
			killDescendants()
			return
		}
	}
}

// memoryOf returns the bytes of a process that are in no file (proc_pid_status(5)): what
// programs and libraries map from files is shared and can be dropped.
func memoryOf(pid int) int64 {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") // it may have ended
	var sum int64
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		if name == "RssAnon" || name == "RssShmem" || name == "VmSwap" {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			sum += kilobytes << 10
		}
	}
	return sum
}

// family are the descendants of a process as the kernel lists them. That is much faster
// than descendants, but may miss one while others end.
func family(pid int) []int {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children") // the pattern is right
	if len(lists) == 0 && pid == os.Getpid() {
		return descendants() // the kernel has no such lists
	}
	var all []int
	for _, list := range lists {
		b, _ := os.ReadFile(list) // the thread may have ended
		for field := range strings.FieldsSeq(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), family(child)...)
			}
		}
	}
	return all
}
