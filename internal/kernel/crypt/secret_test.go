package crypt_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/crypt"
)

const planted = "hunter2-planted"

func TestSecretIsNeverShown(t *testing.T) {
	type row struct {
		Name   string
		Secret crypt.Secret
		Maybe  *crypt.Secret
	}
	secret := crypt.Secret(planted)
	v := row{"AWS_KEY", secret, &secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s"} {
		for _, arg := range []any{secret, &secret, v, &v, []crypt.Secret{secret}, map[crypt.Secret]crypt.Secret{secret: secret}} {
			check(t, "fmt "+verb, fmt.Sprintf(verb, arg))
		}
	}
	if got, want := fmt.Sprintf("%v %s %#v", secret, secret, secret), "[redacted] [redacted] [redacted]"; got != want {
		t.Errorf("fmt = %s, want %s", got, want)
	}
	check(t, "error", fmt.Errorf("no access with %w and %v", fmt.Errorf("%s", secret), v).Error())

	check(t, "json", string(must(json.Marshal(map[string]any{"value": v, "list": []crypt.Secret{secret}}))))
	if got := string(must(json.Marshal(secret))); got != `"[redacted]"` {
		t.Errorf("json = %s, want \"[redacted]\"", got)
	}
	check(t, "xml", string(must(xml.Marshal(v))))

	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("set", "secret", secret, "row", v, "pointer", &secret, "any", []any{secret})
	}
	check(t, "slog", log.String())
	if !strings.Contains(log.String(), "[redacted]") {
		t.Errorf("slog = %s, want [redacted] in it", log.String())
	}

	if v, err := secret.Value(); err == nil || v != nil {
		t.Errorf("Value = %v, %v, want an error: a row gets it sealed", v, err)
	}
}

func TestSecretIsReadFromJSON(t *testing.T) {
	var in struct{ Value, Null crypt.Secret }
	in.Null = "kept"
	if err := json.Unmarshal([]byte(`{"Value": "hunter2-planted\n", "Null": null}`), &in); err != nil {
		t.Fatalf("Unmarshal = %v", err)
	}
	if got := in.Value.Reveal(); got != planted+"\n" {
		t.Errorf("Reveal = %q, want the text of the request", got)
	}
	if got := in.Null.Reveal(); got != "kept" {
		t.Errorf("Reveal after null = %q, want it untouched", got)
	}
	if err := json.Unmarshal([]byte(`{"Value": 5}`), &in); err == nil {
		t.Error("Unmarshal of a number = nil, want an error")
	}
}

func check(t *testing.T, by, text string) {
	t.Helper()
	for _, form := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%X", planted)} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", by, text)
		}
	}
}
