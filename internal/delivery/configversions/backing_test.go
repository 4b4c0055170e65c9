package configversions_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// graceful gives soft-deleted data an hour.
func graceful(c *config.Server) { c.DeleteGrace = time.Hour }

func TestArchive(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		old := f.uploaded(tgz(s.T, file("main.tf", "1")))
		refused(s.T, "archive of the current version", f.do("POST", old.ID+"/actions/archive"), 409, "transition not allowed, configuration could not be archived because it is current")
		pending := f.create()
		f.create()
		refused(s.T, "archive of a pending version", f.do("POST", pending.ID+"/actions/archive"), 409, "transition not allowed")
		if r := f.do("POST", old.ID+"/actions/archive"); r.Status != 202 || len(r.Body) != 0 {
			s.T.Errorf("archive = %d %s, want 202 and nothing", r.Status, r.Body)
		}
		f.wantStatus(old.ID, "archived")
		refused(s.T, "second archive", f.do("POST", old.ID+"/actions/archive"), 409, "transition not allowed")
		refused(s.T, "download", f.do("GET", old.ID+"/download"), 404, "not found")
		refused(s.T, "PUT", s.Do("PUT", old.UploadURL, "", tgz(s.T)), 409, "it is archived")
		if n := f.objects(); n != 0 {
			s.T.Errorf("objects = %d, want none", n)
		}
		vcs := f.uploaded(tgz(s.T))
		f.create()
		_, err := f.DB.Exec(f.ctx, `UPDATE configuration_versions SET source = 'github' WHERE id = ?`, vcs.ID)
		f.must(err)
		refused(s.T, "archive of what a VCS gave", f.do("POST", vcs.ID+"/actions/archive"), 409, "was not created with the API")
		refused(s.T, "soft delete of what a VCS gave", f.do("POST", vcs.ID+"/actions/soft_delete_backing_data"), 400, "was not created with the API")
	})
}

func TestBackingData(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		cvs := f.c.ConfigurationVersions
		old := f.uploaded(tgz(s.T, file("main.tf", "1")))
		current := f.uploaded(tgz(s.T, file("main.tf", "2")))
		const soft, restore, destroy = "/actions/soft_delete_backing_data", "/actions/restore_backing_data", "/actions/permanently_delete_backing_data"
		const words = "Configuration version backing data transition not allowed"
		refused(s.T, "soft delete of the current version", f.do("POST", current.ID+soft), 400, words)
		refused(s.T, "restore of what is not deleted", f.do("POST", old.ID+restore), 400, words)
		refused(s.T, "destroying what is not soft-deleted", f.do("POST", old.ID+destroy), 400, words)
		refused(s.T, "restore of a pending version", f.do("POST", f.createWith(tfe.ConfigurationVersionCreateOptions{Speculative: new(true)}).ID+restore), 400, words)

		f.must(cvs.SoftDeleteBackingData(f.ctx, old.ID))
		f.wantStatus(old.ID, "backing_data_soft_deleted")
		if _, err := cvs.Download(f.ctx, old.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Download of soft-deleted files = %v, want not found", err)
		}
		refused(s.T, "second soft delete", f.do("POST", old.ID+soft), 400, words)
		f.must(cvs.RestoreBackingData(f.ctx, old.ID))
		if _, err := cvs.Download(f.ctx, old.ID); err != nil {
			s.T.Errorf("Download of restored files = %v", err)
		}
		f.must(cvs.SoftDeleteBackingData(f.ctx, old.ID))
		f.must(cvs.PermanentlyDeleteBackingData(f.ctx, old.ID))
		f.wantStatus(old.ID, "backing_data_permanently_deleted")
		refused(s.T, "restore of destroyed files", f.do("POST", old.ID+restore), 400, words)
		if n := f.objects(); n != 1 {
			s.T.Errorf("objects = %d, want that of the current version", n)
		}
		r := f.do("GET", old.ID)
		for _, at := range []string{"uploaded-at", "soft-delete-backing-data-at", "restore-backing-data-at", "permanently-delete-backing-data-at"} {
			if !strings.Contains(string(r.Body), `"`+at+`":"20`) {
				s.T.Errorf("GET = %s, want %s", r.Body, at)
			}
		}
	}, graceful)
}

