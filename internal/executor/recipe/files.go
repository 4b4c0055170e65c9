package recipe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// Files of the executor in a run's folder.
const (
	cliConfig  = own + "/cli.tfrc"
	stringVars = own + "/strings.tfvars.json"
	exprVars   = own + "/expressions.tfvars"
	sshKey     = own + "/ssh_key"
	caBundle   = own + "/ca.pem"
	ownFiles   = own + "/files"
)

// ours are variables of the environment that steer where an engine keeps things: a run
// cannot set them.
var ours = []string{"TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG", "TF_DATA_DIR", "TF_WORKSPACE", "TF_INPUT", "TF_IN_AUTOMATION", "TF_PLUGIN_CACHE_DIR", "TF_LOG_PATH", "CHECKPOINT_DISABLE"}

// equip writes the files that the engine needs beside the configuration, and makes the
// environment.
func (r *run) equip() error {
	if err := r.hide(); err != nil {
		return err
	}
	files := map[string]string{
		cliConfig:                 r.cliConfig(),
		path.Join(r.in, override): r.backend(),
		sshKey:                    crypt.Pasted(r.spec.SSHKey),
		caBundle:                  r.bundle(),
	}
	for _, f := range r.spec.Files {
		if f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, "/\\") {
			return fmt.Errorf("%q is no name of a file", f.Name)
		}
		files[path.Join(ownFiles, f.Name)] = r.inFiles(f.Text)
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := r.t.Write(name, strings.NewReader(text)); err != nil {
			return err
		}
	}
	if err := r.t.Root.MkdirAll(out, 0o700); err != nil {
		return err
	}
	r.env, r.allow = r.environment(), slices.Concat(r.Allow, addresses(r.ctx, r.spec.Address))
	return nil
}

// backend is the override file that replaces every backend and cloud block. Files are
// merged in the order of their names.
func (r *run) backend() string {
	if r.remote {
		return ""
	}
	up := strings.Repeat("../", strings.Count(filepath.ToSlash(r.in), "/")+1)
	return fmt.Sprintf("terraform {\n  backend \"local\" {\n    path          = %s\n    workspace_dir = %s\n  }\n}\n",
		quote(up+path.Join(stateDir, stateFile)), quote(up+path.Join(stateDir, "workspaces")))
}

// cliConfig is the configuration of the command line: the credential for the server, and
// where providers come from.
func (r *run) cliConfig() string {
	text := "disable_checkpoint = true\n"
	if r.spec.Host != "" && r.spec.Token != "" {
		text += fmt.Sprintf("credentials %s {\n  token = %s\n}\n", quote(r.spec.Host), quote(r.spec.Token))
	}
	if r.Providers != nil {
		text += r.Providers.Config()
	}
	return text
}

// bundle is the certificates of the system and that of the server.
func (r *run) bundle() string {
	if r.spec.CA == "" {
		return ""
	}
	return providers.Bundle(r.spec.CA)
}

// environment is what processes of the run get, and nothing else.
func (r *run) environment() []string {
	env := map[string]string{}
	maps.Copy(env, r.garbage())
	for _, pair := range r.Env {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	if r.spec.CA != "" {
		env["SSL_CERT_FILE"] = filepath.Join(r.t.Dir, caBundle)
	}
	if r.spec.SSHKey != "" {
		env["GIT_SSH_COMMAND"] = "ssh -i " + shellQuote(filepath.Join(r.t.Dir, sshKey)) + " -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new"
	}
	if r.spec.Debug {
		env["TF_LOG"] = "TRACE"
	}
	for _, e := range r.spec.Env {
		if e.Name != "" && !strings.ContainsAny(e.Name, "=\x00") && !strings.Contains(e.Value, "\x00") && !slices.Contains(ours, e.Name) {
			if env[e.Name] = e.Value; e.InFiles {
				env[e.Name] = r.inFiles(e.Value)
			}
		}
	}
	env["TF_CLI_CONFIG_FILE"] = filepath.Join(r.t.Dir, cliConfig)
	env["TF_IN_AUTOMATION"], env["TF_INPUT"], env["CHECKPOINT_DISABLE"] = "1", "0", "1"
	if r.workspace() != defaultName {
		env["TF_WORKSPACE"] = r.workspace()
	}
	if r.remote {
		env["TF_FORCE_LOCAL_BACKEND"] = "1" // a cloud block would plan elsewhere
	}
	if r.engine.Product == engine.OpenTofu {
		env["TOFU_IN_AUTOMATION"] = "1"
	}
	all := make([]string, 0, len(env))
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// inFiles is a text with the place of the files of the run in it.
func (r *run) inFiles(text string) string {
	return strings.ReplaceAll(text, proto.Folder, filepath.Join(r.t.Dir, ownFiles))
}

// addresses are those at which the server answers: a run may reach it also if it is on
// this machine.
func addresses(ctx context.Context, server string) []netip.AddrPort {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", cmp.Or(u.Port(), u.Scheme))
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		slog.WarnContext(ctx, "the server's own name is not known: runs may not reach it", "host", u.Hostname(), "err", err)
	}
	var all []netip.AddrPort
	for _, ip := range ips {
		all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return all
}

// variables writes input variables to files and returns the options that name them.
// Files on the command line win over all that a configuration sets itself.
func (r *run) variables(list []proto.Variable) ([]string, error) {
	last := map[string]proto.Variable{}
	for _, v := range list {
		last[v.Key] = v
	}
	texts, expressions := map[string]string{}, ""
	for _, key := range slices.Sorted(maps.Keys(last)) {
		v := last[key]
		switch {
		case !v.HCL:
			texts[key] = v.Value // of JSON, engines take strings in files of variables as they are
		case !identifier(key):
			return nil, failed("%q cannot be the name of a variable.", key)
		default:
			expressions += key + " = " + strings.TrimSpace(v.Value) + "\n"
		}
	}
	var options []string
	if len(texts) > 0 {
		b, err := json.Marshal(texts)
		if err != nil {
			return nil, err
		}
		if err := r.t.Write(stringVars, bytes.NewReader(b)); err != nil {
			return nil, err
		}
		options = append(options, "-var-file="+filepath.Join(r.t.Dir, stringVars))
	}
	if expressions != "" {
		if err := r.t.Write(exprVars, strings.NewReader(expressions)); err != nil {
			return nil, err
		}
		options = append(options, "-var-file="+filepath.Join(r.t.Dir, exprVars))
	}
	return options, nil
}

// identifier says whether text can stand on the left of an assignment in HCL.
func identifier(text string) bool {
	for i, c := range text {
		letter := c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z') || c > 0x7f
		if !letter && (i == 0 || (c != '-' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return text != ""
}

// shellQuote is text as one word of a shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// quote is text as a string of HCL.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "${", "$${", "%{", "%%{").Replace(text) + `"`
}
