package schedules

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Clock says at which times by the wall clock a schedule is due.
//
// Around the change of clocks: a time that comes twice is due once, the first time; one that
// is skipped is due at the next minute that there is. What is due every hour is due every
// real hour.
type Clock struct {
	off                          bool
	everyHour                    bool // hours of the day do not matter
	minutes, hours, days, months uint64
	weekdays                     uint64 // 0 is Sunday
	anyDay, anyWeekday           bool   // if neither, one of the two suffices, as in cron
	label                        string
	zoned                        bool // the label is of a time of the day
}

const (
	all60 = 1<<60 - 1
	all24 = 1<<24 - 1
	all31 = 1<<32 - 2 // 1 to 31
	all12 = 1<<13 - 2 // 1 to 12
	all7  = 1<<7 - 1
)

var every = regexp.MustCompile(`^every-([0-9]{1,2})(m|h)$`)

// steps are the periods that divide the hour or the day, so that every day is alike.
var steps = map[string][]int{"m": {5, 6, 10, 12, 15, 20, 30}, "h": {1, 2, 3, 4, 6, 8, 12}}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parts are what offsets leave out, filled in by the schedule's id so that schedules spread.
type parts struct{ minute, hour, weekday, day int }

func spread(id string) parts {
	h := hash(id)
	return parts{minute: int(h % 60), hour: int(h / 60 % 24), weekday: int(h / 1440 % 7), day: int(h/10080%28) + 1}
}

func hash(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])
}

// NewClock reads frequency and offset. id fills in what the offset leaves out.
func NewClock(frequency, offset, id string) (Clock, error) {
	p := spread(id)
	c := Clock{days: all31, months: all12, weekdays: all7, anyDay: true, anyWeekday: true}
	offset = strings.ToLower(strings.TrimSpace(offset))
	var err error
	switch step := every.FindStringSubmatch(frequency); {
	case frequency == "off":
		return Clock{off: true, label: "Off"}, nil
	case strings.HasPrefix(frequency, "cron:"):
		return cronClock(strings.TrimSpace(strings.TrimPrefix(frequency, "cron:")))
	case frequency == "hourly":
		err = number(offset, &p.minute, 0, 59)
		c.everyHour, c.minutes, c.label = true, 1<<p.minute, fmt.Sprintf("Every hour at :%02d", p.minute)
		return c, offsetError(err, "a minute from 0 to 59")
	case step != nil:
		return c.every(step, offset, p)
	case frequency == "daily":
		err = timeOfDay(offset, &p)
		c.label = "Every day"
	case frequency == "weekly":
		err = dayAndTime(offset, &p.weekday, weekday, &p)
		c.anyWeekday, c.weekdays, c.label = false, 1<<p.weekday, "Every "+time.Weekday(p.weekday).String()
	case frequency == "monthly":
		err = dayAndTime(offset, &p.day, dayOfMonth, &p)
		c.anyDay, c.days, c.label = false, 1<<p.day, fmt.Sprintf("Every month on day %d", p.day)
	default:
		return c, problem.Invalid("frequency", "Frequency must be hourly, daily, weekly, monthly, every-5m … every-12h, cron:<5 fields> or off").WithCode("invalid_frequency")
	}
	c.minutes, c.hours, c.zoned = 1<<p.minute, 1<<p.hour, true
	c.label += fmt.Sprintf(" at %02d:%02d", p.hour, p.minute)
	return c, offsetError(err, map[string]string{"daily": "an hour from 0 to 23 or HH:MM", "weekly": "a day from 0 (Sunday) to 6, or a day and a time such as mon 09:22", "monthly": "a day from 1 to 28, or a day and a time such as 1 09:22"}[frequency])
}

// every is a Clock of every-5m to every-12h.
func (c Clock) every(step []string, offset string, p parts) (Clock, error) {
	n, _ := strconv.Atoi(step[1])
	if !slices.Contains(steps[step[2]], n) {
		return c, problem.Invalid("frequency", "Frequency %s must divide the %s: every-5m, 6m, 10m, 12m, 15m, 20m, 30m, every-1h, 2h, 3h, 4h, 6h, 8h or 12h", step[0], map[string]string{"m": "hour", "h": "day"}[step[2]]).WithCode("invalid_frequency")
	}
	if step[2] == "m" {
		minute := p.minute % n
		err := number(offset, &minute, 0, n-1)
		for m := minute; m < 60; m += n {
			c.minutes |= 1 << m
		}
		c.everyHour, c.label = true, fmt.Sprintf("Every %d minutes", n)
		return c, offsetError(err, fmt.Sprintf("a minute from 0 to %d", n-1))
	}
	hour := p.hour % n
	var err error
	if strings.Contains(offset, ":") {
		err = timeOfDay(offset, &p)
		hour = p.hour % n
	} else {
		err = number(offset, &p.minute, 0, 59)
	}
	c.minutes, c.everyHour = 1<<p.minute, n == 1
	for h := hour; h < 24; h += n {
		c.hours |= 1 << h
	}
	c.label = fmt.Sprintf("Every %d hours at :%02d", n, p.minute)
	if n == 1 {
		c.label = fmt.Sprintf("Every hour at :%02d", p.minute)
	}
	return c, offsetError(err, "a minute from 0 to 59 or HH:MM")
}

