package crypt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/crypt"
)

func TestRootIsMadeOnceAndFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "root.key")
	roots := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range roots {
		wg.Go(func() { roots[i] = must(crypt.LoadRoot(path)) })
	}
	wg.Wait()
	for _, root := range roots {
		if len(root) != 32 || !bytes.Equal(root, roots[0]) {
			t.Errorf("LoadRoot by 8 at once = %x and %x, want one key of 32 bytes", roots[0], root)
		}
	}
	if info := must(os.Stat(path)); info.Mode() != 0o600 {
		t.Errorf("mode = %v, want -rw-------", info.Mode())
	}
	if left := must(os.ReadDir(filepath.Dir(path))); len(left) != 1 {
		t.Errorf("the folder holds %v, want only the key", left)
	}
}

func TestRootIsReadRawOrInBase64(t *testing.T) {
	root := crypt.NewRoot()
	for _, text := range []string{
		string(root),
		base64.StdEncoding.EncodeToString(root),
		base64.StdEncoding.EncodeToString(root) + "\r\n",
		" " + base64.RawURLEncoding.EncodeToString(root) + "\n\n",
	} {
		path := write(t, text, 0o600)
		if got, err := crypt.LoadRoot(path); err != nil || !bytes.Equal(got, root) {
			t.Errorf("LoadRoot of %q = %x, %v, want %x", text, got, err, root)
		}
	}
}

func TestUnsafeRootIsRefusedWithAdvice(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(crypt.NewRoot())
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		want string
	}{
		"readable by the world": {good, 0o604, "chmod 600"},
		"readable by the group": {good, 0o640, "chmod 600"},
		"empty":                 {"", 0o600, "openssl rand -base64 32"},
		"short":                 {good[:20], 0o600, "openssl rand -base64 32"},
		"hex of 16 bytes":       {hex.EncodeToString(crypt.NewRoot()[:16]), 0o600, "openssl rand -base64 32"},
		"a long file":           {strings.Repeat("A", 1<<20), 0o600, "openssl rand -base64 32"},
	} {
		path := write(t, c.text, c.mode)
		got, err := crypt.LoadRoot(path)
		if err == nil || got != nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("LoadRoot of a file that is %s = %x, %v, want an error with %q and the path", name, got, err, c.want)
		}
		if err != nil && c.text != "" && strings.Contains(err.Error(), c.text[:10]) {
			t.Errorf("LoadRoot of a file that is %s shows it: %v", name, err)
		}
		if after := must(os.ReadFile(path)); string(after) != c.text {
			t.Errorf("LoadRoot of a file that is %s changed it", name)
		}
	}
	if _, err := crypt.LoadRoot(t.TempDir()); err == nil {
		t.Error("LoadRoot of a folder = nil, want an error")
	}
}

func write(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}
