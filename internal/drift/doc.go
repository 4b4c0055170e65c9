// Package drift is the room of what differs between code and reality.
//
//	classify      the findings of a plan, pure: what was changed outside, attribute by attribute
//	severity      rules that say how bad a finding is, and why
//	words         the summary and description of a verdict, for people
//	phrasing      the words of a language model, if the operator names one
//	alerts        tells people of drift: webhooks, mail, chats, issues
//	verbs         the form of the API at /drift: one POST with one truthy verb
//	settings      what an organization sets once: time zone, public ids
//	keys          the tokens of that API
//	repositories  where the code is (/drift/state)
//	connections   credentials for scans (/drift/infra)
//	schedules     what is scanned when (/drift/config)
//	scans         looks for drift: their queue, what executors get and bring back
//	findings      what was found: findings, episodes, rules to ignore them
//	assessments   the health of workspaces
//	rounds        scans of what schedules say, and what their alerts are told
//	fleet         the drift of all that an organization has: sums, days, explorer, exports
//	remedies      puts drift right: a run that applies again, a change of code that adopts it
//	snoozes       alerts that are silent for a while, and the links that ask for it
//
// It may import the kernel, identity, workspace, delivery and governance. The first three
// are pure: they import nothing of the project but each other.
package drift
