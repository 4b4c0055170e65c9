package alerts

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// call is a request that a service wants.
type call struct {
	url    string
	header http.Header
	body   map[string]any
}

// services are those that an alert of type "shoutrrr" can reach, by the scheme of its URL. The
// URLs are those of the library Shoutrrr, whose own senders dial by themselves, past the
// rules of safehttp, and so are not used.
var services = map[string]func(u *url.URL, e Event, m message) ([]call, error){
	"discord": discord, "telegram": telegram, "mattermost": mattermost, "rocketchat": rocketchat, "googlechat": googlechat,
	"ntfy": ntfy, "gotify": gotify, "pushover": pushover, "opsgenie": opsgenie, "pagerduty": pagerduty,
}

// service sends a message to a service by its URL.
func (f *Feature) service(ctx context.Context, a Alert, e Event, m message) error {
	target, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return final{err}
	}
	calls, err := callsOf(target.Reveal(), e, m)
	if err != nil {
		return final{err}
	}
	for _, c := range calls {
		if err := f.postJSON(ctx, c.url, c.header, c.body); err != nil {
			return err
		}
	}
	return nil
}

// callsOf returns the requests of a service URL. Its errors do not repeat the URL.
func callsOf(raw string, e Event, m message) ([]call, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, errors.New("the address is no service URL such as discord://TOKEN@WEBHOOK-ID")
	}
	make, ok := services[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("there is no service %q; known are discord, googlechat, gotify, mattermost, ntfy, opsgenie, pagerduty, pushover, rocketchat and telegram", u.Scheme)
	}
	m.Subject = strings.TrimSpace(m.Subject)
	return make(u, e, m)
}

// parts are the segments of a path.
func parts(u *url.URL) []string {
	return strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
}

func wrong(form string) error { return errors.New("the address must look like " + form) }

func one(target string, header http.Header, body map[string]any) ([]call, error) {
	return []call{{target, header, body}}, nil
}

func titled(m message, max int) string { return cut(m.Subject+"\n"+m.Body, max) }

// discord: discord://TOKEN@WEBHOOK-ID (Discord, "Execute Webhook").
func discord(u *url.URL, _ Event, m message) ([]call, error) {
	if u.User.Username() == "" {
		return nil, wrong("discord://TOKEN@WEBHOOK-ID")
	}
	return one("https://discord.com/api/webhooks/"+url.PathEscape(u.Host)+"/"+url.PathEscape(u.User.Username()), nil,
		map[string]any{"content": cut(titled(m, 8000), 1900), "allowed_mentions": map[string]any{"parse": []string{}}})
}

// telegram: telegram://BOT-TOKEN@telegram?chats=CHAT,CHAT (Telegram Bot API, "sendMessage").
func telegram(u *url.URL, _ Event, m message) ([]call, error) {
	secret, _ := u.User.Password()
	chats := strings.FieldsFunc(u.Query().Get("chats"), func(r rune) bool { return r == ',' })
	if u.User.Username() == "" || secret == "" || len(chats) == 0 || len(chats) > 20 {
		return nil, wrong("telegram://BOT-TOKEN@telegram?chats=CHAT")
	}
	var out []call
	for _, chat := range chats {
		out = append(out, call{"https://api.telegram.org/bot" + url.PathEscape(u.User.Username()) + ":" + url.PathEscape(secret) + "/sendMessage", nil,
			map[string]any{"chat_id": chat, "text": titled(m, 4000), "disable_web_page_preview": true}})
	}
	return out, nil
}

// mattermost: mattermost://[USER@]HOST/TOKEN[/CHANNEL] (Mattermost, "Incoming webhooks").
func mattermost(u *url.URL, _ Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) == 0 || len(p) > 2 {
		return nil, wrong("mattermost://HOST/TOKEN")
	}
	body := map[string]any{"text": titled(m, 15_000)}
	if len(p) == 2 {
		body["channel"] = p[1]
	}
	if name := u.User.Username(); name != "" {
		body["username"] = name
	}
	return one("https://"+u.Host+"/hooks/"+url.PathEscape(p[0]), nil, body)
}

