// The agents of all organizations: where runs are executed but on the server itself.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { refOf } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { Doing } from '~/organization/Doing'
import { agentStatuses } from '~/organization/agentStatus'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { adminRoute, searchOf, type Search } from './frame'

export const adminAgentsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/agents', validateSearch: searchOf, component: Agents })

function Agents() {
  const search = adminAgentsRoute.useSearch()
  const navigate = adminAgentsRoute.useNavigate()
  const { data, error, refetch } = useQuery({ ...listQuery('agents', '/admin/agents', {}, { q: search.q, 'filter[status]': search.status, include: 'agent-pool,workspaces', 'page[size]': 50, 'page[number]': search.page }), refetchInterval: 10_000 })
  const set = (change: Search) => void navigate({ search: (was: Search) => ({ ...was, page: undefined, ...change }), replace: true })
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Late label="Search by agent, pool or organization" className="min-w-48 flex-1" value={search.q} onChange={(q) => set({ q })} />
        <Select aria-label="Status" className="w-40!" value={search.status ?? ''} onChange={(e) => set({ status: e.target.value || undefined })}>
          <option value="">Any status</option>
          {agentStatuses.map((s) => <option key={s} value={s}>{s}</option>)}
        </Select>
      </div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel>
        {!data && !error && <SkeletonRows rows={4} />}
        {data?.items.length === 0 && <Empty icon="agent" title="No agents"><p>Organizations start them on machines of their own. What the server executes itself is on its nodes, in the overview.</p></Empty>}
        {data && data.items.length > 0 && (
          <Table
            label="Agents"
            items={data.items}
            keyOf={(a) => a.id}
            columns={[
              {
                name: 'Agent',
                cell: (a) => {
                  const pool = data.included.get('agent-pools', refOf(a, 'agent-pool')?.id)
                  return <span><span className="block font-medium">{a.attributes.name ?? a.id}</span><span className="block text-sm text-muted">{refOf(pool, 'organization')?.id} / {pool?.attributes.name}</span><span className="mt-1 block sm:hidden"><Doing org={refOf(pool, 'organization')?.id} agent={a} workspaces={data.included} /></span></span>
                },
              },
              { name: 'Doing', className: 'max-sm:hidden', cell: (a) => <Doing org={refOf(data.included.get('agent-pools', refOf(a, 'agent-pool')?.id), 'organization')?.id} agent={a} workspaces={data.included} /> },
              { name: 'Version', className: 'w-40 max-sm:hidden', cell: (a) => <code className="font-mono text-sm">{a.attributes.version || 'unknown'}</code> },
              { name: 'Platform', className: 'w-36 max-md:hidden', cell: (a) => <code className="font-mono text-sm">{a.attributes.platform}</code> },
              { name: 'Address', className: 'w-36 max-md:hidden', cell: (a) => <code className="font-mono text-sm">{a.attributes['ip-address']}</code> },
              { name: 'Last seen', className: 'w-28 max-sm:hidden', cell: (a) => <Time at={a.attributes['last-ping-at']} /> },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="agent" onPage={(page) => void navigate({ search: { ...search, page } })} />}
    </>
  )
}
