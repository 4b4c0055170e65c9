package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A launcher is a program of this package and nothing else. Supervisor and launcher can be
// any program that the package is linked into, but they start often, and a large one needs
// longer to begin than all that they do. A binary carries its launcher behind its end, where
// neither the kernel nor a linker looks: the program, then carries and its size in digits.
const (
	carries   = "plumbline-launcher"
	sizeWidth = 14
)

// Attach makes a binary carry a launcher, instead of the one that it may carry already.
func Attach(binary, launcher string) error {
	program, err := os.ReadFile(launcher)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(binary, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, at, err := launcherIn(f)
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(program, "%s%0*d", carries, sizeWidth, len(program)), at)
	}
	return errors.Join(err, f.Close())
}

// launcherIn finds the launcher in a binary, nil if it carries none, and where the binary
// ends without it.
func launcherIn(f *os.File) (launcher *io.SectionReader, at int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	end := info.Size() - int64(len(carries)+sizeWidth)
	mark := make([]byte, len(carries)+sizeWidth)
	if end < 0 {
		return nil, info.Size(), nil
	}
	if _, err := f.ReadAt(mark, end); err != nil {
		return nil, 0, err
	}
	digits, ok := strings.CutPrefix(string(mark), carries)
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || size < 0 || size > end {
		return nil, info.Size(), nil //nolint:nilerr // it ends with something else
	}
	return io.NewSectionReader(f, end-size, size), end - size, nil
}

// Launcher puts the launcher that this binary carries into a folder, where all may execute
// it, and returns its path: "" if it carries none.
func Launcher(dir string) (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	found, _, err := launcherIn(f)
	if err != nil || found == nil {
		return "", err
	}
	program, err := io.ReadAll(found)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(program)
	path = filepath.Join(dir, "launcher-"+hex.EncodeToString(sum[:8]))
	return path, place(path, program)
}

// place makes an executable file in one step, unless it is there.
func place(path string, program []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, program) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "launcher-new-")
	if err != nil {
		return err
	}
	_, err = f.Write(program)
	err = errors.Join(err, f.Chmod(0o555), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
