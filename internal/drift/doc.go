// Package drift is the room of what differs between code and reality.
//
//	alerts    tells people of drift: webhooks, mail, chats, issues
//	classify  the findings of a plan, pure: what was changed outside, attribute by attribute
//	severity  rules that say how bad a finding is, and why
//	words     the summary and description of a verdict, for people
//
// It may import the kernel, identity, workspace, delivery and governance. Of these classify, severity and
// words are pure: they import nothing of the project but each other.
package drift
