package details

// Limits of what makes the parsers of HCL and JSON call themselves: beyond these a file
// of some megabytes could use up the stack, which no recover catches.
const (
	maxOpen     = 1000   // brackets open at one time
	maxUnary    = 1000   // "!" and "-" in a row
	maxTernary  = 20_000 // "?" in a file
	maxSections = 20_000 // "%{" in a file
)

// tooDeep reports whether a file may be nested more deeply than a parser bears. It looks
// at bytes alone, those of comments and strings too.
func tooDeep(src []byte) bool {
	open, unary, ternary, sections := 0, 0, 0, 0
	for i, c := range src {
		switch c {
		case '(', '[', '{':
			open++
			if c == '{' && i > 0 && src[i-1] == '%' {
				sections++
			}
		case ')', ']', '}':
			open = max(0, open-1)
		case '?':
			ternary++
		}
		switch c {
		case '!', '-':
			unary++
		case ' ', '\t', '\r', '\n':
		default:
			unary = 0
		}
		if open > maxOpen || unary > maxUnary || ternary > maxTernary || sections > maxSections {
			return true
		}
	}
	return false
}
