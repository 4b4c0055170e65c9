// Package config holds the settings of the server. Every setting has a default that
// works with no file and no environment, but for where the data lives.
package config

import "time"

// Version is the release, stamped by the build.
var Version = "dev"

// Server are the settings of "plumbline serve". The kong tags make flags and
// PLUMBLINE_* variables of them.
type Server struct {
	DataDir   string   `name:"data-dir" env:"PLUMBLINE_DATA_DIR" default:"./data" help:"Folder of the database, the objects and the root key."`
	Listen    string   `env:"PLUMBLINE_LISTEN" default:"127.0.0.1:8443" help:"Address to listen on, HOST:PORT."`
	TLS       string   `name:"tls" env:"PLUMBLINE_TLS" default:"self-signed" enum:"self-signed,off" help:"self-signed writes DATA-DIR/tls/ca.pem for clients to trust; off is for a proxy in front, or tests."`
	TLSCert   string   `name:"tls-cert" env:"PLUMBLINE_TLS_CERT" type:"path" placeholder:"FILE" help:"Certificate chain in PEM form, instead of a self-signed one."`
	TLSKey    string   `name:"tls-key" env:"PLUMBLINE_TLS_KEY" type:"path" placeholder:"FILE" help:"Private key of the certificate."`
	PublicURL string   `name:"public-url" env:"PLUMBLINE_PUBLIC_URL" placeholder:"URL" help:"Address under which clients reach the server, such as https://plumbline.example.com. Default: what the request names."`
	Database  string   `env:"PLUMBLINE_DATABASE" default:"sqlite" help:"sqlite (in DATA-DIR) or postgres://USER:PASSWORD@HOST/NAME."`
	Blobs     string   `env:"PLUMBLINE_BLOBS" default:"file" help:"file (in DATA-DIR) or s3://BUCKET?endpoint=…&region=…."`
	RootKey   string   `name:"root-key" env:"PLUMBLINE_ROOT_KEY" placeholder:"BASE64" help:"Root key, 32 bytes in base64. Default: DATA-DIR/root.key, made at the first start."`
	RateLimit float64  `name:"rate-limit" env:"PLUMBLINE_RATE_LIMIT" default:"0" help:"API requests a second for each token; 0 is no limit. HCP Terraform has 30."`
	Proxies   []string `name:"trusted-proxies" env:"PLUMBLINE_TRUSTED_PROXIES" placeholder:"CIDR" help:"Networks of proxies (CIDR) whose X-Forwarded-For and X-Forwarded-Proto count."`
	Metrics   string   `env:"PLUMBLINE_METRICS" placeholder:"HOST:PORT" help:"Address of a second listener with Prometheus metrics at /metrics. Default: none."`
	LogLevel  string   `name:"log-level" env:"PLUMBLINE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"What to log: debug, info, warn or error."`
	LogFormat string   `name:"log-format" env:"PLUMBLINE_LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`

	DeleteGrace time.Duration `name:"delete-grace" env:"PLUMBLINE_DELETE_GRACE" default:"168h" help:"How long states and configuration versions can be restored after they were soft-deleted."`

	OrgRuns  int `name:"organization-runs" env:"PLUMBLINE_ORGANIZATION_RUNS" default:"0" help:"Plans and applies of one organization at a time on the servers themselves; 0 is no limit. Agents of its own have none."`
	Workers  int `env:"PLUMBLINE_WORKERS" default:"-1" help:"Runs at a time on this server itself; -1 is one for each CPU, 0 is none: then agents of agent pools run everything."`
	Executor `embed:""`

	Curation string `name:"public-curation" env:"PLUMBLINE_PUBLIC_CURATION" default:"on" enum:"on,off" help:"Whether organizations may list modules and providers of public registries in their own registry; off refuses it."`

	Mirror   Mirror   `embed:"" prefix:"mirror-" envprefix:"PLUMBLINE_MIRROR_"`
	IPRanges IPRanges `embed:"" prefix:"ip-ranges-" envprefix:"PLUMBLINE_IP_RANGES_"`
	SMTP     SMTP     `embed:"" prefix:"smtp-" envprefix:"PLUMBLINE_SMTP_"`
	Model    Model    `embed:"" prefix:"model-" envprefix:"PLUMBLINE_MODEL_"`
	Outbound Outbound `embed:"" prefix:"outbound-" envprefix:"PLUMBLINE_OUTBOUND_"`

	// UnsafeSync makes SQLite leave writes to the operating system; tests set it.
	UnsafeSync bool `kong:"-"`
}

