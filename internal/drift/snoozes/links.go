package snoozes

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// lifetime is how long a link can be used.
const lifetime = 30 * 24 * time.Hour

// macSize is how much of the MAC a link carries, in bytes.
const macSize = 16

// grant is what a link allows: to silence a folder of a schedule for a number of days.
type grant struct {
	ScheduleID string
	Folder     string
	Days       int
	Expires    time.Time
}

// Link returns the address at which a folder of a schedule can be silenced for 1 to 365 days
// without a login. To open it shows a page; only its button acts, because mail scanners
// open what they find.
func (f *Feature) Link(scheduleID, folder string, days int) string {
	return f.Address() + verbs.Base + "/snooze/" + f.sign(grant{scheduleID, path.Clean(folder), min(max(days, 1), maxDays), time.Now().Add(lifetime)})
}

func (f *Feature) sign(g grant) string {
	id, _ := hex.DecodeString(g.ScheduleID)
	b := append(make([]byte, 0, 64), id...)
	b = binary.BigEndian.AppendUint16(b, uint16(g.Days))
	b = binary.BigEndian.AppendUint32(b, uint32(g.Expires.Unix()/60))
	b = append(b, g.Folder...)
	return base64.RawURLEncoding.EncodeToString(append(b, f.mac(b)...))
}

func (f *Feature) mac(b []byte) []byte {
	h := hmac.New(sha256.New, f.Key)
	h.Write(b)
	return h.Sum(nil)[:macSize]
}

// open reads what sign made.
func (f *Feature) open(token string) (grant, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 22+macSize {
		return grant{}, problem.NotFound
	}
	b, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, f.mac(b)) {
		return grant{}, problem.NotFound
	}
	g := grant{ScheduleID: hex.EncodeToString(b[:16]), Days: int(binary.BigEndian.Uint16(b[16:])), Expires: time.Unix(int64(binary.BigEndian.Uint32(b[18:]))*60, 0), Folder: string(b[22:])}
	if time.Now().After(g.Expires) {
		return g, &problem.Problem{Status: http.StatusGone, Title: "gone", Detail: "This link is more than 30 days old. A newer alert has a newer one."}
	}
	return g, nil
}

// pages serves links.
func (f *Feature) pages(r *api.Router) {
	at := r.At(verbs.Base)
	at.Raw("GET /snooze/{token}", authz.Anyone, f.page(func(_ *http.Request, _ grant, _ schedules.Schedule, p *page) error {
		p.Ask = true
		return nil
	}))
	at.Raw("POST /snooze/{token}", authz.Anyone, f.page(func(req *http.Request, g grant, s schedules.Schedule, p *page) error {
		until := time.Now().AddDate(0, 0, g.Days)
		p.Until = until.In(p.zone).Format("2006-01-02 15:04 MST")
		ctx := req.Context()
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			set, err := f.Set(ctx, s, g.Folder, until)
			if err != nil {
				return err
			}
			return audit.Write(ctx, f.DB, audit.Event{OrgID: s.OrgID, Action: "snooze", ResourceType: "drift-snoozes", ResourceID: set.ID})
		})
	}))
}

// page is what a link shows.
type page struct {
	Title    string
	Schedule string
	Folder   string
	Days     int
	Ask      bool
	Until    string // when it was done
	Error    string

	zone *time.Location
}

//go:embed page.html
var html string

var pageTemplate = template.Must(template.New("page").Parse(html))

// page answers a request to a link. Problems become a page too.
func (f *Feature) page(do func(req *http.Request, g grant, s schedules.Schedule, p *page) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, req *http.Request) error {
		p, status := page{Title: "Snooze alerts"}, http.StatusOK
		g, err := f.open(req.PathValue("token"))
		if err == nil {
			err = f.act(req, g, &p, do)
		}
		refused, ok := problem.From(err)
		switch {
		case errors.Is(err, problem.NotFound):
			status, p = http.StatusNotFound, page{Title: "Not found", Error: "This link is not complete, or what it is about was deleted."}
		case ok:
			status, p = refused.Status, page{Title: "Snooze alerts", Error: refused.Detail}
		case err != nil:
			return err
		}
		return write(w, status, p)
	}
}

func (f *Feature) act(req *http.Request, g grant, p *page, do func(*http.Request, grant, schedules.Schedule, *page) error) error {
	s, err := f.Schedules.Find(req.Context(), g.ScheduleID)
	if err != nil {
		return err
	}
	set, err := f.Schedules.Settings.Find(req.Context(), s.OrgID)
	if err != nil {
		return err
	}
	p.Schedule, p.Folder, p.Days, p.zone = s.Name, strings.TrimPrefix(g.Folder, "./"), g.Days, set.Location()
	return do(req, g, s, p)
}

func write(w http.ResponseWriter, status int, p page) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that went away is no error of ours
	return nil
}
