package workspaces

import "testing"

func TestShortAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"aws_vpc.main":                     "aws_vpc.main",
		"module.net.aws_vpc.main[0]":       "net.aws_vpc.main[0]",
		"module.a.module.b.aws_vpc.module": "a.b.aws_vpc.module",
		`module.a["x.module.y"].module.b["\"."].aws_vpc.v["module."]`: `a["x.module.y"].b["\"."].aws_vpc.v["module."]`,
		"module.net": "net",
		"root":       "root",
		"":           "",
		`module.a["`: `a["`,
		`module.a\`:  `a\`,
	} {
		if got := short(address); got != want {
			t.Errorf("short(%q) = %q, want %q", address, got, want)
		}
	}
}