// Mirror are the settings of the network mirror of providers.
type Mirror struct {
	Origins []string          `env:"ORIGINS" default:"registry.opentofu.org,registry.terraform.io" placeholder:"HOST" help:"Registries (HOST) whose providers the network mirror fetches when it is asked for them, comma-separated; \"none\" is no other registry."`
	Allow   []string          `env:"ALLOW" placeholder:"HOST" help:"Networks (CIDR), addresses and host names that the mirror may reach although they are not public."`
	Rewrite map[string]string `env:"REWRITE" placeholder:"HOST=URL" help:"Base URL to reach a registry at instead, such as a proxy of the own network: HOST=URL;HOST=URL."`
}

// SMTP are the settings of the mail server that notifications and alerts go through.
type SMTP struct {
	Address  string `env:"ADDRESS" placeholder:"HOST:PORT" help:"Mail server (HOST:PORT) that notifications and alerts go through. Default: none, and mail is refused."`
	User     string `env:"USER" placeholder:"NAME" help:"Name to log in to the mail server with. Default: no login."`
	Password string `env:"PASSWORD" placeholder:"PASSWORD" help:"Password of the mail server. Set the environment variable: others on this machine can see arguments."`
	From     string `env:"FROM" placeholder:"ADDRESS" help:"Sender of mail, such as \"Plumbline <plumbline@example.com>\"."`
	TLS      string `name:"tls" env:"TLS" default:"starttls" enum:"starttls,implicit,off" help:"starttls encrypts or refuses; implicit is TLS from the first byte, as on port 465; off is for a mail server on this machine."`

	// Auth is how to log in: plain, login, or "" for what the server offers.
	Auth string `kong:"-"`
}

// Model is a language model that puts drift into words, at any server that speaks OpenAI's
// chat completions.
type Model struct {
	Endpoint string `env:"ENDPOINT" placeholder:"URL" help:"Base URL of a server that speaks OpenAI's chat completions, such as http://127.0.0.1:11434/v1. It puts drift into words, from redacted findings only. Default: none, and rules alone do."`
	Name     string `env:"NAME" placeholder:"MODEL" help:"The model, as that server calls it."`
	Key      string `env:"KEY" placeholder:"KEY" help:"Key of that server. Set the environment variable: others on this machine can see arguments."`
	Tokens   int    `env:"TOKENS" default:"200000" placeholder:"N" help:"Tokens of an organization in 24 hours; 0 is no limit."`
}

// Outbound says where addresses of users may lead: webhooks, issues, git hosts, clouds.
// Public https addresses may always be reached.
type Outbound struct {
	Allow   []string          `env:"ALLOW" placeholder:"HOST" help:"Networks (CIDR), addresses and host names that webhooks, git hosts and clouds of users may have although they are not public."`
	HTTP    bool              `name:"http" env:"HTTP" help:"Let drift alerts and git repositories have http URLs too."`
	Rewrite map[string]string `env:"REWRITE" placeholder:"HOST=URL" help:"Base URL to reach a host of users at instead, such as a mirror of github.com in the own network: HOST=URL;HOST=URL."`
}

// IPRanges are networks in CIDR notation, for firewalls of others. The default of
// each are the addresses of the machine.
type IPRanges struct {
	API           []string `env:"API" placeholder:"CIDR" help:"Networks (CIDR) at which clients reach this server, told at /api/meta/ip-ranges. Default: the machine's addresses."`
	Notifications []string `env:"NOTIFICATIONS" placeholder:"CIDR" help:"Networks (CIDR) from which this server sends notifications and run task requests."`
	Sentinel      []string `env:"SENTINEL" placeholder:"CIDR" help:"Networks (CIDR) from which policies connect."`
	VCS           []string `name:"vcs" env:"VCS" placeholder:"CIDR" help:"Networks (CIDR) from which this server connects to VCS providers."`
}

