package process_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// plants are secrets by what they are, and every answer that must not tell one.
type plants struct {
	*scene
	secrets map[string]string
	browser *http.Client
}

// refused sends a request that must fail without telling the secret that it carries.
func (p *plants) refused(method, path, secret, body string) {
	p.T.Helper()
	status, answer := p.Do(method, path, p.token, strings.NewReader(body))
	if status < 400 || status >= 500 {
		p.T.Errorf("%s %s = %d %s, want it refused", method, path, status, answer)
	}
	if bytes.Contains(answer, []byte(secret)) {
		p.T.Errorf("%s %s = %d %s: it tells the secret", method, path, status, answer)
	}
}

// form posts to a page and returns the answer's body, redirects followed.
func (p *plants) form(path string, values url.Values) string {
	p.T.Helper()
	req, err := http.NewRequestWithContext(p.T.Context(), "POST", p.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.browser.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.T.Fatal(err)
	}
	return string(b)
}

func (p *plants) plant(what, secret string) string {
	if len(secret) < 12 {
		p.T.Fatalf("the secret %s is %q: the test is wrong", what, secret)
	}
	p.secrets[what] = secret
	return secret
}

// TestPlantedSecretsAreNowhere: what is secret stands neither in the files of the server nor in
// its most talkative log, in no form in which it is easy to read.
func TestPlantedSecretsAreNowhere(t *testing.T) {
	t.Setenv("PLUMBLINE_LOG_LEVEL", "debug")
	jar, _ := cookiejar.New(nil)
	p := &plants{newScene(t), map[string]string{}, &http.Client{Jar: jar}}
	p.plant("administrator's token", p.token)
	p.person()
	p.variables()
	p.key()
	p.states()
	p.tokens()
	p.Kill()

	log := p.Log()
	if !bytes.Contains(log, []byte("level=DEBUG")) || !bytes.Contains(log, []byte("/app/settings/two-factor")) {
		t.Fatalf("the log does not tell of requests: the test looks at the wrong thing:\n%.2000s", log)
	}
	p.search("the log", log)
	searched := 0
	err := filepath.WalkDir(p.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		searched += bytes.Count(b, []byte("planted-workspace"))
		p.search(path, b)
		return err
	})
	if err != nil || searched == 0 {
		t.Errorf("searched %s and found nothing of the workspace, %v: the test looks at the wrong files", p.Dir, err)
	}
}

// search complains of secrets in b, as they are, in hex, and in base64 wherever it begins.
func (p *plants) search(where string, b []byte) {
	p.T.Helper()
	for what, secret := range p.secrets {
		forms := []string{secret, hex.EncodeToString([]byte(secret)), url.QueryEscape(secret)}
		for skip := range 3 {
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(secret[skip:len(secret)-(len(secret)-skip)%3])))
		}
		for _, form := range forms {
			if bytes.Contains(b, []byte(form)) {
				p.T.Errorf("%s holds the %s, as %.20q…", where, what, form)
			}
		}
	}
}

// person signs up, turns the second factor on, and logs in wrongly.
func (p *plants) person() {
	link := p.Admin("account-link", "--email", "ada@example.com")
	link = link[strings.Index(link, "/app/setup/"):]
	p.plant("link of a person", strings.TrimPrefix(link, "/app/setup/account/"))
	password := p.plant("password", "planted-password-horse")
	p.form(link, url.Values{"username": {"ada"}, "password": {password}, "password_confirmation": {password}})
	page := p.form("/app/settings/two-factor", url.Values{"current_password": {password}})
	key := regexp.MustCompile(`\b[A-Z2-7]{32}\b`).FindString(page)
	p.plant("key of the second factor", key)
	at, _ := url.Parse(p.URL)
	for _, c := range p.browser.Jar.Cookies(at) {
		p.plant("session", c.Value)
	}
	page = p.form("/app/settings/tokens", url.Values{"description": {"x"}, "days": {"30"}})
	p.plant("token of a page", regexp.MustCompile(`[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9]{67}`).FindString(page))
	wrong := p.plant("password that was wrong", "planted-wrong-battery")
	p.form("/app/login", url.Values{"login": {"ada"}, "password": {wrong}})
	p.refused("PATCH", "/api/v2/account/password", wrong, `{"data":{"attributes":{"current_password":"`+wrong+`","password":"`+wrong+`","password_confirmation":"`+wrong+`"}}}`)
}

