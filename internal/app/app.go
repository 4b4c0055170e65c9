package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/delivery/applies"
	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/phases"
	"plumbline.dev/plumbline/internal/delivery/planexports"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/delivery/runqueue"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/delivery/runtriggers"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/governance/notifications"
	"plumbline.dev/plumbline/internal/governance/site"
	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/login"
	"plumbline.dev/plumbline/internal/identity/members"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/teams"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/trail"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
	"plumbline.dev/plumbline/internal/registry/components"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
	"plumbline.dev/plumbline/internal/registry/mirror"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/providers"
	"plumbline.dev/plumbline/internal/registry/testruns"
	webui "plumbline.dev/plumbline/internal/web"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/sshkeys"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
	"plumbline.dev/plumbline/internal/workspace/tags"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/varsets"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
	"plumbline.dev/plumbline/web"
)

// App is a server with all its capabilities.
type App struct {
	Config   config.Server
	DB       *db.DB
	Keyring  *crypt.Keyring
	Objects  *blob.Store
	Bus      *events.Bus
	Jobs     *jobs.Queue
	Router   *api.Router
	metrics  *metrics         // nil: nobody asked for them
	listens  string           // where Serve listens, as a URL
	model    *safehttp.Client // of the language model; nil is none
	outbound *safehttp.Client // of what organizations name: git hosts, clouds, webhooks
	issues   *safehttp.Client // of alerts: lists of issues are long
	hooks    *safehttp.Client // of notifications, which may go to http URLs as in HCP Terraform

	Users       *users.Feature
	Tokens      *tokens.Store
	Usage       *tokens.Usage
	TokenAPI    *tokens.Feature
	Login       *login.Feature
	Orgs        *orgs.Feature
	Members     *members.Feature
	Teams       *teams.Feature
	Tags        *tags.Feature
	Access      *access.Feature
	Trail       *trail.Feature
	Changes     *changes.Feature
	Projects    *projects.Feature
	Workspaces  *workspaces.Feature
	States      *stateversions.Feature
	SSHKeys     *sshkeys.Feature
	Configs     *configversions.Feature
	Variables   *variables.Feature
	Varsets     *varsets.Feature
	AgentPools  *agentpools.Feature
	Dispatch    *dispatch.Feature
	GPGKeys     *gpgkeys.Feature
	Modules     *modules.Feature
	Providers   *providers.Feature
	Mirror      *mirror.Feature
	Components  *components.Feature
	TestRuns    *testruns.Feature
	RunTriggers *runtriggers.Feature
	RunQueue    *runqueue.Feature
	Runs        *runs.Feature
	OIDC        *oidc.Feature
	Phases      *phases.Feature
	Logs        *logs.Feature
	Outputs     *outputs.Store
	Plans       *plans.Feature
	Applies     *applies.Feature
	PlanExports *planexports.Feature

	Site          *site.Feature
	Mail          *mail.Sender
	Notifications *notifications.Feature
	Drift         Drift
	UI            *webui.Feature
}

// New opens the data that c names and builds the server. Nothing runs in the
// background until Run.
func New(ctx context.Context, c config.Server) (*App, error) {
	a := &App{Config: c}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.build()
	if err := a.Site.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// open opens the database, the keys and the objects.
func (a *App) open(ctx context.Context) error {
	c := a.Config
	address := c.Database
	if address == "sqlite" || address == "" {
		address = filepath.Join(c.DataDir, "plumbline.db")
	}
	root, err := rootKey(c)
	if err != nil {
		return err
	}
	if a.DB, err = db.Open(ctx, db.Config{URL: address, Unsafe: c.UnsafeSync}); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	if a.Jobs, err = jobs.New(a.DB); err != nil {
		return err
	}
	if err = a.Jobs.Migrate(ctx); err != nil {
		return err
	}
	if a.Keyring, err = crypt.New(root, keysets{a.DB}); err != nil {
		return err
	}
	if a.Objects, err = blob.Open(ctx, c.Blobs, c.DataDir, a.Keyring); err != nil {
		return fmt.Errorf("opening the object store: %w", err)
	}
	a.Objects.Forbidden = a.DB.InTx
	if a.Mirror, err = a.mirror(); err != nil {
		return fmt.Errorf("--mirror-…: %w", err)
	}
	if a.outbound, err = a.client(c.Outbound, 0); err != nil {
		return fmt.Errorf("--outbound-…: %w", err)
	}
	if a.issues, err = a.client(c.Outbound, 32<<20); err != nil {
		return err
	}
	plain := c.Outbound
	plain.HTTP = true
	if a.hooks, err = a.client(plain, 0); err != nil {
		return err
	}
	a.model, err = a.modelClient()
	return err
}

func rootKey(c config.Server) ([]byte, error) {
	if c.RootKey != "" {
		return crypt.ParseRoot([]byte(c.RootKey))
	}
	return crypt.LoadRoot(filepath.Join(c.DataDir, "root.key"))
}

// build makes the router and the capabilities, room by room, each with its routes.
// What must go from a room to an earlier one is a function that is filled in later.
func (a *App) build() {
	a.Bus = events.New(a.DB)
	a.Tokens = &tokens.Store{DB: a.DB}
	a.Usage = &tokens.Usage{DB: a.DB}
	a.Site = &site.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, RateLimit: a.Config.RateLimit}
	a.Router = a.router()
	a.identity()
	a.workspace()
	a.delivery()
	a.registry()
	a.governance()
	a.drift()
	a.Router.ServeObjects()
	a.Router.ServeDocument()
	a.health()
	a.serveIPRanges()
	a.serveInstallation()
	a.UI = &webui.Feature{Files: web.Files()}
	a.UI.Routes(a.Router)
	a.serveCA()
}

