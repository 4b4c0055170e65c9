package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The users as whom processes run if the server is root, one each: limits are counted for
// a user, and users cannot signal each other. systemd lists 60578 to 61183 as unused
// (UIDS-GIDS.md).
const (
	firstUser = 60600
	users     = 500
)

// userPool hands out users.
type userPool struct {
	mu   sync.Mutex
	used [users]bool
	next int
}

// take returns a free user, or 0 if the server is not root and cannot change the user.
func (p *userPool) take() (int, error) {
	if os.Geteuid() != 0 {
		return 0, nil
	}
	owners, err := processOwners()
	if err != nil {
		return 0, err
	}
	busy := map[int]bool{}
	for _, owner := range owners {
		busy[owner] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for range users {
		i := p.next
		p.next = (p.next + 1) % users
		if !p.used[i] && !busy[firstUser+i] {
			p.used[i] = true
			return firstUser + i, nil
		}
	}
	return 0, fmt.Errorf("sandbox: %d processes run already", users)
}

// processOwners are the users of all processes. Some of the pool may be those of another
// server on this machine, or of one that died and whose processes save what they did.
func processOwners() (map[int]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	owners := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var info unix.Stat_t
		if unix.Stat("/proc/"+e.Name(), &info) == nil { // it may have ended
			owners[pid] = int(info.Uid)
		}
	}
	return owners, nil
}

func processesOf(user int) []int {
	owners, _ := processOwners() // then there is nothing to find
	var list []int
	for pid, owner := range owners {
		if owner == user {
			list = append(list, pid)
		}
	}
	return list
}

// give takes a user back, and ends what processes it has left: those whose supervisor was
// killed.
func (p *userPool) give(user int) {
	if user == 0 {
		return
	}
	for range 100 { // they may start others meanwhile
		left := processesOf(user)
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[user-firstUser] = false
}

// giveAll makes user the owner of everything below the folders. Links are not followed.
func giveAll(user int, folders ...string) error {
	for _, folder := range folders {
		if err := giveTree(user, folder); err != nil {
			return err
		}
	}
	return nil
}

func giveTree(user int, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, user, user)
	})
}

// reachable says why another user cannot reach a path.
func reachable(path string) error {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir) //nolint:gosec // only its mode is looked at
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("sandbox: with Landlock and as root, processes run as another user, who cannot enter %s (mode %#o): allow it with chmod o+x, or do not run as root", dir, info.Mode().Perm())
		}
		if dir == "/" {
			return nil
		}
	}
}

// clean removes a folder, also if somebody took the rights to folders in it away.
func clean(folder string) error {
	if os.RemoveAll(folder) == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // folders need the right to be entered
		}
		return nil
	})
	return os.RemoveAll(folder)
}
