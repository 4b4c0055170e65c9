package masking

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValuesAreMasked(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nsecondlineofthekey\n-----END KEY-----\n"
	for name, tc := range map[string]struct {
		values     []string
		text, want string
	}{
		"as it is":            {[]string{"hunter2"}, "password = hunter2\n", "password = ***\n"},
		"twice":               {[]string{"hunter2"}, "hunter2hunter2,hunter2", "******,***"},
		"several":             {[]string{"alpha", "bravo"}, "alpha bravo charlie", "*** *** charlie"},
		"overlapping":         {[]string{"abcdef", "defghi"}, "xabcdefghix", "x***x"},
		"one in another":      {[]string{"abcdefgh", "cdef"}, "abcdefgh cdef abcdef", "*** *** ab***"},
		"a run of itself":     {[]string{"aaaa"}, "xaaaaaaaaax", "x***x"},
		"too short":           {[]string{"abc", ""}, "abc abc", "abc abc"},
		"four bytes":          {[]string{"abcd"}, "abc abcd", "abc ***"},
		"base64":              {[]string{"hunter2"}, base64.StdEncoding.EncodeToString([]byte("hunter2")), "***=="},
		"base64 of four":      {[]string{"abcd"}, base64.StdEncoding.EncodeToString([]byte("abcd")), "***=="},
		"base64 for URLs":     {[]string{"\xfb\xff\xfe?>?"}, base64.URLEncoding.EncodeToString([]byte("\xfb\xff\xfe?>?")), "***"},
		"JSON":                {[]string{`say "<hi>"`}, `{"a":"say \"\u003chi\u003e\"","b":"say \"<hi>\""}`, `{"a":"***","b":"***"}`},
		"lines of a key":      {[]string{key}, "  MIIEvQIBADANBgkqhkiG\n  secondlineofthekey\n", "  ***\n  ***\n"},
		"key in JSON":         {[]string{key}, `{"k":"` + strings.ReplaceAll(key, "\n", `\n`) + `"}`, `{"k":"***"}`},
		"nothing sensitive":   {nil, "plain\n", "plain\n"},
		"almost":              {[]string{"hunter2"}, "hunter hunte", "hunter hunte"},
		"broken off, resumed": {[]string{"ababac"}, "abababac", "ab***"},
		"not UTF-8":           {[]string{"\xff\xfe\xfd\xfc"}, "a\xff\xfe\xfd\xfcb", "a***b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := New(tc.values...).String(tc.text); got != tc.want {
				t.Errorf("String(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

func TestInsideLongerBase64ValuesAreMasked(t *testing.T) {
	for _, before := range []string{"", "u", "us", "user:", "user1:"} {
		text := base64.StdEncoding.EncodeToString([]byte(before + "correct-horse" + " and more"))
		got := New("correct-horse").String(text)
		if !strings.Contains(got, Mask) || len(got) > len(text)-10 {
			t.Errorf("String(base64 of %q and the value) = %q, want it masked", before, got)
		}
	}
}

// TestOnlyPossibleBeginningsAreHeldBack: a prompt must be seen before it is answered.
func TestOnlyPossibleBeginningsAreHeldBack(t *testing.T) {
	var b bytes.Buffer
	w := New("hunter2").Writer(&b)
	for _, step := range []struct{ write, want string }{
		{"Enter a value: ", "Enter a value: "},
		{"hunt", "Enter a value: "},
		{"ing", "Enter a value: hunting"},
		{"hunter", "Enter a value: hunting"},
		{"2", "Enter a value: hunting***"},
		{" hun", "Enter a value: hunting*** "},
	} {
		if n, err := w.Write([]byte(step.write)); n != len(step.write) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", step.write, n, err)
		}
		if b.String() != step.want {
			t.Errorf("after %q the log is %q, want %q", step.write, b.String(), step.want)
		}
	}
	if err := w.Flush(); err != nil || b.String() != "Enter a value: hunting*** hun" {
		t.Errorf("Flush = %v, the log is %q", err, b.String())
	}
}

func TestAFloodOfMatchesIsNotKept(t *testing.T) {
	w := New("aaaa").Writer(&bytes.Buffer{})
	chunk := bytes.Repeat([]byte("a"), 1000)
	for range 1000 {
		w.Write(chunk)
		if len(w.held) > 10 || len(w.covers) > 10 {
			t.Fatalf("the writer holds %d bytes and %d matches", len(w.held), len(w.covers))
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestErrorsOfTheLogComeThrough(t *testing.T) {
	if _, err := New("hunter2").Writer(full{}).Write([]byte("some text")); err == nil {
		t.Error("Write = nil, want the error of the writer below")
	}
}

// reference masks by trying every text at every place.
func reference(values []string, text string) string {
	covered := make([]int, len(text)+1) // number of the group that covers a byte, 0 if none
	group, end := 0, 0
	for i := range text {
		longest := 0
		for _, v := range values {
			for _, form := range forms(v) {
				if strings.HasPrefix(text[i:], form) {
					longest = max(longest, len(form))
				}
			}
		}
		if longest == 0 {
			continue
		}
		if i >= end {
			group++
		}
		end = max(end, i+longest)
		for j := i; j < i+longest; j++ {
			covered[j] = group
		}
	}
	var b strings.Builder
	for i := range text {
		switch {
		case covered[i] == 0:
			b.WriteByte(text[i])
		case i == 0 || covered[i-1] != covered[i]:
			b.WriteString(Mask)
		}
	}
	return b.String()
}

// TestNoValueSurvives plants values in every form, cuts the text anywhere, and compares
// with the reference.
func TestNoValueSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[ab<"é]{3,8}|[a-z]{4,20}`), 1, 5).Draw(t, "values")
		for i, v := range values {
			if len(v) < MinLen {
				values[i] = v + "abcd"
			}
		}
		var text strings.Builder
		for range rapid.IntRange(1, 12).Draw(t, "pieces") {
			text.WriteString(rapid.StringMatching(`[ab<"\\= \n]{0,6}`).Draw(t, "filler"))
			v := rapid.SampledFrom(values).Draw(t, "value")
			text.WriteString(rapid.SampledFrom(shown(v)).Draw(t, "form"))
		}
		got := chunked(t, New(values...), text.String())
		if want := reference(values, text.String()); got != want {
			t.Fatalf("masked %q\n got %q\nwant %q", text.String(), got, want)
		}
		for _, v := range values {
			for _, form := range shown(v) {
				if strings.Contains(got, strings.TrimRight(form, "=")) {
					t.Fatalf("%q survived as %q in %q", v, form, got)
				}
			}
		}
	})
}

// shown are the ways in which programs print v, made without the package under test.
func shown(v string) []string {
	quoted, _ := json.Marshal(v)
	return []string{v, base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)), string(quoted[1 : len(quoted)-1])}
}

// chunked masks text that comes in pieces.
func chunked(t *rapid.T, m *Masker, text string) string {
	var b bytes.Buffer
	w := m.Writer(&b)
	for len(text) > 0 {
		n := rapid.IntRange(1, min(len(text), 9)).Draw(t, "chunk")
		if _, err := w.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func BenchmarkMask(b *testing.B) {
	line := "aws_instance.web[0]: Still creating... [id=i-0123456789abcdef0, 10s elapsed] hunter and so on\n"
	chunk := []byte(strings.Repeat(line, 320)) // about 32 kB, as pipes give
	for _, n := range []int{0, 1, 20, 200} {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf("s3cr3t-value-number-%d-%d", i, i*i)
		}
		b.Run(fmt.Sprintf("%d values", n), func(b *testing.B) {
			w := New(values...).Writer(&bytes.Buffer{})
			w.to = discard{}
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				w.Write(chunk)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
