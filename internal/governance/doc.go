// Package governance is the room of the rules that changes are under, and of who hears of
// them.
//
//	notifications  tells people and programs of runs, health assessments and change requests
//	site           what site administrators set for the whole server: rules, mail, words on pages
//
// It may import the kernel, identity, workspace and delivery.
package governance
