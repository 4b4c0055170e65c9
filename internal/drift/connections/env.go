package connections

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Assignment is a variable of an environment.
type Assignment struct{ Name, Value string }

// maxEnvironment is the size of the text of an environment in bytes.
const maxEnvironment = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseEnvironment reads lines such as KEY=VALUE, KEY="VALUE" and export KEY='VALUE'. The
// order is that of the text; of a name that comes twice, the last value counts.
//
// A value in double quotes may have \n, \" and \\; quoted values may have several lines.
// Nothing is expanded: secrets have dollar signs. An unquoted value ends at a line's end or
// at " #".
func parseEnvironment(text string) ([]Assignment, error) {
	if len(text) > maxEnvironment {
		return nil, fmt.Errorf("the environment is too large (maximum is %d bytes)", maxEnvironment)
	}
	p := parser{rest: strings.ReplaceAll(text, "\r\n", "\n"), line: 1}
	var out []Assignment
	for {
		a, ok, err := p.next()
		if err != nil || !ok {
			return out, err
		}
		if i := slices.IndexFunc(out, func(o Assignment) bool { return o.Name == a.Name }); i >= 0 {
			out[i] = a
		} else {
			out = append(out, a)
		}
	}
}

// parser is where in a text reading has come to.
type parser struct {
	rest string
	line int
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{p.line}, args...)...)
}

// take consumes n bytes.
func (p *parser) take(n int) string {
	s := p.rest[:n]
	p.rest = p.rest[n:]
	p.line += strings.Count(s, "\n")
	return s
}

// next reads one assignment, false at the end of the text.
func (p *parser) next() (a Assignment, ok bool, err error) {
	for {
		p.take(len(p.rest) - len(strings.TrimLeft(p.rest, " \t\n")))
		if p.rest == "" {
			return a, false, nil
		}
		if p.rest[0] != '#' {
			break
		}
		p.toLineEnd()
	}
	if after, found := strings.CutPrefix(p.rest, "export"); found && after != "" && (after[0] == ' ' || after[0] == '\t') {
		p.take(len(p.rest) - len(strings.TrimLeft(after, " \t")))
	}
	end := strings.IndexAny(p.rest, "=\n")
	if end < 0 || p.rest[end] != '=' {
		return a, false, p.fail("there is no =, as in KEY=VALUE")
	}
	a.Name = strings.TrimSpace(p.take(end))
	p.take(1)
	if !variableName.MatchString(a.Name) {
		return a, false, p.fail("%q is not the name of a variable", clip(a.Name))
	}
	a.Value, err = p.value()
	if err == nil && strings.ContainsRune(a.Value, 0) {
		err = p.fail("the value of %s has a NUL character", a.Name)
	}
	return a, err == nil, err
}

func (p *parser) toLineEnd() string {
	end := strings.IndexByte(p.rest, '\n')
	if end < 0 {
		end = len(p.rest)
	}
	return p.take(end)
}

func (p *parser) value() (string, error) {
	blank := p.take(len(p.rest)-len(strings.TrimLeft(p.rest, " \t"))) != ""
	if p.rest == "" || p.rest[0] != '"' && p.rest[0] != '\'' {
		line := p.toLineEnd()
		for i := range line {
			if line[i] == '#' && (i == 0 && blank || i > 0 && (line[i-1] == ' ' || line[i-1] == '\t')) {
				line = line[:i]
				break
			}
		}
		return strings.TrimSpace(line), nil
	}
	quote := p.rest[0]
	opened := p.line
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == quote:
			p.take(i + 1)
			return b.String(), p.afterQuote()
		case c == '\\' && quote == '"' && i+1 < len(p.rest) && strings.IndexByte(`n"\`, p.rest[i+1]) >= 0:
			i++
			b.WriteByte(map[byte]byte{'n': '\n', '"': '"', '\\': '\\'}[p.rest[i]])
		default:
			b.WriteByte(c)
		}
	}
	p.line = opened
	return "", p.fail("a quote is not closed")
}

// afterQuote takes what may follow a quoted value: blanks and a comment.
func (p *parser) afterQuote() error {
	rest := strings.TrimSpace(p.toLineEnd())
	if rest != "" && rest[0] != '#' {
		return p.fail("there is text after the closing quote")
	}
	return nil
}

// refused are the variables that would change how a scan runs instead of what it may read:
// programs, libraries, configuration files, proxies, certificates. A star stands at the
// end or the beginning of a name.
var refused = []string{
	"PATH", "HOME", "SHELL", "LD_*", "DYLD_*", "TMPDIR", "TMP", "TEMP", "ENV", "BASH_*", "IFS", "PWD", "USER", "LOGNAME",
	"TF_CLI_*", "TF_PLUGIN_*", "TF_REATTACH_PROVIDERS", "TF_DATA_DIR", "TF_LOG*", "TF_INPUT", "TF_IN_AUTOMATION", "TF_TEMP_*", "TF_FORCE_LOCAL_BACKEND",
	"GIT_*", "SSH_*", "*_PROXY", "SSL_CERT_*", "GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GOTRACEBACK", "XDG_*", "CURL_CA_BUNDLE", "PLUMBLINE_*",
	"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "AWS_CONTAINER_*", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE",
}

// CheckVariable returns why a variable must not be set for scans, nil if it may. TF_VAR_…
// may always be.
func CheckVariable(name string) error {
	if !variableName.MatchString(name) || len(name) > 255 {
		return fmt.Errorf("%q is not the name of a variable", clip(name))
	}
	if strings.HasPrefix(name, "TF_VAR_") {
		return nil
	}
	upper := strings.ToUpper(name)
	for _, r := range refused {
		before, wildEnd := strings.CutSuffix(r, "*")
		after, wildStart := strings.CutPrefix(r, "*")
		if upper == r || wildEnd && strings.HasPrefix(upper, before) || wildStart && strings.HasSuffix(upper, after) {
			return fmt.Errorf("%s must not be set: it would change how scans run", name)
		}
	}
	return nil
}

// public are the variables that hold no secret: to mask a region or a project would hide
// half of what is found.
var public = []string{
	"AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GOOGLE_REGION", "GOOGLE_ZONE",
	"ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID", "ARM_CLIENT_ID", "ARM_ENVIRONMENT", "ARM_USE_OIDC",
}

// IsSecret reports whether the value of a variable must be masked in what scans print.
func IsSecret(name string) bool { return !slices.Contains(public, name) }

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
