// The variable sets whose variables the workspaces of a project get.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { count } from '~/kernel/formats'
import { refOf, refsOf, type Resource } from '~/kernel/jsonapi'
import { wholeQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { projectRoute, useProject } from './frame'

export const projectVarsetsRoute = createRoute({ getParentRoute: () => projectRoute, path: '/varsets', component: Varsets })

function Varsets() {
  const { org, project: p } = useProject()
  const { data, error } = useQuery(wholeQuery('varsets', '/projects/{project}/varsets', { project: p.id }))
  return (
    <Panel title="Variable sets">
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.items.length === 0 && <Empty icon="variable" title="No variable sets"><p>Apply one to this project in the settings of the organization, under Variable sets.</p></Empty>}
      {data && data.items.length > 0 && (
        <Table
          label="Variable sets"
          items={data.items}
          keyOf={(s) => s.id}
          columns={[
            { name: 'Set', cell: (s) => <Link to="/$org/settings/varsets/$varset" params={{ org, varset: s.id }} className="font-medium wrap-anywhere hover:text-accent">{s.attributes.name}</Link> },
            { name: 'Variables', className: 'w-32 max-sm:hidden', cell: (s) => count(s.attributes['var-count'], 'variable') },
            { name: 'Applies to', className: 'sm:w-56', cell: (s) => <Why set={s} project={p.id} /> },
          ]}
        />
      )}
    </Panel>
  )
}

function Why({ set: s, project }: { set: Resource<'varsets'>; project: string }) {
  if (s.attributes.global) return <Badge tone="info">Everywhere</Badge>
  if (refOf(s, 'parent')?.id === project && !refsOf(s, 'projects').some((p) => p.id === project)) return <Badge title="It belongs to the project, and applies to single workspaces of it.">Single workspaces</Badge>
  return <Badge tone="accent">This project</Badge>
}
