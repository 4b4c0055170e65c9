package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStreamBecomesAReport(t *testing.T) {
	stream := strings.Join([]string{
		`{"Action":"start","Package":"a"}`,
		`{"Action":"output","Package":"a","Test":"TestGood","Output":"    a_test.go:1: noise\n"}`,
		`{"Action":"pass","Package":"a","Test":"TestGood"}`,
		`{"Action":"output","Package":"a","Test":"TestBad","Output":"    a_test.go:2: Read = 1, want 2\n"}`,
		`{"Action":"fail","Package":"a","Test":"TestBad"}`,
		`{"Action":"output","Package":"a","Test":"TestOff","Output":"    a_test.go:3: no tofu found\n"}`,
		`{"Action":"output","Package":"a","Test":"TestOff","Output":"--- SKIP: TestOff (0.00s)\n"}`,
		`{"Action":"skip","Package":"a","Test":"TestOff"}`,
		`{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}`,
		`{"Action":"fail","Package":"a"}`,
		`{"Action":"output","Package":"b","Output":"?   \tb\t[no test files]\n"}`,
		`{"Action":"skip","Package":"b"}`,
		`go: no such package c`,
	}, "\n")
	var out bytes.Buffer
	l := log{out: &out, lines: map[name][]string{}, skipped: map[string][]name{}}
	if err := l.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	l.summary()
	want := "    a_test.go:2: Read = 1, want 2\n" +
		"FAIL\ta\t0.1s\n" +
		"go: no such package c" +
		"skipped: no tofu found (1 tests, the first is TestOff in a)\n" +
		"FAILED: 1 tests and subtests passed, 1 skipped\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestFailureToBuildIsAFailure(t *testing.T) {
	var out bytes.Buffer
	l := log{out: &out}
	if err := l.read(strings.NewReader(`{"ImportPath":"a","Action":"build-output","Output":"a.go:1: undefined: x\n"}` + "\n" +
		`{"ImportPath":"a","Action":"build-fail"}`)); err != nil {
		t.Fatal(err)
	}
	if !l.failed || out.String() != "a.go:1: undefined: x\n" {
		t.Errorf("failed = %v, output = %q, want the error of the compiler", l.failed, out.String())
	}
}
