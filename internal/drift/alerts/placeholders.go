package alerts

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// render puts values in the place of placeholders: words of letters, digits and
// underscores that value knows, bare or as ${WORD}. It goes over the text once, so what is put in is
// never looked at again.
func render(text string, value func(name string) (string, bool)) string {
	var b strings.Builder
	each(text, func(part, name string) {
		if v, ok := value(name); ok && name != "" {
			b.WriteString(v)
			return
		}
		b.WriteString(part)
	})
	return b.String()
}

// namesIn returns the words of a text that may be placeholders.
func namesIn(text string) []string {
	var out []string
	each(text, func(_, name string) {
		if name != "" {
			out = append(out, name)
		}
	})
	return out
}

// each cuts a text into parts: words with their name, and what is between them with none.
// A word in ${} is one part with its braces.
func each(text string, do func(part, name string)) {
	for len(text) > 0 {
		if rest, ok := strings.CutPrefix(text, "${"); ok {
			if n := wordLength(rest); n > 0 && strings.HasPrefix(rest[n:], "}") {
				do(text[:n+3], rest[:n])
				text = text[n+3:]
				continue
			}
		}
		if n := wordLength(text); n > 0 {
			do(text[:n], text[:n])
			text = text[n:]
			continue
		}
		_, n := utf8.DecodeRuneInString(text)
		do(text[:n], "")
		text = text[n:]
	}
}

// wordLength is the length in bytes of the word that a text begins with.
func wordLength(text string) int {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(text)
}

// renderBody is render for a body that may be JSON: then values are put into its strings,
// and JSON it stays. Names of members are left alone.
func renderBody(body string, value func(name string) (string, bool)) string {
	if !isJSON(body) {
		return render(body, value)
	}
	var out bytes.Buffer
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var open []byte // '{' or '[' of what we are in
	isKey := false  // the next string of an object is a name
	done := 0
	for {
		token, err := dec.Token()
		if err != nil {
			break
		}
		end := int(dec.InputOffset())
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				open = append(open, byte(t))
				isKey = t == '{'
				continue
			}
			open = open[:len(open)-1]
		case string:
			if isKey {
				isKey = false
				continue
			}
			start := literal(body, done, end)
			out.WriteString(body[done:start])
			out.Write(quote(render(t, value)))
			done = end
		}
		isKey = len(open) > 0 && open[len(open)-1] == '{'
	}
	out.WriteString(body[done:])
	return out.String()
}

func isJSON(body string) bool { return json.Valid([]byte(body)) }

// literal is where the string literal begins that ends at end.
func literal(body string, from, end int) int {
	for i := end - 2; i >= from; i-- {
		if body[i] != '"' {
			continue
		}
		slashes := 0
		for j := i - 1; j >= from && body[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return from
}

func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always can be
	return bytes.TrimRight(b.Bytes(), "\n")
}
