package login_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/apptest"
)

const twoFactor = "/api/v2/account/two-factor"

// ask sends attributes to an address of the second factor and returns those of the answer.
func (b *browser) ask(path, attributes string) (int, map[string]any) {
	b.T.Helper()
	token := b.post("/app/settings/tokens", "description=api").value("secret")
	r := b.Do("POST", twoFactor+path, token, `{"data":{"type":"two-factors","attributes":{`+attributes+`}}}`)
	doc, _ := r.JSON()["data"].(map[string]any)
	out, _ := doc["attributes"].(map[string]any)
	if out == nil {
		out = map[string]any{"detail": r.Detail()}
	}
	return r.Status, out
}

func TestSecondFactorByTheAPI(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := loggedIn(s, "ada")
		const proof = `"current_password":"` + password + `"`
		if status, a := b.ask("", `"current_password":"wrong"`); status != 422 || !strings.Contains(fmt.Sprint(a["detail"]), "Current password is not right") {
			s.T.Errorf("POST without the password = %d %v", status, a)
		}
		status, a := b.ask("", proof)
		key, _ := a["secret"].(string)
		picture, _ := a["qr-code"].(map[string]any)
		if status != 200 || key == "" || a["enabled"] != false || !strings.HasPrefix(fmt.Sprint(a["uri"]), "otpauth://totp/Plumbline:ada?") {
			s.T.Fatalf("POST = %d %v, want a secret", status, a)
		}
		if size, _ := picture["size"].(float64); size < 21 || !regexp.MustCompile(`^(M\d+ \d+h\d+v1h-\d+z)+$`).MatchString(fmt.Sprint(picture["path"])) {
			s.T.Errorf("QR code = %v", picture)
		}
		code := func(at time.Time) string {
			c, err := totp.GenerateCode(key, at)
			if err != nil {
				s.T.Fatal(err)
			}
			return c
		}
		if status, a := b.ask("/actions/confirm", `"code":"000000"`); status != 422 {
			s.T.Errorf("a wrong code = %d %v", status, a)
		}
		if status, a := b.ask("/actions/renew-recovery-codes", proof); status != 409 {
			s.T.Errorf("recovery codes of a factor that is off = %d %v", status, a)
		}
		status, a = b.ask("/actions/confirm", `"code":"`+code(time.Now())+`"`)
		codes, _ := a["recovery-codes"].([]any)
		if status != 200 || a["enabled"] != true || len(codes) != 10 || a["recovery-codes-left"] != 10.0 || a["secret"] != nil {
			s.T.Fatalf("confirmation = %d %v, want ten recovery codes", status, a)
		}
		if status, _ := b.ask("/actions/confirm", `"code":"000000"`); status != 409 {
			s.T.Errorf("confirmation once more = %d, want 409", status)
		}
		recovery := codes[3].(string)
		if !regexp.MustCompile(`^([a-z2-9]{4}-){3}[a-z2-9]{4}$`).MatchString(recovery) {
			s.T.Errorf("recovery code = %q", recovery)
		}
		enter := func(code string) answer {
			guest := newBrowser(s)
			pending := guest.post("/app/login", "login=ada", "password="+password).value("pending")
			return guest.post("/app/login/code", "pending="+pending, "code="+code)
		}
		if r := enter(strings.ToUpper(strings.ReplaceAll(recovery, "-", " "))); r.Status != 303 {
			s.T.Errorf("login by a recovery code = %d %s", r.Status, r.says())
		}
		if r := enter(recovery); r.Status != 401 {
			s.T.Errorf("login by a recovery code that was used = %d, want 401", r.Status)
		}
		token := b.post("/app/settings/tokens", "description=shown").value("secret")
		shown := s.Do("GET", twoFactor, token, nil)
		if shown.Status != 200 || !strings.Contains(string(shown.Body), `"recovery-codes-left":9`) || strings.Contains(string(shown.Body), key) || strings.Contains(string(shown.Body), codes[1].(string)) {
			s.T.Errorf("GET = %d %s, want nine codes left and nothing secret", shown.Status, shown.Body)
		}
		if status, a = b.ask("/actions/renew-recovery-codes", proof); status != 200 || len(a["recovery-codes"].([]any)) != 10 {
			s.T.Errorf("new recovery codes = %d %v", status, a)
		}
		if r := enter(codes[1].(string)); r.Status != 401 {
			s.T.Errorf("login by a code of before = %d, want 401", r.Status)
		}
		if status, _ = b.ask("/actions/disable", `"current_password":""`); status != 422 {
			s.T.Errorf("turning it off without the password = %d, want 422", status)
		}
		if status, a = b.ask("/actions/disable", proof); status != 200 || a["enabled"] != false || a["recovery-codes-left"] != 0.0 {
			s.T.Errorf("turning it off = %d %v", status, a)
		}
		loggedIn(s, "ada")
	})
}

// TestRecoveryCodesOnThePage: without a script, the page shows them once.
func TestRecoveryCodesOnThePage(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := loggedIn(s, "ada")
		key := b.post("/app/settings/two-factor", "current_password="+password).value("key")
		code, err := totp.GenerateCode(key, time.Now())
		if err != nil {
			s.T.Fatal(err)
		}
		form := regexp.MustCompile(`<li class="secret">([a-z2-9-]{19})</li>`)
		r := b.post("/app/settings/two-factor/confirm", "code="+code)
		first := form.FindAllStringSubmatch(r.text(), -1)
		if r.Status != 200 || len(first) != 10 || r.says() != "The second factor is on." {
			s.T.Fatalf("confirmation = %d %s with %d codes", r.Status, r.says(), len(first))
		}
		if r := b.post("/app/settings/two-factor/recovery-codes", "current_password=wrong"); r.Status != 422 {
			s.T.Errorf("new codes without the password = %d, want 422", r.Status)
		}
		again := form.FindAllStringSubmatch(b.post("/app/settings/two-factor/recovery-codes", "current_password="+password).text(), -1)
		if len(again) != 10 || again[0][1] == first[0][1] {
			s.T.Errorf("new codes = %v, want ten others", again)
		}
		if strings.Contains(b.get("/app/settings/security").text(), again[0][1]) {
			s.T.Error("the page shows recovery codes again")
		}
	})
}