func (a *App) router() *api.Router {
	r := api.NewRouter(a.DB)
	r.Authenticate = access.NewSubjects(a.DB, a.Tokens, a.Bus, a.Usage.Note).Of
	r.Objects = a.Objects
	r.Changed = func(ctx context.Context, in authz.Scope, res jsonapi.Ref) error { return a.Changes.Told(ctx, in, res) }
	r.SigningKey = a.Keyring.MAC("signed-urls")
	r.PublicURL = strings.TrimSuffix(a.Config.PublicURL, "/")
	r.RateLimit, r.Unlimited = a.Site.Limit, proto.Base+"/" // many agents report from one address
	r.TrustsProxy = trusts(a.Config.Proxies)
	if a.Config.Metrics != "" {
		a.metrics = newMetrics()
		r.Metric = a.metrics.request
		a.DB.ObserveHolds(a.metrics.hold)
	}
	return r
}

// changed tells all nodes that what subjects may do is no longer as it was.
func (a *App) changed(ctx context.Context) { access.Changed(ctx, a.Bus) }

// adminsFound reports whether only site administrators create organizations.
func (a *App) adminsFound() bool { return a.Site.General().AdminsFound }

func (a *App) identity() {
	r := a.Router
	a.Users = &users.Feature{DB: a.DB, Keyring: a.Keyring, Changed: a.changed, AdminsFound: a.adminsFound}
	a.Users.Routes(r)
	a.Orgs = &orgs.Feature{DB: a.DB, Keyring: a.Keyring, Changed: a.changed, HasTwoFactor: a.Users.HasTwoFactor, AdminsFound: a.adminsFound}
	a.Orgs.OnDelete = append(a.Orgs.OnDelete, keysets{a.DB}.destroy(a.Keyring))
	a.Orgs.Routes(r)
	a.Members = &members.Feature{DB: a.DB, Bus: a.Bus, Users: a.Users, Orgs: a.Orgs, Changed: a.changed}
	a.Members.Routes(r)
	a.Teams = &teams.Feature{DB: a.DB, Users: a.Users, Orgs: a.Orgs, Members: a.Members, Changed: a.changed}
	a.Members.LockOwners, a.Orgs.Owners = a.Teams.LockOwners, a.Teams.Owners
	a.Orgs.OnCreate = append(a.Orgs.OnCreate, a.Teams.MakeOwners)
	a.Teams.Routes(r)
	a.TokenAPI = &tokens.Feature{DB: a.DB, Store: a.Tokens, Users: a.Users, Orgs: a.Orgs, Changed: a.changed}
	a.TokenAPI.Routes(r)
	a.Login = &login.Feature{DB: a.DB, Users: a.Users, Store: a.Tokens, Tokens: a.TokenAPI, Orgs: a.Orgs, Adopt: a.Members.Adopt, Changed: a.changed, Words: a.words, Services: map[string]string{}}
	a.Login.Routes(r)
	a.Access = &access.Feature{DB: a.DB, Bus: a.Bus, FindTeam: scope(a.Teams.Find)}
	a.Access.Routes(r)
	a.Trail = &trail.Feature{DB: a.DB, Orgs: a.Orgs, Names: a.namesOf}
	a.Trail.Routes(r)
	a.Changes = &changes.Feature{Bus: a.Bus, Orgs: a.Orgs, Router: r, SecretTeam: a.Teams.IsSecret}
	a.Changes.Routes(r)
}

