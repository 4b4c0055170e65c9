package worker

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// leftoverTime is how long processes of a worker that died may take to go, once it is time.
const leftoverTime = 20 * time.Second

// endProcesses waits until no process works below a folder. Their supervisors end them
// within Orphan; those that are left then are killed.
func endProcesses(ctx context.Context, folder string) {
	back := backoff{}
	for began := time.Now(); time.Since(began) < Orphan+leftoverTime && ctx.Err() == nil; back.wait(ctx) {
		pids := processesIn(folder)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			if time.Since(began) < Orphan {
				break
			}
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it may have ended
			}
		}
	}
	slog.ErrorContext(ctx, "processes of a job that is over cannot be ended", "folder", folder, "pids", processesIn(folder))
}

// processesIn are the processes whose working directory is below a folder, where the system
// tells in /proc.
func processesIn(folder string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var pids []int
	for _, link := range links {
		at, err := os.Readlink(link)
		if err != nil || (at != folder && !strings.HasPrefix(at, folder+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
