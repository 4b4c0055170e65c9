// The workspaces of all organizations.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { RunStatus } from '~/delivery/status'
import { count } from '~/kernel/formats'
import { refOf } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { Empty, Failure } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { adminRoute, searchOf, type Search } from './frame'

export const adminWorkspacesRoute = createRoute({ getParentRoute: () => adminRoute, path: '/workspaces', validateSearch: searchOf, component: Workspaces })

function Workspaces() {
  const search = adminWorkspacesRoute.useSearch()
  const navigate = adminWorkspacesRoute.useNavigate()
  const { data, error, refetch } = useQuery(listQuery('workspaces', '/admin/workspaces', {}, { q: search.q, include: 'current-run', 'page[size]': 50, 'page[number]': search.page }))
  return (
    <>
      <div className="mb-4"><Late label="Search by name or organization" value={search.q} onChange={(q) => void navigate({ search: (was: Search) => ({ ...was, q, page: undefined }), replace: true })} /></div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel>
        {!data && !error && <SkeletonRows rows={8} />}
        {data?.items.length === 0 && <Empty icon="workspace" title="No workspace has this name" />}
        {data && data.items.length > 0 && (
          <Table
            label="Workspaces"
            items={data.items}
            keyOf={(w) => w.id}
            columns={[
              {
                name: 'Workspace',
                cell: (w) => (
                  <span className="flex items-center gap-2">
                    <span className="min-w-0 wrap-anywhere"><span className="text-muted">{refOf(w, 'organization')?.id} / </span><Link to="/$org/workspaces/$workspace" params={{ org: refOf(w, 'organization')?.id ?? '', workspace: w.attributes.name }} className="font-medium hover:text-accent">{w.attributes.name}</Link></span>
                    {w.attributes.locked && <span title="Locked" className="text-warn"><Icon name="lock" size={14} /><span className="sr-only">Locked</span></span>}
                  </span>
                ),
              },
              { name: 'Manages', className: 'w-32 max-sm:hidden', cell: (w) => <span className="text-muted tabular">{count(w.attributes['resource-count'], 'resource')}</span> },
              { name: 'Changed', className: 'w-28 max-md:hidden', cell: (w) => <Time at={w.attributes['latest-change-at']} /> },
              { name: 'Current run', className: 'w-44', cell: (w) => <RunStatus status={data.included.get('runs', refOf(w, 'current-run')?.id)?.attributes.status} /> },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="workspace" onPage={(page) => void navigate({ search: { ...search, page } })} />}
    </>
  )
}
