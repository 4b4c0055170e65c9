// Package words puts a verdict into words: one line, a description, and a short list of what
// changed. The words are those of the rules, never free prose, so the same findings always read
// the same. Values come from findings that are not masked, and everything that a cloud or a
// module could have named is escaped for Markdown.
package words

// Text is what people read.
type Text struct {
	Summary     string // plain text, one line of at most 200 characters: the worst first, then counts
	Description string // Markdown of at most 4,000 characters
	Brief       string // plain text, a line for each attribute, at most 60 lines
}
