// Package nesting tells whether configuration that strangers wrote is nested more deeply than
// what reads it bears.
//
// Parsers call themselves for what is nested, and what reads their trees does for long
// chains of operators too: a file of a megabyte could use up the stack, which no recover
// catches. So tokens, which are read without that, are counted first.
package nesting

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What is borne.
const (
	maxOpen  = 200  // brackets, quotes and templates that are open at one time
	maxDepth = 2000 // the same and operators, along one path of the tree
)

// TooDeep reports whether a file may be nested more deeply than its readers bear.
func TooDeep(src []byte, name string) bool {
	if strings.HasSuffix(name, ".json") {
		return deepJSON(src)
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return deep(tokens)
}

// deepJSON looks at JSON, whose texts may be templates. What is wrong with it is said by
// the parser.
func deepJSON(src []byte) bool {
	open := 0
	for d := json.NewDecoder(bytes.NewReader(src)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) || err != nil {
			return false
		}
		switch t := token.(type) {
		case json.Delim:
			if open--; t == '{' || t == '[' {
				open += 2
			}
		case string:
			if !strings.Contains(t, "${") && !strings.Contains(t, "%{") {
				continue
			}
			if tokens, _ := hclsyntax.LexTemplate([]byte(t), "", hcl.InitialPos); deep(tokens) {
				return true
			}
		}
		if open > maxOpen {
			return true
		}
	}
}

// closers are the tokens that open a level, with those that close it.
var closers = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenOBrace: hclsyntax.TokenCBrace, hclsyntax.TokenOBrack: hclsyntax.TokenCBrack, hclsyntax.TokenOParen: hclsyntax.TokenCParen,
	hclsyntax.TokenOQuote: hclsyntax.TokenCQuote, hclsyntax.TokenOHeredoc: hclsyntax.TokenCHeredoc,
	hclsyntax.TokenTemplateInterp: hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenTemplateControl: hclsyntax.TokenTemplateSeqEnd,
}

// operators are the tokens of which each makes the tree of an expression deeper.
const operators = string(hclsyntax.TokenStar) + string(hclsyntax.TokenSlash) + string(hclsyntax.TokenPlus) + string(hclsyntax.TokenMinus) + string(hclsyntax.TokenPercent) +
	string(hclsyntax.TokenEqualOp) + string(hclsyntax.TokenNotEqual) + string(hclsyntax.TokenLessThan) + string(hclsyntax.TokenLessThanEq) + string(hclsyntax.TokenGreaterThan) +
	string(hclsyntax.TokenGreaterThanEq) + string(hclsyntax.TokenAnd) + string(hclsyntax.TokenOr) + string(hclsyntax.TokenBang) + string(hclsyntax.TokenDot) +
	string(hclsyntax.TokenQuestion) + string(hclsyntax.TokenColon)

// level is what is between an opening token and the one that closes it.
type level struct {
	closer hclsyntax.TokenType
	lines  bool // a line ends what is in it
	run    int  // operators, and levels opened, since the last comma or line
	child  int  // the deepest level closed since then
	best   int  // the deepest of what was before
}

func (l *level) depth() int { return max(l.best, l.run+l.child) }

// deep adds up how deep the tree of the tokens can be at most.
func deep(tokens hclsyntax.Tokens) bool {
	stack, runs := []level{{lines: true}}, 0 // runs is the sum of those of the stack
	for _, t := range tokens {
		top := &stack[len(stack)-1]
		closer, opens := closers[t.Type]
		switch {
		case opens:
			top.run, runs = top.run+1, runs+1
			stack = append(stack, level{closer: closer, lines: t.Type == hclsyntax.TokenOBrace})
		case len(stack) > 1 && t.Type == top.closer:
			depth := top.depth() + 1
			runs -= top.run
			stack = stack[:len(stack)-1]
			parent := &stack[len(stack)-1]
			parent.child = max(parent.child, depth)
		case t.Type == hclsyntax.TokenComma || t.Type == hclsyntax.TokenNewline && top.lines:
			runs -= top.run
			top.best, top.run, top.child = top.depth(), 0, 0
		case strings.ContainsRune(operators, rune(t.Type)):
			top.run, runs = top.run+1, runs+1
		}
		if len(stack) > maxOpen || runs+stack[len(stack)-1].child > maxDepth {
			return true
		}
	}
	return false
}
