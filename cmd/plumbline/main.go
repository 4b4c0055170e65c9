// Command plumbline is the server of Plumbline and the tools of its operator.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"plumbline.dev/plumbline/internal/app"
	"plumbline.dev/plumbline/internal/kernel/config"
)

type commands struct {
	Serve   serve            `cmd:"" help:"Run the server. Each flag can be set in the environment instead."`
	Agent   agent            `cmd:"" help:"Execute the runs of an agent pool on this machine. Each flag can be set in the environment instead."`
	OpenAPI struct{}         `cmd:"" name:"openapi" help:"Print the OpenAPI document of the API."`
	Admin   admin            `cmd:"" help:"Administer the installation in DATA-DIR, also while the server runs."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

type serve struct{ config.Server }

// Run serves until it is told to stop.
func (s *serve) Run(ctx context.Context) error { return app.Serve(ctx, s.Server, os.Stderr) }

type agent struct{ config.Agent }

// Help is the long text of the command.
func (agent) Help() string {
	return "An agent asks the server for runs of its agent pool over HTTPS and executes them here, isolated from each other and from this machine. The server never connects to it. " +
		"Make a token on the page of the agent pool, and start with:\n\n    PLUMBLINE_ADDRESS=https://plumbline.example.com PLUMBLINE_AGENT_TOKEN=… plumbline agent\n\n" +
		"OpenTofu is fetched when it is first needed, its signature checked. Install bubblewrap for the best isolation. What runs can use beyond that, such as git or cloud command lines, is what is installed in /usr."
}

// Run executes runs until it is told to stop.
func (a *agent) Run(ctx context.Context) error { return app.Agent(ctx, a.Agent, os.Stderr) }

// place says which installation an admin command is about.
type place struct {
	DataDir  string `name:"data-dir" env:"PLUMBLINE_DATA_DIR" default:"./data" help:"Folder of the database, the objects and the root key."`
	Database string `env:"PLUMBLINE_DATABASE" default:"sqlite" help:"sqlite (in DATA-DIR) or postgres://USER:PASSWORD@HOST/NAME."`
	Blobs    string `env:"PLUMBLINE_BLOBS" default:"file" help:"file (in DATA-DIR) or s3://BUCKET?endpoint=…&region=…."`
	RootKey  string `name:"root-key" env:"PLUMBLINE_ROOT_KEY" placeholder:"BASE64" help:"Root key, if it is not DATA-DIR/root.key."`
}

func (p place) config() config.Server {
	return config.Server{DataDir: p.DataDir, Database: p.Database, Blobs: p.Blobs, RootKey: p.RootKey}
}

type admin struct {
	Token struct {
		place
		User string `required:"" placeholder:"NAME" help:"Name of the user, who becomes a site administrator, and is made if there is none."`
	} `cmd:"" help:"Print a fresh API token of a site administrator."`
	AccountLink struct {
		place
		Email string `required:"" placeholder:"ADDRESS" help:"Email address of the person, who may have been invited, may have an account, or may be new."`
	} `cmd:"" help:"Print the path of a page at which a person chooses a user name and a password. It works once, for a week."`
	SeedConformance struct {
		place
	} `cmd:"" help:"Add the fixtures that go-tfe's test suite expects. For test installations only."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c, kong.Name("plumbline"), kong.Vars{"version": config.Version}, kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("A self-hosted control plane for OpenTofu and Terraform.\n\nStart with: plumbline serve. It prints the address to open."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err := run(ctx, k, &c); err != nil {
		fmt.Fprintln(os.Stderr, "plumbline:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, k *kong.Context, c *commands) error {
	switch k.Command() {
	case "admin token":
		token, err := app.AdminToken(ctx, c.Admin.Token.config(), c.Admin.Token.User)
		if err == nil {
			fmt.Println(token.Reveal())
		}
		return err
	case "admin account-link":
		path, err := app.AccountLink(ctx, c.Admin.AccountLink.config(), c.Admin.AccountLink.Email)
		if err == nil {
			fmt.Println(path)
		}
		return err
	case "openapi":
		document, err := app.OpenAPI(ctx)
		if err == nil {
			_, err = os.Stdout.Write(document)
		}
		return err
	case "admin seed-conformance":
		return app.SeedConformance(ctx, c.Admin.SeedConformance.config())
	default:
		return k.Run()
	}
}
