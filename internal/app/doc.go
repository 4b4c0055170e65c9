// Package app builds a server: it opens what the capabilities stand on, makes each
// of them once, and lists their routes. It is the only package that knows all.
package app
