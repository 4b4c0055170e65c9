package testruns

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// junit sends what came of a test run in the form of JUnit, which most systems for
// continuous integration read. It is made of the log, in which sensitive values are masked.
func (f *Feature) junit(ctx context.Context, w http.ResponseWriter, _ *http.Request, t TestRun) error {
	if !t.Status.final() {
		return problem.NotFound
	}
	report, err := readReport(f.Logs.Reader(ctx, t.ID))
	if err != nil {
		return err
	}
	body, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Disposition", `attachment; filename="`+t.ID+`.xml"`)
	_, _ = w.Write(append([]byte(xml.Header), append(body, '\n')...)) // a client that went away is no error of ours
	return nil
}

// report is the root of a document of JUnit.
type report struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []*suite `xml:"testsuite"`

	named map[string]*suite
}

// suite is a test file.
type suite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []*testCase `xml:"testcase"`

	named map[string]*testCase
}

// testCase is a run block.
type testCase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Seconds string   `xml:"time,attr,omitempty"`
	Failure *details `xml:"failure"`
	Error   *details `xml:"error"`
	Skipped *details `xml:"skipped"`

	began time.Time
}

type details struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// event is a line of "test -json".
type event struct {
	Type string    `json:"type"`
	At   time.Time `json:"@timestamp"`
	File string    `json:"@testfile"`
	Run  string    `json:"@testrun"`
	Test struct {
		Progress string `json:"progress"`
		Status   string `json:"status"`
	} `json:"test_run"`
	Diagnostic struct {
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Detail   string `json:"detail"`
		Range    *struct {
			Filename string `json:"filename"`
			Start    struct {
				Line int `json:"line"`
			} `json:"start"`
		} `json:"range"`
	} `json:"diagnostic"`
}

// maxLine is the size in bytes of the longest line that is read. Only plans and states are
// longer, which do not count here.
const maxLine = 1 << 20

// readReport reads the log of a test run.
func readReport(log io.Reader) (*report, error) {
	r, in := &report{named: map[string]*suite{}}, bufio.NewReaderSize(log, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = discardLine(in)
		} else if i := bytes.IndexByte(line, '{'); i >= 0 {
			var e event
			if json.Unmarshal(bytes.TrimRight(line[i:], "\x03\n"), &e) == nil {
				r.add(e)
			}
		}
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func discardLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (r *report) add(e event) {
	switch {
	case e.Type == "test_run" && e.Test.Progress == "starting":
		_, c := r.find(e)
		c.began = e.At
	case e.Type == "test_run" && e.Test.Progress == "complete":
		s, c := r.find(e)
		if !c.began.IsZero() {
			c.Seconds = fmt.Sprintf("%.3f", e.At.Sub(c.began).Seconds())
		}
		s.count(c, e.Test.Status)
	case e.Type == "diagnostic" && e.Diagnostic.Severity == "error" && e.Run != "":
		_, c := r.find(e)
		c.explain(e)
	}
}

// find returns the file and the run of an event.
func (r *report) find(e event) (*suite, *testCase) {
	s := r.named[e.File]
	if s == nil {
		s = &suite{Name: e.File, named: map[string]*testCase{}}
		r.Suites, r.named[e.File] = append(r.Suites, s), s
	}
	c := s.named[e.Run]
	if c == nil {
		c = &testCase{Name: e.Run, Class: e.File}
		s.Cases, s.named[e.Run] = append(s.Cases, c), c
		s.Tests++
	}
	return s, c
}

// count notes how a run ended.
func (s *suite) count(c *testCase, status string) {
	switch status {
	case "fail":
		s.Failures++
		c.Failure = &details{Message: "Test run failed"}
	case "error":
		s.Errors++
		c.Error = &details{Message: "Encountered an error"}
	case "skip", "pending":
		s.Skipped++
		c.Skipped = &details{Message: "Test run was not executed"}
	}
}

// explain adds a diagnostic to the run that it is of.
func (c *testCase) explain(e event) {
	into := c.Failure
	if into == nil {
		into = c.Error
	}
	if into == nil {
		return
	}
	d := e.Diagnostic
	into.Text += d.Summary + "\n"
	if d.Range != nil {
		into.Text += fmt.Sprintf("%s:%d\n", d.Range.Filename, d.Range.Start.Line)
	}
	if d.Detail != "" {
		into.Text += d.Detail + "\n"
	}
}
