package app

import (
	"context"
	"fmt"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/phases"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// notices are the warnings that a run shows about the versions of modules that it uses
// (page "Manage module versions").
func (a *App) notices(ctx context.Context, used []phases.ModuleUse) ([]proto.Notice, error) {
	uses := make([]modules.Use, len(used))
	for i, u := range used {
		uses[i] = modules.Use(u)
	}
	found, err := a.Modules.Notices(ctx, uses)
	list := make([]proto.Notice, len(found))
	for i, n := range found {
		summary, what, words := "Deprecated module version", "deprecated", []string{n.Reason, n.Link}
		if n.Revoked {
			summary, what, words = "Revoked module version", "revoked, and cannot be installed by new users", []string{n.Message, n.MsgLink}
		}
		detail := fmt.Sprintf("Version %s of the module %s/%s/%s is %s. %s", n.Version, n.Namespace, n.Name, n.Provider, what, strings.Join(words, " "))
		list[i] = proto.Notice{Summary: summary, Detail: strings.TrimSpace(detail)}
	}
	return list, err
}
