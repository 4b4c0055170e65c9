// Command testlog turns the output of `go test -json` on its standard input into what
// `go test` prints, and adds which tests were skipped and why: a skipped test proves
// nothing, so nobody should have to look for it. Its exit status is 1 if a test failed.
//
//	go test -json ./... | go run ./internal/apptest/cmd/testlog
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	l := log{out: os.Stdout, lines: map[name][]string{}, skipped: map[string][]name{}}
	if err := l.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(2)
	}
	l.summary()
	if l.failed {
		os.Exit(1)
	}
}

// event is one line of the stream, as `go doc test2json` describes it.
type event struct {
	Action, Package, Test, Output string
}

type name struct{ pkg, test string }

type log struct {
	out     io.Writer
	lines   map[name][]string // what tests that still run have printed
	passed  int
	skipped map[string][]name // by reason
	failed  bool
}

// read handles the stream. Lines that are no events, such as errors of the go command, are shown.
func (l *log) read(from io.Reader) error {
	r := bufio.NewReader(from) // not a Scanner: a line may have any length
	for {
		line, err := r.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			l.handle(e)
		} else {
			fmt.Fprint(l.out, line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *log) handle(e event) {
	of := name{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(l.out, e.Output)
	case "build-fail":
		l.failed = true
	case "output":
		l.output(of, e.Output)
	case "fail":
		l.failed = true
		fmt.Fprint(l.out, strings.Join(l.lines[of], ""))
		delete(l.lines, of)
	case "pass":
		if e.Test != "" {
			l.passed++
		}
		delete(l.lines, of)
	case "skip":
		if e.Test != "" {
			why := reason(l.lines[of])
			l.skipped[why] = append(l.skipped[why], of)
		}
		delete(l.lines, of)
	}
}

// output keeps the lines of a test until its fate is known, and shows those of a package.
func (l *log) output(of name, line string) {
	switch {
	case of.test != "":
		l.lines[of] = append(l.lines[of], line)
	case line == "PASS\n", strings.HasSuffix(line, "[no test files]\n"):
	default:
		fmt.Fprint(l.out, line)
	}
}

var position = regexp.MustCompile(`^\s+\S+\.go:\d+: `)

// reason is what a test said when it skipped itself: its last line with a position.
func reason(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if at := position.FindString(line); at != "" {
			return strings.TrimSpace(line[len(at):])
		}
	}
	return "no reason given"
}

func (l *log) summary() {
	skipped := 0
	for _, why := range slices.Sorted(maps.Keys(l.skipped)) {
		tests := l.skipped[why]
		skipped += len(tests)
		first := slices.MinFunc(tests, func(a, b name) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) })
		fmt.Fprintf(l.out, "skipped: %s (%d tests, the first is %s in %s)\n", why, len(tests), first.test, first.pkg)
	}
	verdict := "ok"
	if l.failed {
		verdict = "FAILED"
	}
	fmt.Fprintf(l.out, "%s: %d tests and subtests passed, %d skipped\n", verdict, l.passed, skipped)
}
