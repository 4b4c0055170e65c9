package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// home is where a program finds its private home with bubblewrap.
const home = "/home/run"

// inside is where the package's binary is with bubblewrap.
const inside = "/.plumbline"

var (
	systemFolders = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"}
	// systemFiles are what programs need to find names, certificates and the time. Not
	// /etc/ssl, where private keys lie.
	systemFiles = []string{
		"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/crypto-policies",
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/mime.types",
	}
	devices   = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
	procFiles = []string{"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/version", "/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm"}
)

// private are the folders of one process, on disk.
type private struct{ root string }

func (p private) tmp() string  { return filepath.Join(p.root, "tmp") }
func (p private) home() string { return filepath.Join(p.root, "home") }
func (p private) shm() string  { return filepath.Join(p.root, "shm") }
func (p private) etc() string  { return filepath.Join(p.root, "etc") }

// makePrivate makes the folders of a process that will run as user, or as the server's
// user if that is 0.
func makePrivate(scratch string, user int) (private, error) {
	root, err := os.MkdirTemp(scratch, "plumbline-run-")
	if err != nil {
		return private{}, err
	}
	p := private{root: root}
	for _, dir := range []string{p.tmp(), p.home(), p.shm(), p.etc()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return p, err
		}
	}
	shown := user
	if user == 0 {
		shown = os.Getuid()
	}
	passwd := fmt.Sprintf("run:x:%d:%d:run:%s:/bin/sh\n", shown, shown, home)
	group := fmt.Sprintf("run:x:%d:\n", shown)
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.WriteFile(filepath.Join(p.etc(), name), []byte(text), 0o644); err != nil { //nolint:gosec // all may read who is who
			return p, err
		}
	}
	if user == 0 {
		return p, nil
	}
	if err := os.Chmod(root, 0o711); err != nil { //nolint:gosec // the other user must pass through
		return p, err
	}
	return p, giveAll(user, p.tmp(), p.home(), p.shm())
}

// bwrapCommand is bwrap and its arguments up to the command.
func (s *Sandbox) bwrapCommand(spec Spec, p private, user int) []string {
	args := []string{s.bwrap, "--die-with-parent", "--new-session", "--as-pid-1", "--info-fd", fmt.Sprint(fdInfo), "--cap-drop", "ALL"}
	if user == 0 {
		args = append(args, "--unshare-all", "--share-net")
	} else { // enter changes the user, so no user namespace is needed
		args = append(args, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
	}
	args = append(args, "--proc", "/proc", "--dev", "/dev")
	for _, path := range systemFolders {
		if target, err := os.Readlink(path); err == nil {
			args = append(args, "--symlink", target, path)
		} else {
			args = append(args, "--ro-bind-try", path, path)
		}
	}
	for _, path := range systemFiles {
		args = append(append(args, above(path)...), "--ro-bind-try", path, path)
	}
	args = append(args,
		"--ro-bind", filepath.Join(p.etc(), "passwd"), "/etc/passwd", "--ro-bind", filepath.Join(p.etc(), "group"), "/etc/group",
		"--bind", p.tmp(), "/tmp", "--dir", "/var", "--bind", p.tmp(), "/var/tmp", "--dir", filepath.Dir(home), "--bind", p.home(), home, "--ro-bind", s.inside, inside)
	for _, path := range spec.readable() {
		args = append(append(args, above(path)...), "--ro-bind", path, path)
	}
	args = append(append(args, above(spec.Dir)...), "--bind", spec.Dir, spec.Dir)
	// What bwrap made for itself is in memory: nobody may fill that.
	args = append(args, "--bind", p.shm(), "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/")
	return append(args, "--", inside, marker, "enter")
}

// above are arguments that make the folders above a path, which bwrap alone would make for
// its own user only.
func above(path string) []string {
	var args []string
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		args = append([]string{"--dir", dir}, args...)
	}
	return args
}

// readable are the paths beside the system that can be read: the program is one.
func (spec Spec) readable() []string {
	program := spec.Args[0]
	for _, folder := range append([]string{spec.Dir}, systemFolders...) {
		if strings.HasPrefix(program, folder+"/") {
			return spec.Read
		}
	}
	return append(spec.Read[:len(spec.Read):len(spec.Read)], program)
}

// rules are what Landlock allows.
func rules(spec Spec, p private) []rule {
	list := []rule{{Path: spec.Dir, Write: true}, {Path: p.tmp(), Write: true}, {Path: p.home(), Write: true}, {Path: "/proc/self"}}
	for _, path := range spec.readable() {
		list = append(list, rule{Path: path})
	}
	for _, path := range append(append(systemFolders[:len(systemFolders):len(systemFolders)], systemFiles...), "/etc/passwd", "/etc/group") {
		list = append(list, rule{Path: path, Optional: true})
	}
	for _, path := range procFiles {
		list = append(list, rule{Path: path, Optional: true})
	}
	for _, path := range devices {
		list = append(list, rule{Path: path, Write: true, Optional: true})
	}
	return list
}