// rocketchat: rocketchat://HOST/TOKEN-A/TOKEN-B[/CHANNEL] (Rocket.Chat, "Incoming webhook").
func rocketchat(u *url.URL, _ Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) < 2 || len(p) > 3 {
		return nil, wrong("rocketchat://HOST/TOKEN-A/TOKEN-B")
	}
	body := map[string]any{"text": titled(m, 5000)}
	if len(p) == 3 {
		body["channel"] = "#" + strings.TrimPrefix(p[2], "#")
	}
	return one("https://"+u.Host+"/hooks/"+url.PathEscape(p[0])+"/"+url.PathEscape(p[1]), nil, body)
}

// googlechat: googlechat://chat.googleapis.com/v1/spaces/SPACE/messages?key=KEY&token=TOKEN.
func googlechat(u *url.URL, _ Event, m message) ([]call, error) {
	if u.Host != "chat.googleapis.com" || u.Query().Get("key") == "" || u.Query().Get("token") == "" {
		return nil, wrong("googlechat://chat.googleapis.com/v1/spaces/SPACE/messages?key=KEY&token=TOKEN")
	}
	return one("https://chat.googleapis.com"+u.EscapedPath()+"?"+u.Query().Encode(), nil, map[string]any{"text": titled(m, 4000)})
}

// ntfy: ntfy://[USER:PASSWORD@]HOST/TOPIC (ntfy, "Publish as JSON").
func ntfy(u *url.URL, e Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) != 1 {
		return nil, wrong("ntfy://HOST/TOPIC")
	}
	h := http.Header{}
	if password, ok := u.User.Password(); ok {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	return one("https://"+u.Host+"/", h, map[string]any{"topic": p[0], "title": m.Subject, "message": cut(m.Body, 4000), "priority": urgency(e, 5, 4, 3)})
}

// gotify: gotify://HOST[/PATH]/TOKEN (Gotify, "Push messages").
func gotify(u *url.URL, e Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) == 0 {
		return nil, wrong("gotify://HOST/TOKEN")
	}
	base := url.URL{Scheme: "https", Host: u.Host}
	return one(base.JoinPath(append(p[:len(p)-1:len(p)-1], "message")...).String(), http.Header{"X-Gotify-Key": {p[len(p)-1]}}, map[string]any{"title": m.Subject, "message": cut(m.Body, chatLimit), "priority": urgency(e, 8, 6, 4)})
}

// pushover: pushover://shoutrrr:API-TOKEN@USER-KEY (Pushover, "Pushing messages").
func pushover(u *url.URL, _ Event, m message) ([]call, error) {
	token, ok := u.User.Password()
	if !ok {
		return nil, wrong("pushover://shoutrrr:API-TOKEN@USER-KEY")
	}
	return one("https://api.pushover.net/1/messages.json", nil, map[string]any{"token": token, "user": u.Host, "title": m.Subject, "message": cut(m.Body, 1000)})
}

// opsgenie: opsgenie://api.opsgenie.com/API-KEY.
func opsgenie(u *url.URL, e Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) != 1 {
		return nil, wrong("opsgenie://api.opsgenie.com/API-KEY")
	}
	return opsgenieCalls("https://"+u.Host, p[0], e, m, ""), nil
}

// pagerduty: pagerduty://[events.pagerduty.com]/INTEGRATION-KEY.
func pagerduty(u *url.URL, e Event, m message) ([]call, error) {
	p := parts(u)
	if len(p) != 1 {
		return nil, wrong("pagerduty://events.pagerduty.com/INTEGRATION-KEY")
	}
	return pagerdutyCalls("https://"+u.Host, p[0], e, m, ""), nil
}

// urgency picks by severity: critical, high, or the rest.
func urgency(e Event, critical, high, rest int) int {
	switch e.Severity {
	case "critical":
		return critical
	case "high":
		return high
	}
	return rest
}
