// Package arch holds the rules of the code as tests: what may import what, which
// documents must agree with the code. A rule that nobody checks is soon not true, so
// there is nothing here but tests, and each fails with a sentence that says the rule.
package arch
