package schedules

import (
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/drift/settings"
)

const example = "99d5d255c9104294aa3c419b2b76250a"

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestFourHundredDays walks through every change of the clocks in four zones: what is due
// each hour, day, week and month is due exactly that often, at its time where there is one.
func TestFourHundredDays(t *testing.T) {
	for _, name := range []string{"Australia/Sydney", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} {
		loc := zone(t, name)
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, loc)
		end := start.AddDate(0, 0, 400)
		for _, c := range []struct {
			frequency, offset string
			want              int
		}{
			{"hourly", "22", int(end.Sub(start) / time.Hour)}, {"every-15m", "3", int(end.Sub(start) / (15 * time.Minute))}, {"daily", "02:22", 400}, {"daily", "09:22", 400}, {"daily", "00:00", 400},
			{"every-6h", "02:30", 1600}, {"weekly", "sun 02:30", 57}, {"monthly", "1 02:22", 14}, {"cron:22 2 * * *", "", 400}, {"cron:0 * * * *", "", int(end.Sub(start) / time.Hour)},
		} {
			clock, err := NewClock(c.frequency, c.offset, example)
			if err != nil {
				t.Fatal(err)
			}
			n, days := 0, map[string]int{}
			last := start.Add(-time.Second)
			for at, ok := clock.Next(last, loc); ok && at.Before(end); at, ok = clock.Next(at, loc) {
				if !at.After(last) {
					t.Fatalf("%s %s in %s: %v after %v", c.frequency, c.offset, name, at, last)
				}
				n, last = n+1, at
				days[at.In(loc).Format("2006-01-02")]++
			}
			if n != c.want {
				t.Errorf("%s %s in %s is due %d times, want %d", c.frequency, c.offset, name, n, c.want)
			}
			for day, times := range days {
				if c.frequency == "daily" && times != 1 {
					t.Errorf("daily %s in %s is due %d times on %s", c.offset, name, times, day)
				}
			}
		}
	}
}

func TestChangesOfTheClocks(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	next := func(frequency, offset, after string) string {
		clock, err := NewClock(frequency, offset, example)
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339, after)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := clock.Next(from, berlin)
		return at.In(berlin).Format(time.RFC3339)
	}
	for _, c := range []struct{ frequency, offset, after, want string }{
		{"daily", "02:22", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00"}, // 02:22 is skipped
		{"daily", "02:22", "2026-03-29T03:00:00+02:00", "2026-03-30T02:22:00+02:00"},
		{"daily", "02:22", "2026-10-25T00:00:00+02:00", "2026-10-25T02:22:00+02:00"}, // it comes twice: the first
		{"daily", "02:22", "2026-10-25T02:22:00+02:00", "2026-10-26T02:22:00+01:00"},
		{"hourly", "22", "2026-10-25T02:22:00+02:00", "2026-10-25T02:22:00+01:00"}, // an hour later
		{"hourly", "22", "2026-03-29T01:22:00+01:00", "2026-03-29T03:22:00+02:00"},
		{"weekly", "mon 09:22", "2026-11-21T00:00:00+01:00", "2026-11-23T09:22:00+01:00"},
		{"weekly", "0", "2026-11-22T23:59:00+01:00", ""},
		{"monthly", "1 09:22", "2026-11-21T00:00:00+01:00", "2026-12-01T09:22:00+01:00"},
		{"cron:30 4 * * 1-5", "", "2026-11-21T00:00:00+01:00", "2026-11-23T04:30:00+01:00"},
		{"cron:0 0 29 2 *", "", "2026-11-21T00:00:00+01:00", "2028-02-29T00:00:00+01:00"},
		{"cron:0 12 13 * 5", "", "2026-11-12T13:00:00+01:00", "2026-11-13T12:00:00+01:00"}, // a 13th or a Friday
	} {
		got := next(c.frequency, c.offset, c.after)
		if c.want != "" && got != c.want {
			t.Errorf("%s %s after %s = %s, want %s", c.frequency, c.offset, c.after, got, c.want)
		}
	}
}

func TestOffsetsAndLabels(t *testing.T) {
	for _, c := range []struct{ frequency, offset, label string }{
		{"hourly", "22", "Every hour at :22"}, {"daily", "9", ""}, {"daily", "09:22", "Every day at 09:22 (Australia/Sydney)"},
		{"weekly", "mon 09:22", "Every Monday at 09:22 (Australia/Sydney)"}, {"monthly", "28 00:05", "Every month on day 28 at 00:05 (Australia/Sydney)"},
		{"every-5m", "", "Every 5 minutes"}, {"off", "", "Off"}, {"cron:5 4 * * *", "", "Cron 5 4 * * * (Australia/Sydney)"},
	} {
		clock, err := NewClock(c.frequency, c.offset, example)
		if err != nil || c.label != "" && clock.Label("Australia/Sydney") != c.label {
			t.Errorf("%s %s = %q, %v, want %q", c.frequency, c.offset, clock.Label("Australia/Sydney"), err, c.label)
		}
	}
	for _, bad := range [][2]string{{"hourly", "60"}, {"hourly", "x"}, {"daily", "24"}, {"daily", "9:5"}, {"daily", ":30"}, {"weekly", "7"}, {"weekly", "xyz"}, {"monthly", "29"}, {"monthly", "0"},
		{"every-7m", ""}, {"every-1m", ""}, {"every-24h", ""}, {"yearly", ""}, {"", ""}, {"cron:* * * * *", ""}, {"cron:1 2 3 4", ""}, {"cron:@hourly", ""}, {"cron:0 0 31 2 *", ""}, {"cron:58,0 * * * *", ""},
		{"cron:TZ=UTC 0 0 * *", ""}, {"weekly", "mon 09:22 x"}} {
		if _, err := NewClock(bad[0], bad[1], example); err == nil {
			t.Errorf("NewClock(%q, %q) = nil, want an error", bad[0], bad[1])
		}
	}
}

func TestSchedulesSpread(t *testing.T) {
	minutes := map[time.Time]int{}
	for i := range 600 {
		id := example[:29] + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/600))
		clock, err := NewClock("hourly", "", id)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := clock.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), settings.Settings{}.Location())
		minutes[at]++
	}
	if len(minutes) < 55 {
		t.Errorf("600 schedules fall on %d minutes of the hour, want nearly all 60", len(minutes))
	}
}
