// What a team may do, as people think of it: by what it is about, in words.

type Flag = { name: string; group: string; short: string; label: string; help: string }

/** flags are the rights of a team in a whole organization. */
export const flags: readonly Flag[] = [
  { name: 'read-workspaces', group: 'Workspaces and projects', short: 'reads all workspaces', label: 'Read all workspaces', help: 'See every workspace, its runs, variables and state.' },
  { name: 'manage-workspaces', group: 'Workspaces and projects', short: 'manages all workspaces', label: 'Manage all workspaces', help: 'Create, change and delete every workspace, and run in it.' },
  { name: 'read-projects', group: 'Workspaces and projects', short: 'reads all projects', label: 'Read all projects', help: 'See every project and what is in it.' },
  { name: 'manage-projects', group: 'Workspaces and projects', short: 'manages all projects', label: 'Manage all projects', help: 'Create, change and delete every project and what is in it.' },
  { name: 'manage-policies', group: 'Rules', short: 'manages policies', label: 'Manage policies', help: 'Say what runs must satisfy.' },
  { name: 'manage-policy-overrides', group: 'Rules', short: 'overrides policies', label: 'Override policies', help: 'Let a run pass that a soft policy refuses.' },
  { name: 'delegate-policy-overrides', group: 'Rules', short: 'delegates overrides', label: 'Delegate overrides', help: 'Let workspaces and projects give this right.' },
  { name: 'manage-run-tasks', group: 'Rules', short: 'manages run tasks', label: 'Manage run tasks', help: 'Let other services judge runs.' },
  { name: 'manage-vcs-settings', group: 'Connections', short: 'manages VCS', label: 'Manage VCS connections', help: 'Connect to Git hosts, and keep SSH keys.' },
  { name: 'manage-agent-pools', group: 'Connections', short: 'manages agent pools', label: 'Manage agent pools', help: 'Say which machines execute runs.' },
  { name: 'manage-modules', group: 'Registry', short: 'publishes modules', label: 'Publish modules', help: 'Add and remove modules of the registry.' },
  { name: 'manage-providers', group: 'Registry', short: 'publishes providers', label: 'Publish providers', help: 'Add and remove providers of the registry.' },
  { name: 'manage-registry-components', group: 'Registry', short: 'publishes components', label: 'Publish components', help: 'Add and remove components of the registry.' },
  { name: 'manage-teams', group: 'People', short: 'manages teams', label: 'Manage teams', help: 'Create teams and say who is in them.' },
  { name: 'manage-membership', group: 'People', short: 'manages people', label: 'Manage people', help: 'Invite and remove people.' },
  { name: 'manage-organization-access', group: 'People', short: 'manages rights', label: 'Manage rights', help: 'Change what teams may do in the organization.' },
  { name: 'access-secret-teams', group: 'People', short: 'sees secret teams', label: 'See secret teams', help: 'Know of teams that only their members see.' },
]

/** levels are the rights of a team in a workspace or a project, from none to all; help says what each adds to the one before, alone what it is in all. */
export const workspaceLevels = [
  { value: 'read', label: 'Read', help: 'Sees runs, variables and state.', alone: 'Sees runs, variables and state.' },
  { value: 'plan', label: 'Plan', help: 'Also starts plans, and comments.', alone: 'Sees everything, starts plans and comments.' },
  { value: 'write', label: 'Write', help: 'Also applies, locks, and changes variables and state.', alone: 'Plans, applies, locks, and changes variables and state.' },
  { value: 'admin', label: 'Admin', help: 'Also changes settings and access, and deletes.', alone: 'Everything, with settings, access and deletion.' },
  { value: 'custom', label: 'Custom', help: 'Chosen one by one.', alone: '' },
] as const

/** projectLevels are the rights of a team in a project. */
export const projectLevels = [
  { value: 'read', label: 'Read', help: 'Sees its workspaces.', alone: 'Sees its workspaces.' },
  { value: 'write', label: 'Write', help: 'Also runs and changes variables in its workspaces.', alone: 'Runs and changes variables in its workspaces.' },
  { value: 'maintain', label: 'Maintain', help: 'Also creates and deletes workspaces.', alone: 'Runs in its workspaces, creates and deletes them.' },
  { value: 'admin', label: 'Admin', help: 'Also changes the project and its access.', alone: 'Everything, with the project and its access.' },
  { value: 'custom', label: 'Custom', help: 'Chosen one by one.', alone: '' },
] as const
