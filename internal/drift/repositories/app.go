package repositories

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// purpose is what a token of an installation is for; it may do no more.
type purpose string

const (
	reading purpose = "reading" // of one repository
	writing purpose = "writing" // one repository, with all that the app may do there
	listing purpose = "listing" // all repositories of the installation
)

var (
	appID          = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`) // a number, or a client id such as Iv23li…
	installationID = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// app takes in what clients say of a GitHub app.
func (r *Repository) app(in request, u *url.URL) error {
	if r.Type != GitHubApp {
		r.AppID, r.Installation = "", ""
		return nil
	}
	in.AppID.Into(&r.AppID)
	in.Install.Into(&r.Installation)
	r.AppID, r.Installation = strings.TrimSpace(r.AppID), strings.TrimSpace(r.Installation)
	switch {
	case u.Scheme == "ssh":
		return problem.Invalid("url", "A GitHub app reads repositories by https")
	case r.AppID == "":
		return problem.Invalid("app-id", "App id can't be blank").WithCode("field_required")
	case !appID.MatchString(r.AppID):
		return problem.Invalid("app-id", "App id must be the number or the client id of the app")
	case r.Installation == "":
		return problem.Invalid("installation-id", "Installation id can't be blank").WithCode("field_required")
	case !installationID.MatchString(r.Installation):
		return problem.Invalid("installation-id", "Installation id must be a number: the last part of the address of the installation's settings")
	}
	return nil
}

// parseKey reads the private key of an app.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("no RSA key")
	}
	return private, nil
}

// assertion is the JSON Web Token by which an app says who it is (GitHub, "Generating a JSON
// Web Token for a GitHub App"): of at most ten minutes, and begun a minute ago, as clocks differ.
func assertion(key *rsa.PrivateKey, app string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"iss": app, "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(8 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + encode(signature), err
}

// installations are tokens that are still good, by what they are for.
type installations struct {
	mu     sync.Mutex
	tokens map[string]installation
}

type installation struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// maxInstallations is how many tokens are kept.
const maxInstallations = 1000

// installationToken returns a token of the installation of an app, an hour's at most. It is
// used until five minutes before its end.
func (f *Feature) installationToken(ctx context.Context, r Repository, secret string, p purpose) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join([]string{secret, r.AppID, r.Installation, r.URL, string(p)}, "\n")))
	name, now := hex.EncodeToString(sum[:]), time.Now()
	f.minted.mu.Lock()
	known, ok := f.minted.tokens[name]
	f.minted.mu.Unlock()
	if ok && now.Before(known.ExpiresAt.Add(-5*time.Minute)) {
		return known.Token, nil
	}
	key, err := parseKey(secret)
	if err != nil {
		return "", &vcs.Error{Code: vcs.Denied, Message: "The private key of the app is damaged."}
	}
	jwt, err := assertion(key, r.AppID, now)
	if err != nil {
		return "", err
	}
	want := map[string]any{"repositories": []string{path.Base(r.FullName)}}
	if p == listing {
		want = map[string]any{"permissions": map[string]string{"metadata": "read"}}
	}
	if p == reading {
		want["permissions"] = map[string]string{"contents": "read", "metadata": "read"}
	}
	var made installation
	if err := f.github(ctx, r, http.MethodPost, "/app/installations/"+r.Installation+"/access_tokens", jwt, want, &made); err != nil {
		return "", err
	}
	f.minted.mu.Lock()
	defer f.minted.mu.Unlock()
	if f.minted.tokens == nil || len(f.minted.tokens) >= maxInstallations {
		f.minted.tokens = map[string]installation{}
	}
	f.minted.tokens[name] = made
	return made.Token, nil
}

// installed lists the repositories that an installation may read.
func (f *Feature) installed(ctx context.Context, r Repository) ([]string, error) {
	token, err := f.token(ctx, r, listing)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for page := 1; page <= 10; page++ {
		var list struct {
			Repositories []struct {
				FullName string `json:"full_name"`
			} `json:"repositories"`
		}
		if err := f.github(ctx, r, http.MethodGet, fmt.Sprintf("/installation/repositories?per_page=100&page=%d", page), token, nil, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Repositories {
			out = append(out, r.FullName)
		}
		if len(list.Repositories) < 100 {
			break
		}
	}
	return out, nil
}

// github makes a request to the API of a repository's host (REST API 2022-11-28). What it
// refuses is a *vcs.Error.
func (f *Feature) github(ctx context.Context, r Repository, method, at, token string, in, out any) error {
	u, err := vcs.Clean(r.URL)
	if err != nil {
		return err
	}
	var body io.Reader = http.NoBody
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, hosts["github"].api(u)+at, body)
	if err != nil {
		return err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}, "User-Agent": {"Plumbline"}}
	res, err := f.HTTP.Do(ctx, req)
	if p, refused := problem.From(err); refused {
		return &vcs.Error{Code: vcs.Refused, Message: p.Detail}
	}
	if err != nil {
		return &vcs.Error{Code: vcs.Unreachable, Message: "The API of " + u.Host + " cannot be reached."}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return &vcs.Error{Code: vcs.Unreachable, Message: "The API of " + u.Host + " breaks off."}
	}
	if res.StatusCode >= 300 {
		return appError(res.StatusCode, b)
	}
	if json.Unmarshal(b, out) != nil {
		return &vcs.Error{Code: vcs.Unreachable, Message: "The API of " + u.Host + " gave an answer that is not understood."}
	}
	return nil
}

// appError says what GitHub refused an app.
func appError(status int, b []byte) error {
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(b, &said)
	hint := map[int]string{
		http.StatusUnauthorized:        "the private key is not one of the app with this id",
		http.StatusForbidden:           "the installation is suspended, or may not do this",
		http.StatusNotFound:            "the app has no installation with this id",
		http.StatusUnprocessableEntity: "the installation has no access to the repository, or lacks a permission: it needs Contents and Metadata to read",
	}[status]
	code := vcs.Denied
	if hint == "" {
		code, hint = vcs.Unreachable, "try again later"
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, said.Message)
	return &vcs.Error{Code: code, Message: fmt.Sprintf("GitHub answers %d (%.200s): %s.", status, text, hint)}
}
