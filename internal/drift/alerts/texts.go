package alerts

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/mail"
)

// Texts of an alert that has none of its own.
const (
	defaultSubject = "AI_SEVERITY drift in REPO FOLDER"
	defaultText    = "AI_SUMMARY\n\nREPO, folder FOLDER, branch BRANCH. Scanned DATE TIME TZ.\n\nAI_DESCRIPTION\n\n```\nOUTPUT_BRIEF\n```\n\nMore: SCAN_URL\nSilence for 3 days: SNOOZE_3\n"
	defaultChat    = "AI_SUMMARY\nREPO, folder FOLDER, branch BRANCH.\n\nOUTPUT_BRIEF\n\nMore: SCAN_URL\nSilence for 3 days: SNOOZE_3"
	defaultJSON    = `{"event":"EVENT","severity":"AI_SEVERITY","summary":"AI_SUMMARY","description":"AI_DESCRIPTION","repo":"REPO","folder":"FOLDER","branch":"BRANCH","commit":"COMMIT",` +
		`"date":"DATE","time":"TIME","timezone":"TZ","results":"OUTPUT_BRIEF","resources_drifted":"RESOURCES_DRIFTED","fingerprint":"FINGERPRINT","scan":"SCAN_URL","snooze_link":"SNOOZE_3"}`
)

// plainSubjects are those of events that are not about drift.
var plainSubjects = map[string]string{Failed: "Scan failed in REPO FOLDER", Recovered: "Scans work again in REPO FOLDER"}

func (a Alert) subject() string {
	if strings.TrimSpace(a.Subject) == "" {
		return defaultSubject
	}
	return a.Subject
}

func (a Alert) body() string {
	switch {
	case strings.TrimSpace(a.Body) != "":
		return a.Body
	case a.Type == Post:
		return defaultJSON
	case a.Type == Mail || a.Issues():
		return defaultText
	}
	return defaultChat
}

// placeholderNames are the placeholders, those of the documentation first. SNOOZE_3 stands for
// SNOOZE_1 to SNOOZE_365.
var placeholderNames = []string{"REPO", "FOLDER", "AI_SEVERITY", "AI_SUMMARY", "AI_DESCRIPTION", "OUTPUT", "OUTPUT_BRIEF", "DATE", "TIME", "TZ", "ADMIN_EMAILS", "SNOOZE_3",
	"SCAN_URL", "CONFIG_NAME", "BRANCH", "COMMIT", "RESOURCES_DRIFTED", "FINDINGS_JSON", "FINGERPRINT", "CHANGED_BY", "FIRST_SEEN", "EVENT"}

// outputLimit is how many bytes of OUTPUT a channel bears.
func (a Alert) outputLimit() int {
	switch a.Type {
	case GitHubIssue, GitLabIssue:
		return 50_000
	case Mail:
		return maxOutput
	case Post:
		return 256 << 10
	}
	return 2_500
}

// message is an event in the words of an alert.
type message struct {
	Subject, Body string
}

// words writes an event in the words of an alert.
func (f *Feature) words(ctx context.Context, a Alert, e Event) (message, error) {
	value, err := f.values(ctx, a, e)
	if err != nil {
		return message{}, err
	}
	subject := a.subject()
	if own, ok := plainSubjects[e.Kind]; ok && subject == defaultSubject {
		subject = own
	}
	m := message{Subject: mail.Line(render(subject, value), mail.MaxSubject)}
	if e.Kind == Test {
		m.Subject = mail.Line("[TEST] "+m.Subject, mail.MaxSubject)
	}
	m.Body = renderBody(a.body(), value)
	return m, nil
}