func (p *plants) variables() {
	b := p.must("POST", "/api/v2/organizations/acme/workspaces", `{"data":{"type":"workspaces","attributes":{"name":"planted-workspace"}}}`)
	vars := "/api/v2/workspaces/" + attribute(b, "id") + "/vars"
	variable := func(value, more string) string {
		return fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":"k%d","value":%q,"category":"terraform"%s}}}`, len(p.secrets), value, more)
	}
	b = p.must("POST", vars, variable(p.plant("sensitive variable", "planted-sensitive-variable"), `,"sensitive":true`))
	if bytes.Contains(b, []byte("planted-sensitive")) {
		p.T.Errorf("POST of a sensitive variable = %s: it tells the value", b)
	}
	p.must("POST", vars, variable(p.plant("plain variable", "planted-plain-variable"), ""))
	set := attribute(p.must("POST", "/api/v2/organizations/acme/varsets", `{"data":{"type":"varsets","attributes":{"name":"s","global":true}}}`), "id")
	p.must("POST", "/api/v2/varsets/"+set+"/relationships/vars", variable(p.plant("variable of a set", "planted-variable-of-a-set"), `,"sensitive":true`))
	refused := p.plant("variable that was refused", "planted-refused-variable")
	p.refused("POST", vars, refused, strings.Replace(variable(refused, `,"sensitive":true`), "terraform", "nonsense", 1))
	p.refused("POST", vars, refused, variable(refused, `,"sensitive":"yes"`))
	p.refused("POST", vars, refused, variable(refused, `,"sensitive":true`)[:100])
}

func (p *plants) key() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.T.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.T.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	p.plant("SSH key", strings.Split(text, "\n")[1])
	document := func(value string) string {
		b, _ := json.Marshal(map[string]any{"data": map[string]any{"type": "ssh-keys", "attributes": map[string]string{"name": "k", "value": value}}})
		return string(b)
	}
	p.must("POST", "/api/v2/organizations/acme/ssh-keys", document(text))
	bad := p.plant("SSH key that was refused", "planted-refused-key")
	p.refused("POST", "/api/v2/organizations/acme/ssh-keys", bad, document("-----BEGIN PRIVATE KEY-----\n"+bad))
}

func (p *plants) states() {
	state := func(serial int, word string) []byte {
		return fmt.Appendf(nil, `{"version":4,"terraform_version":"1.5.7","serial":%d,"lineage":"l","outputs":{"o":{"value":%q,"type":"string","sensitive":true},"p":{"value":%q,"type":"string"}},"resources":[
			{"mode":"managed","type":"null_resource","name":"n","provider":"provider[\"registry.terraform.io/hashicorp/null\"]","instances":[{"attributes":{"id":%q}}]}]}`, serial,
			p.plant(word+" sensitive output", "planted-sensitive-output-"+word), p.plant(word+" output", "planted-plain-output-"+word), p.plant(word+" attribute", "planted-attribute-of-"+word))
	}
	versions := "/api/v2/workspaces/" + p.workspace + "/state-versions"
	p.must("POST", versions, create(2, state(2, "inline"), true))
	signed := state(3, "signed")
	b := p.must("POST", versions, create(3, signed, false))
	upload := attribute(b, "hosted-state-upload-url")
	p.plant("address of an upload", upload[strings.LastIndex(upload, "/")+1:])
	if status, answer := p.Do("PUT", upload, "", bytes.NewReader(signed)); status != 200 {
		p.T.Fatalf("PUT = %d %s", status, answer)
	}
	wrong := state(4, "refused")
	p.refused("POST", versions, "planted-attribute-of-refused", strings.Replace(create(4, wrong, true), fmt.Sprintf("%x", md5.Sum(wrong)), strings.Repeat("0", 32), 1))
	p.refused("POST", versions, "planted-attribute-of-refused", create(4, wrong[:len(wrong)-5], true))
	b = p.must("GET", "/api/v2/workspaces/"+p.workspace+"/current-state-version", "")
	download := attribute(b, "hosted-state-download-url")
	p.plant("address of a download", download[strings.LastIndex(download, "/")+1:])
	if _, got := p.Do("GET", download, "", nil); !bytes.Equal(got, signed) {
		p.T.Errorf("the state that came back has %d bytes, want %d", len(got), len(signed))
	}
}

func (p *plants) tokens() {
	document := `{"data":{"type":"authentication-tokens","attributes":{"description":"d"}}}`
	team := attribute(p.must("POST", "/api/v2/organizations/acme/teams", `{"data":{"type":"teams","attributes":{"name":"t"}}}`), "id")
	pool := attribute(p.must("POST", "/api/v2/organizations/acme/agent-pools", `{"data":{"type":"agent-pools","attributes":{"name":"p"}}}`), "id")
	for what, path := range map[string]string{"token of an organization": "/api/v2/organizations/acme/authentication-token",
		"token of a team": "/api/v2/teams/" + team + "/authentication-tokens", "token of agents": "/api/v2/agent-pools/" + pool + "/authentication-tokens"} {
		p.plant(what, attribute(p.must("POST", path, document), "token"))
	}
	if status, b := p.Do("GET", "/api/v2/organizations/acme", p.secrets["token of a team"], nil); status != 200 {
		p.T.Errorf("GET with the token of a team = %d %s", status, b)
	}
	p.plant("token that is none", "plantednotoken.atlasv1."+strings.Repeat("z", 67))
	if status, _ := p.Do("GET", "/api/v2/organizations/acme", p.secrets["token that is none"], nil); status != 401 {
		p.T.Errorf("GET with no token of ours = %d, want 401", status)
	}
}
