package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// keyRequest names an SSH key as go-tfe does, in an attribute; the API schema has it
// as the id of the request's resource.
type keyRequest struct {
	ID jsonapi.Opt[string] `json:"id"`
}

// assignSSHKey sets the key with which runs fetch modules; none takes it away. The
// caller must be allowed to see the key.
func (f *Feature) assignSSHKey(ctx context.Context, w Workspace, in jsonapi.In[keyRequest]) (Workspace, error) {
	id := in.Data.Attributes.ID.V
	if in.Data.Type == "ssh-keys" {
		id = in.Data.ID
	}
	w.SSHKeyID = nil
	if id != "" {
		if err := f.checkKey(ctx, w, id); err != nil {
			return w, err
		}
		w.SSHKeyID = &id
	}
	w.UpdatedAt = db.Now()
	if err := f.DB.Update(ctx, "workspaces", w, "ssh_key_id", "updated_at"); err != nil {
		return w, err
	}
	return f.read(ctx, w.ID)
}

func (f *Feature) checkKey(ctx context.Context, w Workspace, id string) error {
	if f.SSHKey == nil {
		return problem.NotFound
	}
	key, err := f.SSHKey(ctx, id)
	if err != nil {
		return err
	}
	if key.Scope().Org != w.OrgID {
		return problem.NotFound
	}
	return authz.Check(ctx, authz.ReadSSHKeys, key)
}