// values returns what stands for placeholders in an alert about an event.
func (f *Feature) values(ctx context.Context, a Alert, e Event) (func(name string) (string, bool), error) {
	admins, err := f.Admins(ctx, e.OrgID)
	if err != nil {
		return nil, err
	}
	name := e.Timezone
	if name == "" && f.TimeZone != nil {
		if name, err = f.TimeZone(ctx, e.OrgID); err != nil {
			return nil, err
		}
	}
	at := e.At.In(zone(name))
	link := ""
	if f.ScanURL != nil {
		link = f.ScanURL(ctx, e)
	}
	known := map[string]string{
		"REPO": e.Repo, "FOLDER": e.Folder, "AI_SEVERITY": e.Severity, "AI_SUMMARY": a.flat(cut(e.Summary, 400)), "AI_DESCRIPTION": e.Description,
		"OUTPUT": a.fenced(more(cut(e.Output, a.outputLimit()), e.Output, link)), "OUTPUT_BRIEF": a.fenced(cut(e.OutputBrief, a.outputLimit())),
		"DATE": at.Format("2006-01-02"), "TIME": at.Format("15:04:05"), "TZ": at.Format("MST"), "ADMIN_EMAILS": strings.Join(admins, ", "),
		"SCAN_URL": link, "CONFIG_NAME": e.ScheduleName, "BRANCH": e.Branch, "COMMIT": e.Commit, "RESOURCES_DRIFTED": strconv.Itoa(e.Drifted),
		"FINDINGS_JSON": a.fenced(string(e.Findings)), "FINGERPRINT": e.Fingerprint, "CHANGED_BY": e.ChangedBy, "FIRST_SEEN": since(e.FirstSeen), "EVENT": e.Kind,
	}
	return func(name string) (string, bool) {
		if v, ok := known[name]; ok {
			return a.unmarked(v), true
		}
		return f.snooze(e, name)
	}, nil
}

func (f *Feature) snooze(e Event, name string) (string, bool) {
	if link, ok := e.SnoozeLinks[name]; ok {
		return link, true
	}
	days, ok := snoozeDays(name)
	if !ok {
		return "", false
	}
	if f.Snooze == nil || e.ScheduleID == "" {
		return "", true
	}
	return f.Snooze(e.ScheduleID, e.Folder, days), true
}

// markdown reports whether the body is shown as Markdown.
func (a Alert) markdown() bool { return a.Type == Mail || a.Issues() }

// fenced keeps text from closing the code block that a template has put it into.
func (a Alert) fenced(s string) string {
	if !a.markdown() {
		return s
	}
	return strings.NewReplacer("```", "`\u200b`\u200b`", "~~~", "~\u200b~\u200b~").Replace(s)
}

// flat is one line.
func (a Alert) flat(s string) string { return mail.Line(s, 400) }

// unmarked keeps text from looking like the hidden mark of an issue.
func (a Alert) unmarked(s string) string {
	if !a.Issues() {
		return s
	}
	return strings.ReplaceAll(s, "<!--", "<\u200b!--")
}

// more adds where the rest of a shortened text is.
func more(short, long, link string) string {
	if len(short) == len(long) || link == "" {
		return short
	}
	return short + "\nThe rest: " + link
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// zone is the location of an IANA name, UTC if there is none.
func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}

// sample is an event for tests and previews.
func sample(a Alert, now time.Time) Event {
	return Event{
		Kind: Test, OrgID: a.OrgID, AlertID: a.ID, ScheduleName: "example", Repo: "acme/infrastructure", Branch: "main", Commit: "4f2c1d9", Folder: "network",
		Severity: "high", Summary: "[high] SSH (22) open to the world on aws_security_group.web; +1 more in 2 resources",
		Description: "**What changed**\n\n- `aws_security_group.web` `ingress[0].cidr_blocks`: `10.0.0.0/8` → `0.0.0.0/0`\n- `aws_instance.web` `tags.Owner`: `ops` → `unknown`\n\n" +
			"**What the next apply does**: it puts both back.",
		Output:      "# aws_security_group.web will be updated in-place\n~ ingress[0].cidr_blocks = [\"0.0.0.0/0\"] -> [\"10.0.0.0/8\"]\n",
		OutputBrief: "~ aws_security_group.web  ingress[0].cidr_blocks: 10.0.0.0/8 -> 0.0.0.0/0\n~ aws_instance.web  tags.Owner: ops -> unknown",
		Findings:    []byte(`[{"address":"aws_security_group.web","path":"ingress[0].cidr_blocks","kind":"drift","severity":"high"}]`),
		Drifted:     2, FirstSeen: now.Add(-time.Hour), At: now, Fingerprint: "example",
		SnoozeLinks: sampleLinks(a),
	}
}

// sampleLinks are links that silence nothing.
func sampleLinks(a Alert) map[string]string {
	links := map[string]string{}
	for _, text := range []string{a.subject(), a.body()} {
		for _, name := range namesIn(text) {
			if days, ok := snoozeDays(name); ok {
				links[name] = fmt.Sprintf("https://example.com/snooze/%d", days)
			}
		}
	}
	return links
}
