// The access that teams have to a workspace or a project from elsewhere: from the project, or
// from the whole organization.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { count } from '~/kernel/formats'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { wholeQuery } from '~/kernel/queries'
import { useTeams } from '~/organization/team'
import { Badge } from '~/ui/Badge'
import { Panel } from '~/ui/Page'
import { Table } from '~/ui/Table'

type Team = Resource<'teams'>
type Project = Resource<'projects'>

/** Given is what a team has from somewhere: how much, and why. */
type Given = { team: Team; level: 'Admin' | 'Write' | 'Read' | 'Custom'; why: ReactNode }

// Maintaining a project is administering its workspaces.
const inWorkspaces: Record<string, Given['level']> = { admin: 'Admin', maintain: 'Admin', write: 'Write', read: 'Read', custom: 'Custom' }
const strength = { Admin: 3, Write: 2, Custom: 1, Read: 0 }

/** ofOrganization is what a team has because of its rights in the whole organization; flags are those that give all, and those that let it read. */
function ofOrganization(org: string, team: Team, manage: string[], read: string[]): Given[] {
  const access = (team.attributes['organization-access'] ?? {}) as Record<string, boolean>
  const why = <>by its rights in <Link to="/$org/settings/teams/$team" params={{ org, team: team.id }} className="text-accent hover:underline">the whole organization</Link></>
  if (team.attributes.name === 'owners') return [{ team, level: 'Admin', why: 'they own the organization' }]
  if (manage.some((f) => access[f])) return [{ team, level: 'Admin', why }]
  return read.some((f) => access[f]) ? [{ team, level: 'Read', why }] : []
}

/** WorkspaceElsewhere are the teams that have access to a workspace by its project or the organization. */
export function WorkspaceElsewhere({ org, project }: { org: string; project: Project | undefined }) {
  const teams = useTeams(org)
  const { data } = useQuery({ ...wholeQuery('team-projects', '/team-projects', {}, { 'filter[project][id]': project?.id }), enabled: project !== undefined, retry: false })
  const list = teams.flatMap((team) => {
    const own = data?.items.find((a) => refOf(a, 'team')?.id === team.id)
    const why = project && <>by its access to <Link to="/$org/projects/$project/access" params={{ org, project: project.id }} className="text-accent hover:underline">the project {project.attributes.name}</Link></>
    const given: Given[] = ofOrganization(org, team, ['manage-workspaces', 'manage-projects'], ['read-workspaces', 'read-projects'])
    if (own) given.push({ team, level: inWorkspaces[own.attributes.access] ?? 'Custom', why })
    return given.toSorted((a, b) => strength[b.level] - strength[a.level]).slice(0, 1)
  })
  return <Elsewhere list={list} />
}

/** ProjectElsewhere are the teams that have access to a project by their rights in the organization. */
export function ProjectElsewhere({ org }: { org: string }) {
  const teams = useTeams(org)
  return <Elsewhere list={teams.flatMap((team) => ofOrganization(org, team, ['manage-projects'], ['read-projects']))} />
}

function Elsewhere({ list }: { list: Given[] }) {
  if (list.length === 0) return null
  return (
    <Panel title="Access from elsewhere">
      <Table
        label="Access from elsewhere"
        items={list.toSorted((a, b) => strength[b.level] - strength[a.level])}
        keyOf={(g) => g.team.id}
        columns={[
          { name: 'Team', className: 'w-1/3', cell: (g) => <><span className="font-medium wrap-anywhere">{g.team.attributes.name}</span> <span className="text-sm whitespace-nowrap text-muted">{count(g.team.attributes['users-count'], 'person', 'people')}</span></> },
          { name: 'May', cell: (g) => <span className="flex flex-wrap items-center gap-x-2 gap-y-1"><Badge>{g.level}</Badge><span className="text-sm text-muted">{g.why}</span></span> },
        ]}
      />
    </Panel>
  )
}
