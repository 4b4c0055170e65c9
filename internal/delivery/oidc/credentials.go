package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Credentials are what the engine of a phase gets beside the variables of its workspace.
type Credentials struct {
	Env   []proto.Env
	Files []proto.File
}

// phase makes the credentials of one phase.
type phase struct {
	*Feature
	ctx      context.Context
	workload Workload
	env      map[string]string // variables of the workspace
	made     Credentials
}

// provider adds the credentials for one provider and tag, "" if it has none. The dynamic
// part is what the variable tfc_X_dynamic_credentials says of it.
type provider struct {
	audience string // unless the workspace names another
	add      func(p *phase, tag, audience string) (dynamic map[string]string, err error)
}

var providers = map[string]provider{
	"AWS":        {"aws.workload.identity", (*phase).aws},
	"GCP":        {"", (*phase).gcp},
	"AZURE":      {"api://AzureADTokenExchange", (*phase).azure},
	"VAULT":      {"vault.workload.identity", (*phase).vault},
	"KUBERNETES": {"kubernetes", (*phase).kubernetes},
	"HCP":        {"hcp.workload.identity", (*phase).hcp},
}

// Credentials returns what the environment variables of a workspace ask for: identity
// tokens (TFC_WORKLOAD_IDENTITY_AUDIENCE, …_AUDIENCE_TAG), and dynamic credentials of
// providers (TFC_AWS_PROVIDER_AUTH and so on). A wish that cannot be fulfilled, such as
// TFC_AWS_PROVIDER_AUTH without a role, is a problem in words for people.
func (f *Feature) Credentials(ctx context.Context, w Workload, env []proto.Env) (Credentials, error) {
	p := &phase{Feature: f, ctx: ctx, workload: w, env: map[string]string{}}
	for _, e := range env {
		p.env[e.Name] = e.Value
	}
	if err := p.tokens(); err != nil {
		return p.made, err
	}
	for _, name := range slices.Sorted(maps.Keys(providers)) {
		if err := p.provider(name, providers[name]); err != nil {
			return p.made, err
		}
	}
	return p.made, nil
}

// tag is what may follow the name of a variable, for several configurations.
var tag = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// tags returns which configurations of a variable there are: "" for the plain one, and
// those with a tag. "TYPE" is reserved.
func (p *phase) tags(variable string) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		rest, ok := strings.CutPrefix(name, variable)
		switch t, tagged := strings.CutPrefix(rest, "_"); {
		case !ok || p.env[name] == "":
		case rest == "":
			found = append(found, "")
		case tagged && tag.MatchString(t) && t != "TYPE":
			found = append(found, t)
		}
	}
	return found
}

// tokens makes those that are asked for as such.
func (p *phase) tokens() error {
	const asked = "TFC_WORKLOAD_IDENTITY_AUDIENCE"
	for _, t := range p.tags(asked) {
		token, err := p.Token(p.ctx, p.workload, p.env[tagged(asked, t)])
		if err != nil {
			return err
		}
		p.secret(tagged("TFC_WORKLOAD_IDENTITY_TOKEN", t), token)
	}
	return nil
}

// provider makes the credentials of a provider: the default ones, and those with tags,
// which configurations reach by the variable tfc_NAME_dynamic_credentials.
func (p *phase) provider(name string, kind provider) error {
	standard, aliases := map[string]string(nil), map[string]map[string]string{}
	for _, t := range p.tags("TFC_" + name + "_PROVIDER_AUTH") {
		if !strings.EqualFold(p.env[tagged("TFC_"+name+"_PROVIDER_AUTH", t)], "true") {
			continue
		}
		audience := cmp.Or(p.option("TFC_"+name+"_WORKLOAD_IDENTITY_AUDIENCE", t), kind.audience)
		dynamic, err := kind.add(p, t, audience)
		if err != nil {
			return err
		}
		switch {
		case dynamic == nil:
		case t == "":
			standard = dynamic
		default:
			aliases[t] = dynamic
		}
	}
	if standard == nil && len(aliases) == 0 {
		return nil
	}
	// Without a default one the attribute is there all the same: its type asks for it.
	value, err := json.Marshal(map[string]any{"default": standard, "aliases": aliases})
	if err != nil {
		return err
	}
	p.made.Env = append(p.made.Env, proto.Env{Name: "TF_VAR_tfc_" + strings.ToLower(name) + "_dynamic_credentials", Value: string(value), InFiles: true})
	return nil
}

// option is a variable of a configuration, or the one for all of them:
// TFC_DEFAULT_AWS_RUN_ROLE_ARN for TFC_AWS_RUN_ROLE_ARN.
func (p *phase) option(name, t string) string {
	if v := p.env[tagged(name, t)]; v != "" || t == "" {
		return v
	}
	return p.env["TFC_DEFAULT_"+strings.TrimPrefix(name, "TFC_")]
}

// byPhase is an option that plans and applies may have each for itself:
// TFC_AWS_PLAN_ROLE_ARN goes before TFC_AWS_RUN_ROLE_ARN.
func (p *phase) byPhase(prefix, suffix, t string) (string, error) {
	v := cmp.Or(p.option(prefix+"_"+strings.ToUpper(p.workload.Phase)+"_"+suffix, t), p.option(prefix+"_RUN_"+suffix, t))
	if v == "" {
		return "", missing(prefix, t, prefix+"_RUN_"+suffix)
	}
	return v, nil
}

// missing is the error of a configuration that lacks a variable.
func missing(prefix, t, variable string) error {
	return problem.Unprocessable("%s is set, but %s is not", tagged(prefix+"_PROVIDER_AUTH", t), tagged(variable, t))
}

// token writes a token for an audience to a file, and returns it and the path.
func (p *phase) token(provider, t, audience string) (token, path string, err error) {
	if token, err = p.Token(p.ctx, p.workload, audience); err != nil {
		return "", "", err
	}
	return token, p.file(provider, t, "token", token, true), nil
}

// file adds a file and returns its path.
func (p *phase) file(provider, t, name, text string, secret bool) string {
	file := strings.ToLower(tagged(provider, t)) + "_" + name
	p.made.Files = append(p.made.Files, proto.File{Name: file, Text: text, Sensitive: secret})
	return proto.Folder + "/" + file
}

// set adds an environment variable that holds no secret; it may name files.
func (p *phase) set(name, value string) {
	p.made.Env = append(p.made.Env, proto.Env{Name: name, Value: value, InFiles: strings.Contains(value, proto.Folder)})
}

// setIf adds an environment variable of the default configuration.
func (p *phase) setIf(t, name, value string) {
	if t == "" && value != "" {
		p.set(name, value)
	}
}

func (p *phase) secret(name, value string) {
	p.made.Env = append(p.made.Env, proto.Env{Name: name, Value: value, Sensitive: true})
}

func tagged(name, t string) string {
	if t == "" {
		return name
	}
	return name + "_" + t
}
