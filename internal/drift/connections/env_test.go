package connections

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentsAreParsed(t *testing.T) {
	text := "\n# a comment\nCLOUDFLARE_API_TOKEN=\"secret token goes here\"\nexport A=b c # not this\n  B = 'x $HOME \\n'  # nor this\nC=\"a\\nb\\\"\\\\ $HOME \\x\"\r\nD=\nE=a#b\nF=#c\nG= # d\n" +
		"KEY=\"-----BEGIN\nline\n-----END\"\nexported=1\nA=last"
	got, err := parseEnvironment(text)
	want := []Assignment{{"CLOUDFLARE_API_TOKEN", "secret token goes here"}, {"A", "last"}, {"B", `x $HOME \n`}, {"C", "a\nb\"\\ $HOME \\x"}, {"D", ""}, {"E", "a#b"}, {"F", "#c"}, {"G", ""},
		{"KEY", "-----BEGIN\nline\n-----END"}, {"exported", "1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseEnvironment: %v\n%s", err, diff)
	}
	for text, want := range map[string]string{"A": "line 1: there is no =", "\nA-B=1": `line 2: "A-B" is not the name`, "A=\"x": "line 1: a quote is not closed", "A=\"x\" y": "text after the closing quote",
		"1A=x": "is not the name", "A='\x00'": "NUL", strings.Repeat("x", 65<<10): "too large"} {
		if _, err := parseEnvironment(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseEnvironment(%.20q) = %v, want %q", text, err, want)
		}
	}
}

func TestDangerousVariablesAreRefused(t *testing.T) {
	for _, name := range []string{"PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "HOME", "SHELL", "TF_CLI_CONFIG_FILE", "TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_PLUGIN_CACHE_DIR", "TF_REATTACH_PROVIDERS",
		"TF_DATA_DIR", "TF_LOG", "TF_LOG_PATH", "GIT_SSH_COMMAND", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "GODEBUG", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "a b", "", "A=B"} {
		if CheckVariable(name) == nil {
			t.Errorf("CheckVariable(%q) = nil, want an error", name)
		}
	}
	for _, name := range []string{"TF_VAR_path", "TF_VAR_HTTP_PROXY", "CLOUDFLARE_API_TOKEN", "AWS_REGION", "GITHUB_TOKEN", "PATHS", "TF_WORKSPACE"} {
		if err := CheckVariable(name); err != nil {
			t.Errorf("CheckVariable(%q) = %v, want nil", name, err)
		}
	}
}

func FuzzParseEnvironment(f *testing.F) {
	for _, s := range []string{"A=b", `A="\n"`, "export A='b'\n#", "A=\"\n\"\n", "=", "A==b", "export", "export export=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseEnvironment(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, a := range list {
			if !variableName.MatchString(a.Name) || strings.ContainsRune(a.Value, 0) {
				t.Fatalf("parseEnvironment(%q) gave %q", text, a)
			}
			again.WriteString(a.Name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Value) + "\"\n")
		}
		if again.Len() > maxEnvironment {
			return
		}
		got, err := parseEnvironment(again.String())
		if diff := cmp.Diff(list, got); diff != "" || err != nil {
			t.Fatalf("written again: %v\n%s", err, diff)
		}
	})
}

func TestWorkloadsThatWouldActHereAreRefused(t *testing.T) {
	good := `{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/a","subject_token_type":"urn:ietf:params:aws:token-type:aws4_request",
		"token_url":"https://sts.googleapis.com/v1/token","service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken",
		"credential_source":{"environment_id":"aws1"SOURCE}}`
	if w, err := parseWorkload(strings.Replace(good, "SOURCE", "", 1)); err != nil || w.serviceAccount() != "a@b.iam.gserviceaccount.com" {
		t.Errorf("parseWorkload = %+v, %v", w, err)
	}
	for what, text := range map[string]string{
		"runs a program":   strings.Replace(good, "SOURCE", `,"executable":{"command":"id"}`, 1),
		"file":             strings.Replace(good, "SOURCE", `,"file":"/etc/passwd"`, 1),
		"credentials from": strings.Replace(strings.Replace(good, "SOURCE", `,"url":"http://x"`, 1), "aws1", "", 1),
		"token_url":        strings.Replace(strings.Replace(good, "SOURCE", "", 1), "https://sts.googleapis.com", "https://sts.googleapis.com.evil.example", 1),
		"impersonation":    strings.Replace(strings.Replace(good, "SOURCE", "", 1), "https://iamcredentials.googleapis.com", "https://evil.example", 1),
		"audience":         strings.Replace(strings.Replace(good, "SOURCE", "", 1), "//iam.googleapis.com/projects", "//evil/projects", 1),
		"type":             strings.Replace(strings.Replace(good, "SOURCE", "", 1), "external_account", "authorized_user", 1),
	} {
		if _, err := parseWorkload(text); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("parseWorkload with %s = %v, want an error about it", what, err)
		}
	}
}
