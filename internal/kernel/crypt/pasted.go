package crypt

import "strings"

// Pasted is a text of lines that somebody has pasted, such as a private key or the keys of
// known hosts, as ssh reads it: each line ends by a line feed, the last one too (it takes no
// key without). It is empty if there is nothing in it.
func Pasted(text string) string {
	if text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")); text == "" {
		return ""
	}
	return text + "\n"
}
