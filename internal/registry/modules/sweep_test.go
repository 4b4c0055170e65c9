package modules_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestWhatWasNotReadInTimeIsReadAgain(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		_, err := f.DB.Exec(f.ctx, `UPDATE registry_module_versions SET status = 'reg_ingressing', updated_at = ?`, db.At(time.Now().Add(-time.Hour)))
		if err = errors.Join(err, s.App.Modules.Sweep(f.ctx)); err != nil {
			s.T.Fatal(err)
		}
		f.Settle()
		if got := f.status("net", "aws", "1.0.0")["status"]; got != "ok" {
			s.T.Errorf("status after the sweep = %v, want ok", got)
		}
	})
}

func TestArchivesWithoutAVersionAreRemoved(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		_, err := s.App.Objects.Put(f.ctx, f.org.ID, "module/orphan", strings.NewReader("x"), 10)
		if err != nil {
			s.T.Fatal(err)
		}
		long := time.Now().Add(-48 * time.Hour)
		err = filepath.WalkDir(filepath.Join(s.Dir, "blobs"), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return os.Chtimes(p, long, long)
		})
		if err = errors.Join(err, s.App.Modules.SweepObjects(f.ctx)); err != nil {
			s.T.Fatal(err)
		}
		if n := f.objects(); n != 1 {
			s.T.Errorf("objects after the sweep = %d, want that of the version", n)
		}
		f.fetch("net", "aws", "1.0.0", f.owner)
	})
}
