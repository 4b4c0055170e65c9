// Package changes tells clients which resources of an organization are no longer as they
// were, as server-sent events: the type and the id of what has changed, never what is in
// it. Every change by the API is told of by itself (Told); what changes otherwise, such
// as the status of an agent, is told of by who changes it (Tell).
//
// The surprising rule: nobody hears of what they may not read, and their permissions are
// looked at when an event is sent, not when the stream began.
package changes

import (
	"context"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// topic carries changes between nodes; the ids of its events are what address makes.
const topic = "changes"

// Feature serves the stream of changes.
type Feature struct {
	Bus    *events.Bus
	Orgs   *orgs.Feature
	Router *api.Router
	// SecretTeam reports whether not all members of its organization may know of a team;
	// true if there is none with the id.
	SecretTeam func(ctx context.Context, id string) (bool, error)
	// Needs is what somebody needs where a resource lives, who needs p for its type elsewhere;
	// nil is p.
	Needs func(in authz.Scope, p authz.Permission) authz.Permission

	log *log
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.log = newLog()
	f.Bus.Subscribe(topic, func(id string) { f.log.add(entryOf(id)) })
	api.Handle(r, "GET /organizations/{organization}/events", authz.ReadOrg, f.Orgs.ByName, f.stream, api.Params("since", "back"), api.About(about))
}

const about = "A stream of server-sent events (text/event-stream). The event `ready` comes first: its data tells whether the stream goes on where the client was (`resumed`). " +
	"Each event `changed` names a resource that is new, gone or no longer as it was: `type`, `id` (without it, any of the type) and `workspace` (the one that it is in). " +
	"The type `*` stands for everything: events got lost. All types that have routes are told of, as far as the subject may read them. " +
	"A client that connects again says the id of the last event in the header `Last-Event-ID` or the parameter `since`. A new stream begins with the changes of the last seconds " +
	"that the parameter `back` says, up to 60: what the client has read just before may be older. The stream ends after five minutes."

// Drain ends all streams: the server stops.
func (f *Feature) Drain() { close(f.log.ending) }

// Tell says that a resource of a type is no longer as it was, or is new or gone. It is
// heard of when the transaction of ctx is committed. Without an id any of the type may
// have changed. A nil bus tells nobody.
func Tell(ctx context.Context, bus *events.Bus, in authz.Scope, kind, id string) {
	if bus != nil && in.Org != "" {
		bus.Publish(ctx, topic, address(entry{in: in, kind: kind, id: id}))
	}
}

// Told tells of a change that a request has made; the router calls it.
func (f *Feature) Told(ctx context.Context, in authz.Scope, res jsonapi.Ref) error {
	if in.Org == "" || res.Type == "" {
		return nil
	}
	e := entry{in: in, kind: res.Type, id: res.ID}
	if id := identity(in, res.Type); id != "" {
		e.id = id
	} else if !isID(e.id) {
		e.id = "" // a path may end with a name
	}
	if in.Team != "" {
		secret, err := f.SecretTeam(ctx, in.Team)
		if err != nil {
			return err
		}
		e.secret = secret
	}
	f.Bus.Publish(ctx, topic, address(e))
	return nil
}

// identity is the id of a resource that is a scope of its own.
func identity(in authz.Scope, kind string) string {
	return map[string]string{"workspaces": in.Workspace, "projects": in.Project, "teams": in.Team}[kind]
}

// isID reports whether s is an id of this server, such as "ws-…"; a name may look like one.
func isID(s string) bool {
	prefix, random, ok := strings.Cut(s, "-")
	return ok && prefix != "" && len(random) == 16 && !strings.ContainsFunc(random, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// entry is a change. The zero entry stands for events that got lost.
type entry struct {
	in       authz.Scope
	secret   bool // the team of in is for few eyes only
	kind, id string
	heard    time.Time // by this node
}

// lost reports whether e says that anything may have changed.
func (e entry) lost() bool { return e.kind == "" }

// address is an entry as the id of an event of the bus: where the resource lives, so that
// nobody has to ask the database who may hear of it.
func address(e entry) string {
	return strings.Join([]string{e.in.Org, e.in.Project, e.in.Workspace, e.in.Team, strconv.FormatBool(e.secret), e.kind, e.id}, "/")
}

// entryOf is the reverse of address; what is none is a loss.
func entryOf(address string) entry {
	parts := strings.Split(address, "/")
	if len(parts) != 7 {
		return entry{}
	}
	return entry{in: authz.Scope{Org: parts[0], Project: parts[1], Workspace: parts[2], Team: parts[3]}, secret: parts[4] == "true", kind: parts[5], id: parts[6]}
}

// seenBy reports whether a subject may know of the resource of e.
func (f *Feature) seenBy(who *authz.Subject, e entry) bool {
	needs, ok := f.Router.Permission(e.kind)
	if f.Needs != nil {
		needs = f.Needs(e.in, needs)
	}
	switch {
	case !ok:
		return false
	case e.in.Workspace != "" && !who.Can(authz.ReadWorkspace, e.in):
		return false
	case e.in.Workspace == "" && e.in.Project != "" && !who.Can(authz.ReadProject, e.in):
		return false
	case e.secret && !who.Can(authz.AccessSecretTeams, e.in) && !who.Can(authz.OwnOrg, e.in) && !who.InTeam(e.in.Org, e.in.Team):
		return false
	case needs == authz.SignedIn: // says nothing of where
		return e.in.Workspace != "" || e.in.Project != ""
	}
	return who.Can(needs, e.in)
}
