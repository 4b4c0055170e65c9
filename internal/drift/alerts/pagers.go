package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
)

// pager is a service that opens incidents and closes them.
type pager struct {
	base string // where it is unless the alert says otherwise
	key  string // what its key is called
	// calls are the requests about an event; link is where the scan is shown, "" if nowhere.
	calls func(base, key string, e Event, m message, link string) []call
}

var pagers = map[string]pager{
	PagerDuty: {"https://events.pagerduty.com", "integration key of an Events API v2 integration", pagerdutyCalls},
	Opsgenie:  {"https://api.opsgenie.com", "key of an API integration", opsgenieCalls},
}

// page opens, updates or ends the incident of an episode. A test ends the one that it opens.
func (f *Feature) page(ctx context.Context, a Alert, e Event, m message) error {
	base, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return final{err}
	}
	key, err := f.open(ctx, a, a.SealedSecret, "secret")
	if err != nil {
		return final{err}
	}
	link := ""
	if f.ScanURL != nil {
		link = f.ScanURL(ctx, e)
	}
	calls := pagers[a.Type].calls(strings.TrimRight(base.Reveal(), "/"), key.Reveal(), e, m, link)
	if e.Kind == Test {
		e.Kind = Resolved
		calls = append(calls, pagers[a.Type].calls(strings.TrimRight(base.Reveal(), "/"), key.Reveal(), e, m, link)...)
	}
	for _, c := range calls {
		if err := f.postJSON(ctx, c.url, c.header, c.body); err != nil {
			return err
		}
	}
	return nil
}

// pagerdutyCalls are those of an event (PagerDuty, "Events API v2").
func pagerdutyCalls(base, key string, e Event, m message, link string) []call {
	body := map[string]any{"routing_key": key, "event_action": "trigger", "dedup_key": e.key()}
	if e.over() {
		body["event_action"] = "resolve"
		return []call{{base + "/v2/enqueue", nil, body}}
	}
	body["payload"] = map[string]any{"summary": cut(m.Subject, 1024), "source": source(e), "severity": grade(e, "critical", "error", "warning", "info"), "component": e.Folder, "group": e.Repo, "class": "drift",
		"custom_details": map[string]any{"text": cut(m.Body, chatLimit), "resources_drifted": e.Drifted, "fingerprint": e.Fingerprint}}
	if link != "" {
		body["client"], body["client_url"] = "Plumbline", link
	}
	return []call{{base + "/v2/enqueue", nil, body}}
}

// opsgenieCalls are those of an event (Opsgenie, "Alert API"). The alias makes one alert of an
// episode.
func opsgenieCalls(base, key string, e Event, m message, link string) []call {
	h := http.Header{"Authorization": {"GenieKey " + key}}
	if e.over() {
		return []call{{base + "/v2/alerts/" + url.PathEscape(e.key()) + "/close?identifierType=alias", h, map[string]any{"source": "Plumbline", "note": cut(m.Subject, 1000)}}}
	}
	details := map[string]string{"repository": e.Repo, "branch": e.Branch, "folder": e.Folder, "severity": e.Severity}
	if link != "" {
		details["scan"] = link
	}
	return []call{{base + "/v2/alerts", h, map[string]any{"message": cut(m.Subject, 130), "alias": e.key(), "description": cut(m.Body, 15_000), "source": "Plumbline", "entity": cut(source(e), 512),
		"tags": []string{"drift"}, "details": details, "priority": grade(e, "P1", "P2", "P3", "P5")}}}
}

// source names what drifts.
func source(e Event) string {
	if e.Repo == "" {
		return e.ScheduleName + " " + e.Folder
	}
	return e.Repo + "/" + e.Folder
}

// key is what the events of one episode share at services that put them together: at most 64 characters
// behind its kind. What fails to be scanned is another matter than what drifts.
func (e Event) key() string {
	switch {
	case e.Kind == Test:
		return "plumbline:test:" + e.AlertID
	case e.EpisodeID != "" && len(e.EpisodeID) <= 64:
		return "plumbline:" + e.EpisodeID
	}
	sum := sha256.Sum256([]byte(e.ScheduleID + "\n" + e.Folder + "\n" + e.EpisodeID))
	return "plumbline:folder:" + hex.EncodeToString(sum[:16])
}

// grade picks by severity: critical, high, the middle, or what is least.
func grade(e Event, critical, high, middle, least string) string {
	switch e.Severity {
	case "critical":
		return critical
	case "high":
		return high
	case "medium":
		return middle
	}
	return least
}
