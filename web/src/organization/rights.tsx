// What a team may do in the whole organization: rows are what, each with how much.
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Panel } from '~/ui/Page'
import { Matrix, type Row } from '~/ui/Segments'
import { toast, toastError } from '~/ui/Toast'
import { flags } from './permissions'

export type Right = Row & { /** What it is, in words. */ title: string; /** The flag that each value sets, but for "none". */ sets: Record<string, string> }

function right(name: string, label: string, help: string, ...levels: [value: string, label: string, flag: string][]): Right {
  const full = (flag: string) => flags.find((f) => f.name === flag)?.label ?? flag
  return {
    name, label, help, title: label,
    options: [{ value: 'none', label: 'No', full: `${label}: no` }, ...levels.map(([value, text, flag]) => ({ value, label: text, full: full(flag) }))],
    sets: Object.fromEntries(levels.map(([value, , flag]) => [value, flag])),
  }
}

/** groups are all rights in the whole organization, by what they are about. */
export const groups: { title: string; rights: Right[] }[] = [
  { title: 'Workspaces and projects', rights: [
    right('workspaces', 'All workspaces', 'Read: runs, variables and state. Manage: create, change, delete, and run.', ['read', 'Read', 'read-workspaces'], ['manage', 'Manage', 'manage-workspaces']),
    right('projects', 'All projects', 'Read: what is in them. Manage: create, change and delete, with all that is in them.', ['read', 'Read', 'read-projects'], ['manage', 'Manage', 'manage-projects']),
  ] },
  { title: 'Rules', rights: [
    right('policies', 'Policies', 'What runs must satisfy.', ['manage', 'Manage', 'manage-policies']),
    right('overrides', 'Policy overrides', 'Let a run pass that a soft policy refuses.', ['manage', 'Override', 'manage-policy-overrides']),
    right('delegation', 'Delegation of overrides', 'Let workspaces and projects give that right.', ['manage', 'Delegate', 'delegate-policy-overrides']),
    right('tasks', 'Run tasks', 'Other services that judge runs.', ['manage', 'Manage', 'manage-run-tasks']),
  ] },
  { title: 'Connections', rights: [
    right('vcs', 'VCS connections', 'Git hosts, and SSH keys.', ['manage', 'Manage', 'manage-vcs-settings']),
    right('agents', 'Agent pools', 'Which machines execute runs.', ['manage', 'Manage', 'manage-agent-pools']),
  ] },
  { title: 'Registry', rights: [
    right('modules', 'Modules', 'Add and remove them.', ['manage', 'Publish', 'manage-modules']),
    right('providers', 'Providers', 'Add and remove them.', ['manage', 'Publish', 'manage-providers']),
    right('components', 'Components', 'Add and remove them.', ['manage', 'Publish', 'manage-registry-components']),
  ] },
  { title: 'People', rights: [
    right('people', 'People', 'Invite and remove them.', ['manage', 'Manage', 'manage-membership']),
    right('teams', 'Teams', 'Create teams, and say who is in them.', ['manage', 'Manage', 'manage-teams']),
    right('rights', 'Rights of teams', 'What teams may do in the organization.', ['manage', 'Manage', 'manage-organization-access']),
    right('secret', 'Secret teams', 'Know of teams that only their members see.', ['manage', 'See', 'access-secret-teams']),
  ] },
]

/** levelOf is how much of a right a team has: "none", or one of its options. */
export function levelOf(team: Resource<'teams'>, r: Right): string {
  if (team.attributes.name === 'owners') return r.options.at(-1)?.value ?? 'none'
  const access = (team.attributes['organization-access'] ?? {}) as Record<string, boolean>
  return r.options.findLast((o) => access[r.sets[o.value] ?? ''])?.value ?? 'none'
}

/** levelWord is a level in a word: "Manage". */
export function levelWord(r: Right, level: string): string {
  return r.options.find((o) => o.value === level)?.label ?? level
}

/** Rights shows what a team may do in the organization, and changes it at once. */
export function Rights({ team }: { team: Resource<'teams'> }) {
  const owners = team.attributes.name === 'owners'
  const may = team.attributes.permissions['can-update-organization-access'] && !owners
  const change = useChange(
    ['teams', 'organizations'],
    (set: Record<string, boolean>) => api.update('/teams/{team}', { team: team.id }, body('teams', { 'organization-access': set }, undefined, team.id)),
    () => toast('The rights are changed.'),
  )
  const choose = (r: Right, level: string) => change.mutate(Object.fromEntries(Object.entries(r.sets).map(([value, flag]) => [flag, value === level])), { onError: toastError })
  return (
    <Panel title="May, in the whole organization">
      {owners && <p className="border-b border-line px-4 py-3 text-muted">Owners may do everything. Who should not, belongs into another team.</p>}
      {groups.map((g) => (
        <section key={g.title} aria-label={g.title} className="border-b border-line px-4 py-2 last:border-0">
          <h3 className="pt-1 text-sm font-medium text-muted">{g.title}</h3>
          <Matrix rows={g.rights} disabled={!may || change.isPending} valueOf={(name) => levelOf(team, g.rights.find((r) => r.name === name)!)} onChange={(name, v) => choose(g.rights.find((r) => r.name === name)!, v)} />
        </section>
      ))}
    </Panel>
  )
}
