// Where a team has rights of its own: projects and workspaces.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { refOf } from '~/kernel/jsonapi'
import { isMissing } from '~/kernel/problem'
import { wholeQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { projectLevels, workspaceLevels } from './permissions'

const labelOf = (levels: readonly { value: string; label: string }[], access: string) => levels.find((l) => l.value === access)?.label ?? access

export function TeamAccess({ org, team, title = 'Access in projects and workspaces' }: { org: string; team: string; title?: string }) {
  const projects = useQuery(wholeQuery('team-projects', '/team-projects', {}, { 'filter[team][id]': team, include: 'project' }))
  const workspaces = useQuery(wholeQuery('team-workspaces', '/team-workspaces', {}, { 'filter[team][id]': team, include: 'workspace' }))
  const error = projects.error ?? workspaces.error
  if (isMissing(error)) return null // for its members and who manages teams
  const both = projects.data && workspaces.data ? { projects: projects.data, workspaces: workspaces.data } : undefined
  return (
    <Panel title={title}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!error && !both && <SkeletonRows rows={2} />}
      {both?.projects.items.length === 0 && both.workspaces.items.length === 0 && <p className="px-4 py-3 text-muted">None of its own. It is given on the page of a project or a workspace, under Access.</p>}
      <ul>
        {both?.projects.items.map((a) => {
          const id = refOf(a, 'project')?.id ?? ''
          return (
            <li key={a.id} className="flex h-10 items-center gap-2 border-b border-line px-4 last:border-0">
              <Link to="/$org/projects/$project/access" params={{ org, project: id }} className="min-w-0 flex-1 truncate hover:text-accent"><span className="text-muted">Project</span> {both.projects.included.get('projects', id)?.attributes.name ?? id}</Link>
              <Badge tone="accent">{labelOf(projectLevels, a.attributes.access)}</Badge>
            </li>
          )
        })}
        {both?.workspaces.items.map((a) => {
          const id = refOf(a, 'workspace')?.id ?? ''
          const name = both.workspaces.included.get('workspaces', id)?.attributes.name
          return (
            <li key={a.id} className="flex h-10 items-center gap-2 border-b border-line px-4 last:border-0">
              {name ? <Link to="/$org/workspaces/$workspace/access" params={{ org, workspace: name }} className="min-w-0 flex-1 truncate hover:text-accent">{name}</Link> : <span className="min-w-0 flex-1 truncate">{id}</span>}
              <Badge tone="accent">{labelOf(workspaceLevels, a.attributes.access)}</Badge>
            </li>
          )
        })}
      </ul>
    </Panel>
  )
}