// cronClock reads the five fields of cron.
func cronClock(text string) (Clock, error) {
	bad := problem.Invalid("frequency", "%q is not the five fields of cron, such as 30 4 * * 1-5", text).WithCode("invalid_frequency")
	if len(strings.Fields(text)) != 5 || len(text) > 200 {
		return Clock{}, bad
	}
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	s, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return Clock{}, bad
	}
	const star = 1 << 63
	c := Clock{minutes: s.Minute & all60, hours: s.Hour & all24, days: s.Dom & all31, months: s.Month & all12, weekdays: s.Dow & all7,
		anyDay: s.Dom&star != 0, anyWeekday: s.Dow&star != 0, label: "Cron " + strings.Join(strings.Fields(text), " "), zoned: true}
	c.everyHour = c.hours == all24
	if bits.OnesCount64(c.minutes) > 12 {
		return c, problem.Invalid("frequency", "%q is due more often than every five minutes", text).WithCode("too_frequent")
	}
	if gap := c.shortest(); gap < 5 {
		return c, problem.Invalid("frequency", "%q is due again after %d minutes; the least is five", text, gap).WithCode("too_frequent")
	}
	if _, ok := c.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC); !ok {
		return c, problem.Invalid("frequency", "%q is never due", text).WithCode("invalid_frequency")
	}
	return c, nil
}

// shortest is the least number of minutes between two minutes of the set.
func (c Clock) shortest() int {
	last, first, gap := -1, -1, 60
	for m := range 60 {
		if c.minutes&(1<<m) == 0 {
			continue
		}
		if last >= 0 {
			gap = min(gap, m-last)
		} else {
			first = m
		}
		last = m
	}
	return min(gap, first+60-last)
}

func offsetError(err error, want string) error {
	if err == nil {
		return nil
	}
	return problem.Invalid("frequency-offset", "The offset of this frequency must be %s", want).WithCode("invalid_offset")
}

var errOffset = fmt.Errorf("schedules: bad offset")

// number reads a number; "" leaves the value as it is.
func number(s string, into *int, low, high int) error {
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return errOffset
	}
	*into = n
	return nil
}

// timeOfDay reads an hour or HH:MM.
func timeOfDay(s string, p *parts) error {
	hour, minute, both := strings.Cut(s, ":")
	if both && (hour == "" || len(minute) != 2) {
		return errOffset
	}
	if err := number(hour, &p.hour, 0, 23); err != nil {
		return err
	}
	return number(minute, &p.minute, 0, 59)
}

// dayAndTime reads a day, and maybe a time of the day after it.
func dayAndTime(s string, day *int, read func(string, *int) error, p *parts) error {
	words := strings.Fields(s)
	switch len(words) {
	case 0:
		return nil
	case 1:
		return read(words[0], day)
	case 2:
		if err := read(words[0], day); err != nil {
			return err
		}
		return timeOfDay(words[1], p)
	}
	return errOffset
}

func weekday(s string, into *int) error {
	if len(s) >= 3 {
		for i := range weekdays {
			if strings.HasPrefix(strings.ToLower(time.Weekday(i).String()), s) {
				*into = i
				return nil
			}
		}
	}
	return number(s, into, 0, 6)
}

func dayOfMonth(s string, into *int) error { return number(s, into, 1, 28) }

// Label says the Clock in words, with the zone where it matters.
func (c Clock) Label(zone string) string {
	if c.zoned {
		return c.label + " (" + zone + ")"
	}
	return c.label
}

// horizon is how far ahead Next looks: a 29th of February that is a Monday comes every 28
// years, or 40 around 2100.
const horizon = 41 * 366

// Next returns the first time after t at which the Clock is due, false if it never is.
func (c Clock) Next(t time.Time, loc *time.Location) (time.Time, bool) {
	if c.off {
		return time.Time{}, false
	}
	year, month, day := t.In(loc).AddDate(0, 0, -1).Date() // a skipped time of yesterday may be due today
	for i := range horizon {
		date := time.Date(year, month, day+i, 12, 0, 0, 0, time.UTC)
		if !c.onDay(date) {
			continue
		}
		if due, ok := c.nextOn(date, t, loc); ok {
			return due, true
		}
	}
	return time.Time{}, false
}

func (c Clock) onDay(date time.Time) bool {
	if c.months&(1<<date.Month()) == 0 {
		return false
	}
	day, weekday := c.days&(1<<date.Day()) != 0, c.weekdays&(1<<date.Weekday()) != 0
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// nextOn returns the first time after t that is due on a date.
func (c Clock) nextOn(date, t time.Time, loc *time.Location) (time.Time, bool) {
	if c.everyHour {
		return c.nextRealHour(date, t, loc)
	}
	for hour := range 24 {
		for minute := 0; c.hours&(1<<hour) != 0 && minute < 60; minute++ {
			if c.minutes&(1<<minute) == 0 {
				continue
			}
			if due := instant(date, hour, minute, loc); due.After(t) {
				return due, true
			}
		}
	}
	return time.Time{}, false
}

// nextRealHour looks at every minute of a date that there is.
func (c Clock) nextRealHour(date, t time.Time, loc *time.Location) (time.Time, bool) {
	due, end := instant(date, 0, 0, loc), instant(date.AddDate(0, 0, 1), 0, 0, loc)
	if next := t.Truncate(time.Minute).Add(time.Minute); next.After(due) {
		due = next
	}
	for ; due.Before(end); due = due.Add(time.Minute) {
		if c.minutes&(1<<due.In(loc).Minute()) != 0 {
			return due, true
		}
	}
	return time.Time{}, false
}

// instant is when clocks show a time: the first time if twice, the end of the gap if never.
func instant(date time.Time, hour, minute int, loc *time.Location) time.Time {
	wall := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, time.UTC)
	shown := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, loc)
	_, before := shown.Add(-24 * time.Hour).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	if shows(first.In(loc), wall) {
		return first.UTC()
	}
	if shows(shown, wall) {
		return shown.UTC()
	}
	start, _ := first.In(loc).ZoneBounds()
	return start.UTC()
}

func shows(t, wall time.Time) bool {
	return t.Hour() == wall.Hour() && t.Minute() == wall.Minute() && t.Day() == wall.Day()
}
