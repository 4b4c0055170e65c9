package site

import (
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// policy lets through the marks of text and links, and nothing that runs, loads, covers the page
// or takes input: no attribute but the address of a link, no picture, no style, no form.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "span", "br", "hr", "strong", "b", "em", "i", "u", "small", "code", "pre", "ul", "ol", "li", "blockquote", "h2", "h3", "h4")
	p.AllowAttrs("href").Matching(address).OnElements("a")
	return p
}()

// address is where a link may lead: to web pages, mail, this server, and within the page.
var address = regexp.MustCompile(`^(https?://[^\s"'<>\\]+|mailto:[^\s"'<>\\]+|/([^\s"'<>\\/][^\s"'<>\\]*)?|#[\w-]*)$`)

// clean is HTML without what the policy does not let through.
func clean(text string) string { return policy.Sanitize(text) }

// harmless is text as it was written if cleaning takes nothing out of it, and cleaned if it does:
// whoever edits it sees their own words, with no entities in place of quotation marks.
func harmless(text string) string {
	cleaned := clean(text)
	if slices.Equal(tokens(text), tokens(cleaned)) {
		return text
	}
	return cleaned
}

// tokens are what HTML means, written in one way.
func tokens(text string) (out []string) {
	z := html.NewTokenizer(strings.NewReader(text))
	for z.Next() != html.ErrorToken {
		out = append(out, z.Token().String())
	}
	return out
}