func (a *App) workspace() {
	r := a.Router
	a.Tags = &tags.Feature{DB: a.DB, Bus: a.Bus, Orgs: a.Orgs}
	a.Tags.Routes(r)
	a.Projects = &projects.Feature{DB: a.DB, Orgs: a.Orgs, Tags: a.Tags}
	a.Orgs.OnCreate = append(a.Orgs.OnCreate, a.Projects.MakeDefault)
	a.Access.FindProject = scope(a.Projects.Find)
	a.Projects.Routes(r)
	a.Workspaces = &workspaces.Feature{DB: a.DB, Bus: a.Bus, Orgs: a.Orgs, Projects: a.Projects, Tags: a.Tags, Changed: a.changed, GlobalState: func() bool { return a.Site.General().GlobalState }}
	a.Projects.MoveWorkspaces = a.Workspaces.MoveInto
	a.Access.FindWorkspace = scope(a.Workspaces.Find)
	a.Workspaces.OnDelete = append(a.Workspaces.OnDelete, a.goesWith)
	a.Workspaces.Routes(r)
	a.States = &stateversions.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Objects: a.Objects, Workspaces: a.Workspaces, Jobs: a.Jobs, Grace: a.Config.DeleteGrace}
	a.Workspaces.BeforeUnlock = append(a.Workspaces.BeforeUnlock, a.States.Unlocking)
	a.Workspaces.Outputs = a.States.OutputsOf
	a.States.Routes(r)
	a.SSHKeys = &sshkeys.Feature{DB: a.DB, Keyring: a.Keyring, Orgs: a.Orgs}
	a.Workspaces.SSHKey = func(ctx context.Context, id string) (authz.Scoped, error) { return a.SSHKeys.Find(ctx, id) }
	a.SSHKeys.Routes(r)
	a.Variables = &variables.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Workspaces: a.Workspaces}
	a.Workspaces.Variables = a.Variables.IDs
	a.Varsets = &varsets.Feature{DB: a.DB, Orgs: a.Orgs, Projects: a.Projects, Workspaces: a.Workspaces, Variables: a.Variables}
	a.Variables.Sets = a.Varsets.AppliedTo
	a.Variables.Routes(r)
	a.Varsets.Routes(r)
}

// goesWith tells clients that what is in a workspace, or is counted by its workspaces, goes with it.
func (a *App) goesWith(ctx context.Context, w workspaces.Workspace) error {
	for _, kind := range []string{"runs", "run-triggers", "varsets", "team-workspaces", "tags", "drift-findings"} {
		changes.Tell(ctx, a.Bus, w.Scope(), kind, "")
	}
	return nil
}

func (a *App) delivery() {
	a.AgentPools = &agentpools.Feature{DB: a.DB, Bus: a.Bus, Orgs: a.Orgs, Tokens: a.TokenAPI}
	a.Orgs.AgentPool, a.Projects.AgentPool = a.AgentPools.Usable, a.AgentPools.Usable
	a.AgentPools.Routes(a.Router)
	a.Configs = &configversions.Feature{DB: a.DB, Bus: a.Bus, Objects: a.Objects, Workspaces: a.Workspaces, Jobs: a.Jobs, Grace: a.Config.DeleteGrace}
	a.Configs.Routes(a.Router)
	a.Dispatch = &dispatch.Feature{DB: a.DB, Bus: a.Bus, Workspaces: a.Workspaces, Agents: a.AgentPools, Tokens: a.Tokens, Used: a.Usage.Note, Limit: a.Config.OrgRuns}
	a.Dispatch.Routes(a.Router)
	a.AgentPools.Works = a.Dispatch.HeldBy
	a.RunQueue = &runqueue.Feature{DB: a.DB, Workspaces: a.Workspaces}
	a.Runs = &runs.Feature{DB: a.DB, Keyring: a.Keyring, Bus: a.Bus, Jobs: a.Jobs, Orgs: a.Orgs, Workspaces: a.Workspaces, Configs: a.Configs, Queue: a.RunQueue}
	a.States.RunIn = a.Runs.Has
	a.Runs.Routes(a.Router)
	a.RunTriggers = &runtriggers.Feature{DB: a.DB, Workspaces: a.Workspaces, Jobs: a.Jobs, Runs: a.Runs}
	a.RunTriggers.Routes(a.Router)
	a.OIDC = &oidc.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs}
	a.OIDC.Routes(a.Router)
	a.phases()
}

// scope makes a function that finds where something lives of one that finds it.
func scope[T authz.Scoped](find func(ctx context.Context, id string) (T, error)) func(ctx context.Context, id string) (authz.Scope, error) {
	return func(ctx context.Context, id string) (authz.Scope, error) {
		v, err := find(ctx, id)
		if err != nil {
			return authz.Scope{}, err
		}
		return v.Scope(), nil
	}
}

// Handler serves the API.
func (a *App) Handler() http.Handler { return a.Router.Handler() }

// Run does the work in the background until ctx ends.
func (a *App) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { a.Bus.Run(ctx) })
	wg.Go(func() { a.Usage.Run(ctx) })
	wg.Go(func() { a.Site.Run(ctx) })
	wg.Go(func() { a.present(ctx) })
	wg.Go(func() { a.Dispatch.Run(ctx) })
	wg.Go(func() {
		if err := a.Jobs.Run(ctx); err != nil {
			slog.ErrorContext(ctx, "jobs have ended badly", "err", err)
		}
	})
	wg.Wait()
}

// Close releases what New opened.
func (a *App) Close() error {
	var errs []error
	if a.Objects != nil {
		errs = append(errs, a.Objects.Close())
	}
	if a.DB != nil {
		errs = append(errs, a.DB.Close())
	}
	return errors.Join(errs...)
}
