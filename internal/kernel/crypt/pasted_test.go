package crypt_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/kernel/crypt"
)

func TestPasted(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \r\n": "", "a\nb": "a\nb\n", "a\r\nb\r\n": "a\nb\n", "\n\na\nb\n\n": "a\nb\n", "a  b": "a  b\n",
	} {
		if got := crypt.Pasted(text); got != want {
			t.Errorf("Pasted(%q) = %q, want %q", text, got, want)
		}
	}
}
