package notifications

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Response is what a destination answered.
type Response struct {
	URL        string              `json:"url"`
	Body       string              `json:"body"` // its beginning
	Code       string              `json:"code"`
	Headers    map[string][]string `json:"headers"` // names in lower case
	SentAt     string              `json:"sent-at"` // RFC 3339, which go-tfe reads
	Successful string              `json:"successful"`
}

func (r Response) ok() bool { return r.Successful == "true" }

// Limits of a request and of what is kept of the answer.
const (
	sendTimeout = 10 * time.Second
	maxAnswer   = 1000 // bytes of the body
	maxHeaders  = 50
)

// notice is what is to be told, in the form of each destination.
type notice struct {
	generic any         // the document for webhooks
	title   string      // one line
	facts   [][2]string // names and values, for people
	link    string      // where to look, "" if nowhere
	linkTo  string      // what is there
}

// send tells a notice. The answer is nil for mail.
func (f *Feature) send(ctx context.Context, c Configuration, n notice) (*Response, error) {
	switch c.Destination {
	case Email:
		return nil, f.mail(ctx, c, n)
	case Slack:
		return f.post(ctx, c, n.slack(), false)
	case Teams:
		return f.post(ctx, c, n.teams(), false)
	}
	return f.post(ctx, c, n.generic, true)
}

// post sends a document, signed if it is a generic one and the configuration has a token.
func (f *Feature) post(ctx context.Context, c Configuration, doc any, signed bool) (*Response, error) {
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	address, err := f.open(ctx, c, c.SealedURL, "url")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, problem.Unprocessable("The URL is none.")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Plumbline")
	if signed {
		if err := f.sign(ctx, c, req, body); err != nil {
			return nil, err
		}
	}
	sentAt := db.Now()
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	start, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return &Response{
		URL: address.Reveal(), Body: strings.ReplaceAll(strings.ToValidUTF8(string(start), string(utf8.RuneError)), "\x00", ""), Code: strconv.Itoa(res.StatusCode), Headers: headers(res.Header),
		SentAt: sentAt.Format(time.RFC3339), Successful: strconv.FormatBool(res.StatusCode >= 200 && res.StatusCode < 300),
	}, nil
}

// sign adds the HMAC-SHA512 of the body by the token ("Notification authenticity").
func (f *Feature) sign(ctx context.Context, c Configuration, req *http.Request, body []byte) error {
	token, err := f.open(ctx, c, c.SealedToken, "token")
	if err != nil || token == "" {
		return err
	}
	mac := hmac.New(sha512.New, []byte(token.Reveal()))
	mac.Write(body)
	req.Header.Set("X-TFE-Notification-Signature", hex.EncodeToString(mac.Sum(nil)))
	return nil
}

// headers are those of an answer with names in lower case, cut to a number.
func headers(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		if len(out) < maxHeaders {
			out[strings.ToLower(name)] = values
		}
	}
	return out
}

// reason is why a request went wrong, in words for people: hosts, no paths.
func reason(err error) string {
	if p, ok := problem.From(err); ok {
		return p.Detail
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("there is no answer within %s", sendTimeout)
	}
	return err.Error()
}

// slack is a message for Slack's incoming webhooks. Text is escaped, so that nothing in it is a
// mention or a link.
func (n notice) slack() any {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	fields := []map[string]any{}
	for _, fact := range n.facts {
		fields = append(fields, map[string]any{"title": fact[0], "value": escape(fact[1]), "short": len(fact[1]) < 40})
	}
	attachment := map[string]any{"fallback": escape(n.title), "title": escape(n.linkTo), "fields": fields}
	if n.link != "" {
		attachment["title_link"] = n.link
	}
	return map[string]any{"text": escape(n.title), "attachments": []any{attachment}}
}

// teams is an adaptive card for a workflow of Microsoft Teams.
func (n notice) teams() any {
	facts := []map[string]string{}
	for _, fact := range n.facts {
		facts = append(facts, map[string]string{"title": fact[0], "value": fact[1]})
	}
	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"body": []any{
			map[string]any{"type": "TextBlock", "text": n.title, "weight": "Bolder", "size": "Medium", "wrap": true},
			map[string]any{"type": "FactSet", "facts": facts},
		},
	}
	if n.link != "" {
		card["actions"] = []any{map[string]any{"type": "Action.OpenUrl", "title": n.linkTo, "url": n.link}}
	}
	return map[string]any{"type": "message", "attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}}}
}

func (f *Feature) mail(ctx context.Context, c Configuration, n notice) error {
	to, err := f.recipients(ctx, c)
	if err != nil || len(to) == 0 {
		return err
	}
	var b strings.Builder
	b.WriteString(n.title + "\n\n")
	for _, fact := range n.facts {
		fmt.Fprintf(&b, "%s: %s\n", fact[0], mail.Line(fact[1], 500))
	}
	if n.link != "" {
		fmt.Fprintf(&b, "\n%s: %s\n", n.linkTo, n.link)
	}
	for part := range slices.Chunk(to, mail.MaxRecipients) {
		if err := f.Mail.Send(ctx, mail.Message{To: part, Subject: n.title, Text: b.String()}); err != nil {
			return err
		}
	}
	return nil
}

// recipients are who gets the mail of a configuration: its users and addresses, or, if there is none,
// the members of the team or of the teams of the project ("Create a notification
// configuration").
func (f *Feature) recipients(ctx context.Context, c Configuration) ([]string, error) {
	list, err := db.All[string](ctx, f.DB, `SELECT u.email FROM notification_users n JOIN users u ON u.id = n.user_id JOIN organization_memberships m ON m.user_id = u.id AND m.org_id = ?
		WHERE n.configuration_id = ? AND u.suspended = ? ORDER BY u.email`, c.OrgID, c.ID, false)
	if err != nil {
		return nil, err
	}
	list = append(list, c.EmailAddresses.V...)
	const members = `SELECT DISTINCT u.email FROM team_members t JOIN organization_memberships m ON m.id = t.membership_id JOIN users u ON u.id = m.user_id WHERE u.suspended = ? AND `
	switch {
	case len(list) > 0:
	case c.TeamID != nil:
		list, err = db.All[string](ctx, f.DB, members+`t.team_id = ? ORDER BY u.email`, false, *c.TeamID)
	case c.ProjectID != nil:
		list, err = db.All[string](ctx, f.DB, members+`t.team_id IN (SELECT team_id FROM team_projects WHERE project_id = ?) ORDER BY u.email`, false, *c.ProjectID)
	}
	slices.Sort(list)
	return slices.Compact(list), err
}
