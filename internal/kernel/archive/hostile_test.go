package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

type hostile struct {
	archive []byte
	limits  Limits
	want    string // words of the problem
}

func linkTo(name, target string) item { return item{name: name, flag: tar.TypeSymlink, link: target} }

func hostiles(t testing.TB) map[string]hostile {
	t.Helper()
	good := tgz(t, item{name: "a", body: "a"})
	raw := tarOf(t, item{name: "a", body: "a"})
	noise := make([]byte, 1000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	chain := []item{}
	for i := range 10 {
		chain = append(chain, linkTo(fmt.Sprint("l", i), fmt.Sprint("l", i+1)))
	}
	badSum := slices.Clone(good)
	badSum[len(badSum)-6] ^= 1
	noisy := gz(append(bytes.Clone(raw[:1024]), noise...))
	return map[string]hostile{
		"dot-dot":                     {archive: tgz(t, item{name: "../out/x"}), want: `archive entry "../out/x" leaves the folder`},
		"dot-dot inside":              {archive: tgz(t, item{name: "a/../b"}), want: "leaves the folder"},
		"dot-dot folder":              {archive: tgz(t, item{name: "../", flag: tar.TypeDir}), want: "leaves the folder"},
		"dot-dot link":                {archive: tgz(t, linkTo("../l", "x")), want: "leaves the folder"},
		"absolute":                    {archive: tgz(t, item{name: "/tmp/x"}), want: "has an absolute path"},
		"file without a name":         {archive: tgz(t, item{name: "./."}), want: "has no name"},
		"link out":                    {archive: tgz(t, linkTo("l", "../out")), want: `"l" is a symbolic link to "../out", which leaves the folder`},
		"link out from below":         {archive: tgz(t, linkTo("a/b/l", "../../../out")), want: "leaves the folder"},
		"link out and back":           {archive: tgz(t, linkTo("l", "../in/x")), want: "leaves the folder"},
		"absolute link":               {archive: tgz(t, linkTo("l", "/etc/passwd")), want: "leaves the folder"},
		"link to nothing":             {archive: tgz(t, linkTo("l", "")), want: "symbolic link to nothing"},
		"file through a link":         {archive: tgz(t, linkTo("l", "../out"), item{name: "l/victim", body: "x"}), want: `"l/victim" goes through the symbolic link "l"`},
		"file through an inner link":  {archive: tgz(t, item{name: "d/", flag: tar.TypeDir}, linkTo("l", "d"), item{name: "l/f", body: "x"}), want: "goes through"},
		"link over a used folder":     {archive: tgz(t, item{name: "l/f", body: "x"}, linkTo("l", "../out")), want: "is a folder and something else"},
		"folder over a link":          {archive: tgz(t, linkTo("l", "../out"), item{name: "l", flag: tar.TypeDir}), want: "is a folder and something else"},
		"file over a folder":          {archive: tgz(t, item{name: "l", flag: tar.TypeDir}, item{name: "l"}), want: "is a folder and something else"},
		"below a file":                {archive: tgz(t, item{name: "f"}, item{name: "f/g"}), want: `lies below the file "f"`},
		"chain that climbs":           {archive: tgz(t, linkTo("a/b/up", "../.."), linkTo("l", "a/b/up/../out")), want: "leaves the folder"},
		"chain in any order":          {archive: tgz(t, linkTo("l", "z/.."), linkTo("z", "d/e/.."), linkTo("d", ".")), want: "leaves the folder"},
		"loop":                        {archive: tgz(t, linkTo("a", "b"), linkTo("b", "a")), want: "passes through more than 8 links"},
		"link to itself":              {archive: tgz(t, linkTo("a", "a/x")), want: "passes through more than 8 links"},
		"long chain":                  {archive: tgz(t, chain...), want: "passes through more than 8 links"},
		"many long links":             {archive: tgz(t, manyLinks(400)...), want: "too many symbolic links", limits: Limits{Entries: 1000}},
		"hard link":                   {archive: tgz(t, item{name: "h", flag: tar.TypeLink, link: "../out/victim"}), want: "is a hard link"},
		"device":                      {archive: tgz(t, item{name: "d", flag: tar.TypeChar}), want: "is a device"},
		"block device":                {archive: tgz(t, item{name: "d", flag: tar.TypeBlock}), want: "is a device"},
		"pipe":                        {archive: tgz(t, item{name: "p", flag: tar.TypeFifo}), want: "is a named pipe"},
		"unknown type":                {archive: tgz(t, item{name: "p", flag: 'Z'}), want: "of an unknown type"},
		"long path":                   {archive: tgz(t, item{name: strings.Repeat("a/", 512) + "b"}), want: "longer than 1024 bytes"},
		"long path by PAX":            {archive: gz(append(pax(t, "path", strings.Repeat("a/", 600)+"b"), raw...)), want: "longer than 1024 bytes"},
		"dot-dot by PAX":              {archive: gz(append(pax(t, "path", "a/../../out/x"), raw...)), want: "leaves the folder"},
		"absolute by PAX":             {archive: gz(append(pax(t, "path", "/etc/x"), raw...)), want: "has an absolute path"},
		"link out by PAX":             {archive: gz(append(pax(t, "linkpath", "../out"), tarOf(t, linkTo("l", "a"))...)), want: "leaves the folder"},
		"endless name by PAX":         {archive: gz(append(pax(t, "path", strings.Repeat("a", 2<<20)), raw...)), want: "not a tar file"},
		"size beyond all":             {archive: gz(append(pax(t, "size", "9223372036854775807"), raw...)), want: "more than 524288000 bytes unpacked"},
		"negative size":               {archive: gz(append(pax(t, "size", "-1"), raw...)), want: "not a tar file"},
		"hard link to a link":         {archive: tgz(t, linkTo("l", "../out"), item{name: "h", flag: tar.TypeLink, link: "l/victim"}), want: "is a hard link"},
		"contiguous file out":         {archive: tgz(t, item{name: "../out/x", flag: tar.TypeCont}), want: "leaves the folder"},
		"long name":                   {archive: tgz(t, item{name: strings.Repeat("a", 256)}), want: "longer than 255 bytes"},
		"long target":                 {archive: tgz(t, linkTo("l", strings.Repeat("a/", 600))), want: "target longer than 1024 bytes"},
		"NUL in the name":             {archive: gz(append(pax(t, "path", "a\x00../b"), raw...)), want: "not a tar file"},
		"sparse by PAX":               {archive: gz(append(pax(t, "GNU.sparse.realsize", "9"), raw...)), want: "is a sparse file"},
		"bomb by bytes":               {archive: tgz(t, item{name: "f", body: strings.Repeat("x", 1001)}), limits: Limits{Bytes: 1000}, want: "more than 1000 bytes unpacked"},
		"bomb by many bytes":          {archive: tgz(t, item{name: "f", body: strings.Repeat("x", 600)}, item{name: "f", body: strings.Repeat("x", 600)}), limits: Limits{Bytes: 1000}, want: "more than 1000 bytes unpacked"},
		"bomb by ratio":               {archive: tgz(t, item{name: "f", body: string(make([]byte, 12<<20))}), want: "more than 200 times its size"},
		"bomb after the end":          {archive: gz(append(bytes.Clone(raw), make([]byte, 12<<20)...)), want: "more than 200 times its size"},
		"endless headers":             {archive: gz(bytes.Repeat(pax(t, "comment", strings.Repeat("c", 1000)), 6000)), limits: Limits{Ratio: 1 << 40, Entries: 10, Bytes: 10}, want: "archive unpacks to more than"},
		"too many entries":            {archive: tgz(t, slices.Repeat([]item{{name: "f"}}, 101)...), limits: Limits{Entries: 100}, want: "more than 100 entries"},
		"too many folders in one":     {archive: tgz(t, item{name: strings.Repeat("d/", 200) + "f"}), limits: Limits{Entries: 100}, want: "more than 100 entries"},
		"trailing bytes in the tar":   {archive: gz(append(bytes.Clone(raw), noise...)), want: "data after its end"},
		"trailing bytes in the gzip":  {archive: append(bytes.Clone(good), noise...), want: "data after its end"},
		"second archive":              {archive: append(bytes.Clone(good), good...), want: "data after its end"},
		"bad checksum":                {archive: badSum, want: "gzip stream is not valid"},
		"not gzip":                    {archive: []byte("hello, this is no archive"), want: "not a gzip file"},
		"tar without gzip":            {archive: raw, want: "not a gzip file"},
		"one byte":                    {archive: []byte{0x1f}, want: "not a gzip file"},
		"gzip of a text":              {archive: gz([]byte(strings.Repeat("hello", 500))), want: "not a tar file"},
		"gzip of a short text":        {archive: gz([]byte("hello")), want: "cut off"},
		"noise after the first entry": {archive: noisy, want: "not valid after 1 entries"},
		"empty":                       {archive: nil, want: "archive is empty"},
	}
}

// manyLinks returns links whose targets are long walks.
func manyLinks(n int) []item {
	var out []item
	for i := range n {
		out = append(out, linkTo(fmt.Sprint("l", i), strings.Repeat("a/", 500)))
	}
	return out
}

func TestHostileArchivesAreRefused(t *testing.T) {
	for name, h := range hostiles(t) {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, "Check", Check(t.Context(), bytes.NewReader(h.archive), h.limits), h.want)
			dir, untouched := sandbox(t)
			wantProblem(t, "Unpack", Unpack(t.Context(), bytes.NewReader(h.archive), dir, h.limits), h.want)
			for _, line := range disk(t, dir) {
				if strings.Contains(line, " -> ") {
					t.Errorf("a refused archive left the link %q", line)
				}
			}
			untouched()
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	archive := tgz(t, item{name: "abcd", body: "12345"}, linkTo("l", "abcd"))
	for limits, ok := range map[Limits]bool{
		{}:                                 true,
		{Bytes: 5, Entries: 2, PathLen: 4}: true,
		{Bytes: 4}:                         false,
		{Entries: 1}:                       false,
		{PathLen: 3}:                       false,
		{Ratio: 1}:                         true, // too small to look at
	} {
		if err := Check(t.Context(), bytes.NewReader(archive), limits); (err == nil) != ok {
			t.Errorf("Check with %+v = %v, want accepted %v", limits, err, ok)
		}
	}
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	archive := tgz(t, item{name: "a/b", body: strings.Repeat("some text, ", 30)}, linkTo("l", "a"))
	for n := range archive {
		dir := t.TempDir()
		if err := Unpack(t.Context(), bytes.NewReader(archive[:n]), dir, Limits{}); err == nil {
			t.Fatalf("Unpack of %d of %d bytes: no error", n, len(archive))
		}
	}
}

func TestTheDefaultLimitOfEntriesHolds(t *testing.T) {
	full := slices.Repeat([]item{{name: "f"}}, 100_000)
	wide := Limits{Ratio: 1 << 40}
	if err := Check(t.Context(), bytes.NewReader(tgz(t, full...)), wide); err != nil {
		t.Errorf("100,000 entries: Check = %v", err)
	}
	wantProblem(t, "100,001 entries: Check", Check(t.Context(), bytes.NewReader(tgz(t, append(full, item{name: "g"})...)), wide), "more than 100000 entries")
	wantProblem(t, "5,000 long links: Check", Check(t.Context(), bytes.NewReader(tgz(t, manyLinks(5_000)...)), wide), "too many symbolic links")
}
