package e2e

// formsOfPeople are the forms about people, their tokens and what an organization sets.
func formsOfPeople(team, set string) []form {
	return []form{
		{path: "/app/profile/tokens", open: []string{"New token"}, typed: [][2]string{{"Description", "laptop"}}, field: "description", submit: "Create the token", done: "Copy"},
		{path: "/app/profile/account", typed: [][2]string{{"User name", "anna"}}, field: "username", submit: "Save", done: "Your account is changed."},
		{path: "/app/profile/security", typed: [][2]string{{"Present password", "not that"}, {"New password", "correct horse"}, {"New password again", "correct horse"}}, field: "current_password", submit: "Change the password", done: "Current password"},
		{path: "/app/profile/security", open: []string{"Set it up"}, typed: [][2]string{{"Your password", "not that"}}, field: "current_password", submit: "Continue", done: "Current password"},
		{path: "/app/organizations", open: []string{"New organization"}, typed: [][2]string{{"Name", "acme"}}, field: "name", submit: "Create", done: "taken"},
		{path: "/app/acme/settings/general", typed: [][2]string{{"Email address", "infra@example.com"}}, field: "email", submit: "Save", done: "The settings are saved."},
		{path: "/app/acme/settings/security", typed: [][2]string{{"Log out when idle for", "600"}}, field: "session-timeout", submit: "Save", done: "The settings are saved."},
		{path: "/app/acme/settings/users", open: []string{"Invite"}, typed: [][2]string{{"Email address", "grace@example.com"}}, field: "email", submit: "Invite", done: "grace@example.com is invited."},
		{path: "/app/acme/settings/teams", open: []string{"New team"}, typed: [][2]string{{"Name", "security"}}, field: "name", submit: "Create", done: "security"},
		{path: "/app/acme/settings/teams/" + team, open: []string{"Change"}, typed: [][2]string{{"Name", "base"}}, field: "name", submit: "Save", done: "The team is changed."},
		{path: "/app/acme/settings/ssh-keys", open: []string{"Add key"}, typed: [][2]string{{"Name", "deploy"}, {"Private key", "no key"}}, field: "name", submit: "Add", done: "deploy"},
		{path: "/app/acme/settings/agents", open: []string{"New pool"}, typed: [][2]string{{"Name", "basement"}}, field: "name", submit: "Create", done: "basement"},
		{path: "/app/acme/settings/varsets", open: []string{"New set"}, typed: [][2]string{{"Name", "network"}}, field: "name", submit: "Create", done: "network"},
		{path: "/app/acme/settings/varsets/" + set, open: []string{"Add variable"}, typed: [][2]string{{"Key", "region"}, {"Value", "eu"}}, field: "key", submit: "Add", done: "region is added."},
		{path: "/app/acme/settings/drift", open: []string{"New drift token"}, typed: [][2]string{{"Description", "pager"}}, field: "description", submit: "Create the token", done: "Copy"},
		{path: "/app/admin/settings", typed: [][2]string{{"A plan may take", "3h"}}, field: "plan-timeout", submit: "Save rules", done: "The rules are saved"},
		{path: "/app/admin/settings", typed: [][2]string{{"Host", "mail.example.com"}}, field: "host", submit: "Save mail server", done: "The mail server is saved."},
		{path: "/app/admin/settings", typed: [][2]string{{"Below the login", "Ask us."}}, field: "login-help", submit: "Save words", done: "The words are saved."},
		{path: "/app/admin/organizations", open: []string{"Change acme"}, typed: [][2]string{{"A plan may take", "3h"}}, field: "plan-timeout", submit: "Save", done: "acme is changed."},
	}
}

// formsOfWork are the forms about workspaces, runs, drift and the registry, and what is asked once more.
func formsOfWork(project, run, hook string) []form {
	const workspace = "/app/acme/workspaces/payments"
	return []form{
		{path: "/app/acme/projects", open: []string{"New project"}, typed: [][2]string{{"Name", "core"}}, field: "name", submit: "Create", done: "core"},
		{path: "/app/acme/projects/" + project + "/settings", typed: [][2]string{{"Description", "All of the shop"}}, field: "description", submit: "Save", done: "The settings are saved."},
		{path: workspace + "/variables", open: []string{"Add variable"}, typed: [][2]string{{"Key", "size"}, {"Value", "3"}}, field: "key", submit: "Add", done: "size is added.", shot: "form-refused"},
		{path: workspace + "/settings", typed: [][2]string{{"Description", "Cards"}}, field: "description", submit: "Save", done: "The settings are saved."},
		{path: workspace + "/notifications", open: []string{"New notification"}, typed: [][2]string{{"Name", "on call"}, {"Address", hook}}, field: "name", submit: "Save", done: "The notification is saved."},
		{path: workspace, open: []string{"Start a run"}, typed: [][2]string{{"Why", "To see"}}, field: "message", submit: "Start the run", done: "To see"},
		{path: workspace + "/runs/" + run, open: []string{"Cancel the run"}, typed: [][2]string{{"Comment", "Not today"}}, submit: "Cancel the run", done: "Not today"},
		{path: "/app/acme/drift/ignored", open: []string{"New rule"}, typed: [][2]string{{"Reason", "Noise"}, {"Objects", "aws_*"}}, field: "reason", submit: "Ignore", done: "What the rule is about is ignored."},
		{path: "/app/acme/drift/connections", open: []string{"Add a connection"}, typed: [][2]string{{"Name", "prod"}, {"Variables", "REGION=eu"}}, field: "name", submit: "Save", done: "The connection is saved."},
		{path: "/app/acme/drift/repositories", open: []string{"Add a repository", "Save it untested"}, typed: [][2]string{{"Address", "https://github.com/acme/code"}, {"Token", "no token"}}, field: "url", submit: "Save", done: "acme/code"},
		{path: "/app/acme/drift/alerts/new", typed: [][2]string{{"Name", "on call"}, {"Address", hook}}, field: "name", submit: "Make the alert", done: "on call"},
		{path: "/app/acme/drift/schedules/new", open: []string{"Save it unchecked"}, typed: [][2]string{{"Name", "nightly"}, {"Branch", "main"}, {"Folders", "stacks/*"}}, field: "name", submit: "Make the schedule", done: "nightly"},
		{path: "/app/acme/registry/publish", typed: [][2]string{{"Name", "network"}, {"Provider", "aws"}}, field: "name", submit: "Create the module", done: "Publish 1.0.0"},
		{path: "/app/acme/registry/providers", open: []string{"Add a provider"}, typed: [][2]string{{"Name", "gadget"}}, field: "name", submit: "Add", done: "gadget"},
		{path: "/app/acme/registry/keys", open: []string{"Add a key"}, typed: [][2]string{{"Public key", "no key"}}, field: "ascii-armor", submit: "Add", done: "is not a"},
		{path: "/app/acme/workspaces/website", open: []string{"Lock"}, typed: [][2]string{{"Reason", "a quiet Friday"}}, field: "reason", submit: "Lock", done: "a quiet Friday"},
		{path: "/app/acme/settings/general", open: []string{"Delete…"}, typed: [][2]string{{"Type acme to confirm", "acme"}}, submit: "Delete for ever", done: "You belong to no organization"},
	}
}
