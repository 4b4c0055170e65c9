package mail

import (
	"bytes"
	"html"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown renders no raw HTML and no link with a scheme that runs code, which is how
// goldmark begins; pictures, which tell their server who reads the mail, become their text.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Linkify, extension.Table, extension.Strikethrough),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(noPictures{}, 1000))),
)

// HTML renders Markdown that anybody may have written as the HTML part of a mail.
func HTML(source string) string {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(source), &b); err != nil {
		return "<pre>" + html.EscapeString(source) + "</pre>"
	}
	return `<!doctype html><meta charset="utf-8"><body style="font-family:sans-serif">` + b.String() + `</body>`
}

// noPictures puts the description of each picture in its place.
type noPictures struct{}

// Transform implements parser.ASTTransformer.
func (noPictures) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var pictures []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && n.Kind() == ast.KindImage {
			pictures = append(pictures, n)
		}
		return ast.WalkContinue, nil
	})
	for _, p := range pictures {
		parent := p.Parent()
		for c := p.FirstChild(); c != nil; {
			next := c.NextSibling()
			parent.InsertBefore(parent, p, c)
			c = next
		}
		parent.RemoveChild(parent, p)
	}
}
