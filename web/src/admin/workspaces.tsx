// The workspaces of all organizations.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { RunStatus } from '~/delivery/status'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { listQuery, useChange } from '~/kernel/queries'
import { IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { adminRoute, searchOf, type Search } from './frame'

type Workspace = Resource<'workspaces'>

export const adminWorkspacesRoute = createRoute({ getParentRoute: () => adminRoute, path: '/workspaces', validateSearch: searchOf, component: Workspaces })

function Workspaces() {
  const search = adminWorkspacesRoute.useSearch()
  const navigate = adminWorkspacesRoute.useNavigate()
  const [removing, setRemoving] = useState<Workspace>()
  const { data, error, refetch } = useQuery(listQuery('workspaces', '/admin/workspaces', {}, { q: search.q, include: 'current-run', 'page[size]': 50, 'page[number]': search.page }))
  const statusOf = (w: Workspace) => data?.included.get('runs', refOf(w, 'current-run')?.id)?.attributes.status
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
                  <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
                    <span className="min-w-0 wrap-anywhere"><span className="text-muted">{refOf(w, 'organization')?.id} / </span><Link to="/$org/workspaces/$workspace" params={{ org: refOf(w, 'organization')?.id ?? '', workspace: w.attributes.name }} className="font-medium hover:text-accent">{w.attributes.name}</Link></span>
                    {w.attributes.locked && <span title="Locked" className="text-warn"><Icon name="lock" size={14} /><span className="sr-only">Locked</span></span>}
                    <span className="basis-full sm:hidden"><RunStatus status={statusOf(w)} /></span>
                  </span>
                ),
              },
              { name: 'Manages', className: 'w-32 max-sm:hidden', cell: (w) => <span className="text-muted tabular">{count(w.attributes['resource-count'], 'resource')}</span> },
              { name: 'Changed', className: 'w-28 max-md:hidden', cell: (w) => <Time at={w.attributes['latest-change-at']} /> },
              { name: 'Current run', className: 'w-44 max-sm:hidden', cell: (w) => <RunStatus status={statusOf(w)} /> },
              { name: <span className="sr-only">Actions</span>, className: 'w-14 text-right', cell: (w) => <IconButton small icon="trash" label={`Delete ${refOf(w, 'organization')?.id} / ${w.attributes.name}`} onClick={() => setRemoving(w)} /> },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="workspace" onPage={(page) => void navigate({ search: { ...search, page } })} />}
      {removing && <Remove workspace={removing} onClose={() => setRemoving(undefined)} />}
    </>
  )
}

/** Remove deletes a workspace of any organization, after saying what is lost with it. */
function Remove({ workspace: w, onClose }: { workspace: Workspace; onClose: () => void }) {
  const org = refOf(w, 'organization')?.id
  const n = w.attributes['resource-count']
  const remove = useChange(['workspaces'], () => api.remove('/admin/workspaces/{id}', { id: w.id }), () => {
    onClose()
    toast(`${w.attributes.name} is deleted.`)
  })
  return (
    <Confirm title={`Delete ${w.attributes.name} of ${org}?`} action="Delete for ever" typed={w.attributes.name} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={onClose}>
      <p>Its states, runs, variables, notifications and access go with it. This cannot be undone.</p>
      {n > 0 && <p className="text-bad">It manages {count(n, 'resource')}. {n === 1 ? 'It goes' : 'They go'} on to exist, and nothing manages {n === 1 ? 'it' : 'them'} any more.</p>}
      {w.attributes.locked && <p>It is locked: somebody may be at work in it.</p>}
    </Confirm>
  )
}
