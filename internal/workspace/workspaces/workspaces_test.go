package workspaces_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c := s.Client(org.Owner.Token)
		w, err := c.Workspaces.Create(ctx, org.Name, tfe.WorkspaceCreateOptions{Name: new("Web"), Description: new("the site")})
		if err != nil {
			s.T.Fatal(err)
		}
		for how, read := range map[string]func() (*tfe.Workspace, error){
			"by id":           func() (*tfe.Workspace, error) { return c.Workspaces.ReadByID(ctx, w.ID) },
			"by name":         func() (*tfe.Workspace, error) { return c.Workspaces.Read(ctx, org.Name, "Web") },
			"by another case": func() (*tfe.Workspace, error) { return c.Workspaces.Read(ctx, "ACME", "web") },
		} {
			got, err := read()
			if err != nil || !cmp.Equal(w, got) {
				s.T.Errorf("Read %s = %v, %s", how, err, cmp.Diff(w, got))
			}
		}
		if _, err := c.Workspaces.Create(ctx, org.Name, tfe.WorkspaceCreateOptions{Name: new("wEB")}); err == nil || err.Error() != "invalid attribute\n\nName has already been taken" {
			s.T.Errorf("Create of a taken name = %v, want already taken", err)
		}
		w, err = c.Workspaces.UpdateByID(ctx, w.ID, tfe.WorkspaceUpdateOptions{Name: new("shop"), AutoApply: new(true), WorkingDirectory: new("a/b")})
		if err != nil || w.Name != "shop" || !w.AutoApply || w.WorkingDirectory != "a/b" || w.Description != "the site" {
			s.T.Errorf("Update = %+v, %v", w, err)
		}
		list, err := c.Workspaces.List(ctx, org.Name, nil)
		if err != nil || list.TotalCount != 1 || !cmp.Equal(list.Items[0], w) {
			s.T.Errorf("List = %+v, %v", list, err)
		}
		if err := c.Workspaces.Delete(ctx, org.Name, "shop"); err != nil {
			s.T.Error(err)
		}
		if _, err := c.Workspaces.ReadByID(ctx, w.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Read after Delete = %v, want not found", err)
		}
	})
}

func TestLock(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, other := s.Client(org.Owner.Token), s.Admin()
		w, err := c.Workspaces.Create(ctx, org.Name, tfe.WorkspaceCreateOptions{Name: new("web")})
		if err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.Workspaces.Unlock(ctx, w.ID); !errors.Is(err, tfe.ErrWorkspaceNotLocked) {
			s.T.Errorf("Unlock of an unlocked workspace = %v", err)
		}
		locked, err := c.Workspaces.Lock(ctx, w.ID, tfe.WorkspaceLockOptions{Reason: new("repairs")})
		if err != nil || !locked.Locked || locked.LockedBy.User.ID != org.Owner.ID {
			s.T.Fatalf("Lock = %+v, %v", locked, err)
		}
		attributes := func() map[string]any {
			return s.Do("GET", "/api/v2/workspaces/"+w.ID, org.Owner.Token, nil).JSON()["data"].(map[string]any)["attributes"].(map[string]any)
		}
		since, err := time.Parse(time.RFC3339, fmt.Sprint(attributes()["locked-at"]))
		if got := attributes()["locked-reason"]; got != "repairs" || err != nil || time.Since(since).Abs() > time.Minute {
			s.T.Errorf("locked-reason = %v since %v, %v; want repairs since now", got, since, err)
		}
		defer func() {
			if got := attributes()["locked-at"]; got != nil {
				s.T.Errorf("locked-at of an unlocked workspace = %v", got)
			}
		}()
		if _, err := c.Workspaces.Lock(ctx, w.ID, tfe.WorkspaceLockOptions{}); !errors.Is(err, tfe.ErrWorkspaceLocked) {
			s.T.Errorf("Lock of a locked workspace = %v", err)
		}
		if _, err := other.Workspaces.Unlock(ctx, w.ID); !errors.Is(err, tfe.ErrWorkspaceLockedByUser) {
			s.T.Errorf("Unlock by another = %v, want locked by user", err)
		}
		if err := c.Workspaces.SafeDeleteByID(ctx, w.ID); !errors.Is(err, tfe.ErrWorkspaceLockedCannotDelete) {
			s.T.Errorf("SafeDelete of a locked workspace = %v", err)
		}
		if got, err := other.Workspaces.ForceUnlock(ctx, w.ID); err != nil || got.Locked {
			s.T.Errorf("ForceUnlock = %+v, %v", got, err)
		}
		if _, err := other.Workspaces.ForceUnlock(ctx, w.ID); !errors.Is(err, tfe.ErrWorkspaceNotLocked) {
			s.T.Errorf("ForceUnlock of an unlocked workspace = %v", err)
		}
		if got := s.Do("POST", "/api/v2/workspaces/"+w.ID+"/actions/lock", org.Owner.Token, `{"reason": "bare"}`); got.Status != 200 {
			s.T.Errorf("Lock with a bare reason = %d %s", got.Status, got.Body)
		}
		if got, err := c.Workspaces.Unlock(ctx, w.ID); err != nil || got.Locked {
			s.T.Errorf("Unlock by the holder = %+v, %v", got, err)
		}
	})
}
