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
	Engine    string   `env:"PLUMBLINE_ENGINE" type:"path" placeholder:"FILE" help:"OpenTofu or Terraform binary for runs on the server. It is checked at the start; runs themselves are not built yet."`
	RootKey   string   `name:"root-key" env:"PLUMBLINE_ROOT_KEY" placeholder:"BASE64" help:"Root key, 32 bytes in base64. Default: DATA-DIR/root.key, made at the first start."`
	RateLimit float64  `name:"rate-limit" env:"PLUMBLINE_RATE_LIMIT" default:"0" help:"API requests a second for each token; 0 is no limit. HCP Terraform has 30."`
	Proxies   []string `name:"trusted-proxies" env:"PLUMBLINE_TRUSTED_PROXIES" placeholder:"CIDR" help:"Networks of proxies (CIDR) whose X-Forwarded-For and X-Forwarded-Proto count."`
	Metrics   string   `env:"PLUMBLINE_METRICS" placeholder:"HOST:PORT" help:"Address of a second listener with Prometheus metrics at /metrics. Default: none."`
	LogLevel  string   `name:"log-level" env:"PLUMBLINE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"What to log: debug, info, warn or error."`
	LogFormat string   `name:"log-format" env:"PLUMBLINE_LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`

	DeleteGrace time.Duration `name:"delete-grace" env:"PLUMBLINE_DELETE_GRACE" default:"168h" help:"How long states and configuration versions can be restored after they were soft-deleted."`

	IPRanges IPRanges `embed:"" prefix:"ip-ranges-" envprefix:"PLUMBLINE_IP_RANGES_"`

	// UnsafeSync makes SQLite leave writes to the operating system; tests set it.
	UnsafeSync bool `kong:"-"`
}

// IPRanges are networks in CIDR notation, for firewalls of others. The default of
// each are the addresses of the machine.
type IPRanges struct {
	API           []string `env:"API" placeholder:"CIDR" help:"Networks (CIDR) at which clients reach this server, told at /api/meta/ip-ranges. Default: the machine's addresses."`
	Notifications []string `env:"NOTIFICATIONS" placeholder:"CIDR" help:"Networks (CIDR) from which this server sends notifications and run task requests."`
	Sentinel      []string `env:"SENTINEL" placeholder:"CIDR" help:"Networks (CIDR) from which policies connect."`
	VCS           []string `name:"vcs" env:"VCS" placeholder:"CIDR" help:"Networks (CIDR) from which this server connects to VCS providers."`
}