// Executor are the settings of who executes runs, on the server or on an agent's machine.
type Executor struct {
	WorkDir         string   `name:"work-dir" env:"PLUMBLINE_WORK_DIR" type:"path" placeholder:"DIR" help:"Folder for runs under way, engines and providers. It must lie outside of DATA-DIR, and nobody else may write to it. Default: a folder below /var/cache/plumbline for root, else below the user's cache folder."`
	Engine          []string `env:"PLUMBLINE_ENGINE" type:"path" placeholder:"FILE" help:"OpenTofu or Terraform binaries that runs use, comma-separated. Then nothing is fetched unless a mirror is named."`
	EngineMirror    string   `name:"engine-mirror" env:"PLUMBLINE_ENGINE_MIRROR" placeholder:"URL" help:"Where OpenTofu is fetched: URL/api.json lists the versions, URL/vVERSION/ has the files; \"official\" is where OpenTofu publishes it, and the default if no engine is given."`
	EngineKeys      string   `name:"engine-keys" env:"PLUMBLINE_ENGINE_KEYS" type:"path" placeholder:"FILE" help:"Public keys (ASCII-armored) that sign what is fetched from the mirror. Default: OpenTofu's."`
	TerraformMirror string   `name:"terraform-mirror" env:"PLUMBLINE_TERRAFORM_MIRROR" placeholder:"URL" help:"Where Terraform is fetched, laid out like releases.hashicorp.com/terraform. Default: Terraform is never fetched."`
	TerraformKeys   string   `name:"terraform-keys" env:"PLUMBLINE_TERRAFORM_KEYS" type:"path" placeholder:"FILE" help:"Public keys (ASCII-armored) that sign what is fetched from the Terraform mirror."`
	ProviderMirror  []string `name:"provider-mirror" env:"PLUMBLINE_PROVIDER_MIRROR" type:"path" placeholder:"DIR" help:"Filesystem mirrors of providers, packed or unpacked, that runs install from, comma-separated; what they do not have is fetched."`
	Registries      []string `name:"provider-registries" env:"PLUMBLINE_PROVIDER_REGISTRIES" default:"registry.opentofu.org,registry.terraform.io" placeholder:"HOST" help:"Public registries, comma-separated: providers from there are fetched once and shared by all runs on this machine. From other registries each run fetches for itself."`
	Sandbox         string   `env:"PLUMBLINE_SANDBOX" default:"auto" enum:"auto,bubblewrap,landlock" help:"How runs are isolated: auto is the best that works on this machine. Where nothing works, runs are refused."`
	SandboxEgress   string   `name:"sandbox-egress" env:"PLUMBLINE_SANDBOX_EGRESS" default:"required" enum:"required,optional" help:"Whether runs are refused where it cannot be judged to what they connect, as in a container without the capability SYS_PTRACE. With optional they then reach metadata services and whatever listens on this machine."`
	RunEnv          []string `name:"run-env" env:"PLUMBLINE_RUN_ENV" placeholder:"NAME" help:"Variables of this process's own environment that every run gets, comma-separated, such as HTTPS_PROXY,NO_PROXY. Default: none."`
	RunAllow        []string `name:"run-allow" env:"PLUMBLINE_RUN_ALLOW" placeholder:"IP:PORT" help:"Addresses of this machine or its link that runs may connect to although they are closed to them otherwise, comma-separated; port 0 is every port."`
	Scans           int      `env:"PLUMBLINE_SCANS" default:"-1" help:"Scans for drift at a time, beside runs, which never wait for them; -1 is two for each run at a time, as far as there is memory for them, 0 is none."`
	RunMemory       int64    `name:"run-memory" env:"PLUMBLINE_RUN_MEMORY" placeholder:"MiB" help:"Memory of the processes of a run. Default: no limit."`
}

// Agent are the settings of "plumbline agent".
type Agent struct {
	Address     string        `required:"" env:"PLUMBLINE_ADDRESS" placeholder:"URL" help:"Address of the server, such as https://plumbline.example.com."`
	Token       string        `required:"" env:"PLUMBLINE_AGENT_TOKEN" placeholder:"TOKEN" help:"Token of the agent pool. Set the environment variable: others on this machine can see arguments."`
	Name        string        `env:"PLUMBLINE_AGENT_NAME" placeholder:"NAME" help:"Name that the list of agents shows. Default: that of the machine."`
	Concurrency int           `env:"PLUMBLINE_CONCURRENCY" default:"1" help:"Runs at a time."`
	CA          string        `name:"ca" env:"PLUMBLINE_CA" type:"path" placeholder:"FILE" help:"Certificates (PEM) to trust beside the system's, such as the server's DATA-DIR/tls/ca.pem."`
	Grace       time.Duration `env:"PLUMBLINE_GRACE" default:"30s" help:"How long runs may go on once the agent was told to end (Ctrl-C, SIGTERM) before they are interrupted. A plan is then made by another agent, an apply ends as errored with the state it has."`
	Executor    `embed:""`
	LogLevel    string `name:"log-level" env:"PLUMBLINE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"What to log: debug, info, warn or error."`
	LogFormat   string `name:"log-format" env:"PLUMBLINE_LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`
}