// age makes versions as old as that.
func (f *fixture) age(d time.Duration, column string, versions ...*tfe.ConfigurationVersion) {
	f.T.Helper()
	for _, v := range versions {
		_, err := f.DB.Exec(f.ctx, `UPDATE configuration_versions SET `+column+` = ? WHERE id = ?`, db.At(time.Now().Add(-d)), v.ID)
		f.must(err)
	}
}

func TestSweep(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		const day = 24 * time.Hour
		body := tgz(s.T, file("main.tf", "1"))
		expired, kept, vcs := f.uploaded(body), f.uploaded(body), f.uploaded(body)
		_, err := f.DB.Exec(f.ctx, `UPDATE configuration_versions SET source = 'github' WHERE id = ?`, vcs.ID)
		f.must(err)
		lost, current := f.create(), f.uploaded(body)
		f.age(31*day, "created_at", expired, vcs, current)
		f.age(29*day, "created_at", kept)
		f.age(3*time.Hour, "created_at", lost)
		_, err = f.c.Organizations.SetDataRetentionPolicyDeleteOlder(f.ctx, "acme", tfe.DataRetentionPolicyDeleteOlderSetOptions{DeleteOlderThanNDays: 30})
		f.must(err)
		f.must(s.App.Configs.Sweep(f.ctx))
		f.wantStatus(expired.ID, "backing_data_soft_deleted")
		f.wantStatus(kept.ID, "uploaded")
		f.wantStatus(vcs.ID, "uploaded")
		f.wantStatus(current.ID, "uploaded")
		if got := f.read(lost.ID); got.Status != tfe.ConfigurationErrored || got.Error != "not-uploaded" {
			s.T.Errorf("what was never uploaded = %+v, want errored", got)
		}
		f.must(s.App.Configs.Sweep(f.ctx))
		f.wantStatus(expired.ID, "backing_data_soft_deleted") // it has its grace
		f.age(2*time.Hour, "deleted_at", expired)
		f.must(s.App.Configs.Sweep(f.ctx))
		f.wantStatus(expired.ID, "backing_data_permanently_deleted")
		if n := f.objects(); n != 3 {
			s.T.Errorf("objects = %d, want the three that were kept", n)
		}
	}, graceful)
}

func TestSweepLeavesWhatARunNeeds(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		body := tgz(s.T, file("main.tf", "1"))
		needed, done := f.uploaded(body), f.uploaded(body)
		f.create()
		f.age(48*time.Hour, "created_at", needed, done)
		_, err := f.c.Workspaces.SetDataRetentionPolicyDeleteOlder(f.ctx, f.ws, tfe.DataRetentionPolicyDeleteOlderSetOptions{DeleteOlderThanNDays: 1})
		f.must(err)
		s.App.Configs.Uses = func(context.Context, []string) (map[string]bool, error) {
			return map[string]bool{needed.ID: true, done.ID: false}, nil
		}
		f.must(s.App.Configs.Sweep(f.ctx))
		f.wantStatus(needed.ID, "uploaded")
		f.wantStatus(done.ID, "backing_data_soft_deleted")
	}, graceful)
}

func TestObjectsWithoutAVersionAreRemoved(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		body := tgz(s.T, file("main.tf", "1"))
		kept := f.uploaded(body)
		for _, key := range []string{"configuration/orphan", "state/other"} {
			_, err := s.App.Objects.Put(f.ctx, f.org.ID, key, strings.NewReader("x"), 10)
			f.must(err)
		}
		long := time.Now().Add(-48 * time.Hour)
		f.must(filepath.WalkDir(filepath.Join(s.Dir, "blobs"), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return os.Chtimes(p, long, long)
		}))
		_, err := s.App.Objects.Put(f.ctx, f.org.ID, "configuration/under-way", strings.NewReader("x"), 10)
		f.must(err)
		f.must(s.App.Configs.SweepObjects(f.ctx))
		if n := f.objects(); n != 2 {
			s.T.Errorf("objects = %d, want the version's and the one under way", n)
		}
		if _, err := f.c.ConfigurationVersions.Download(f.ctx, kept.ID); err != nil {
			s.T.Errorf("Download = %v", err)
		}
	})
}
