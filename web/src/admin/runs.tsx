// The runs of all organizations, and how those that should not go on are ended.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { runPath } from '~/delivery/links'
import { RunStatus, isFinal, statusGroups } from '~/delivery/status'
import * as api from '~/kernel/api'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { listQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { adminRoute, searchOf, type Search } from './frame'

type Run = Resource<'runs'>

export const adminRunsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/runs', validateSearch: searchOf, component: Runs })

function Runs() {
  const search = adminRunsRoute.useSearch()
  const navigate = adminRunsRoute.useNavigate()
  const [ending, setEnding] = useState<Ending>()
  const group = Object.entries(statusGroups).find(([key]) => key === search.status)?.[1]
  const { data, error, refetch } = useQuery({ ...listQuery('runs', '/admin/runs', {}, { q: search.q, 'filter[status]': group?.statuses, include: 'workspace', 'page[size]': 50, 'page[number]': search.page }), refetchInterval: 5000 })
  const set = (change: Search) => void navigate({ search: (was: Search) => ({ ...was, page: undefined, ...change }), replace: true })
  const workspaceOf = (r: Run) => data?.included.get('workspaces', refOf(r, 'workspace')?.id)
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Late label="Search by run, workspace or organization" className="min-w-48 flex-1" value={search.q} onChange={(q) => set({ q })} />
        <Select aria-label="Status" className="w-44!" value={search.status ?? ''} onChange={(e) => set({ status: e.target.value || undefined })}>
          <option value="">Any status</option>
          {Object.entries(statusGroups).map(([key, g]) => <option key={key} value={key}>{g.label}</option>)}
        </Select>
      </div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel>
        {!data && !error && <SkeletonRows rows={8} />}
        {data?.items.length === 0 && <Empty icon="run" title="No runs" actions={(search.q || search.status) && <Button onClick={() => void navigate({ search: {} })}>Show all</Button>} />}
        {data && data.items.length > 0 && (
          <Table
            label="Runs"
            items={data.items}
            keyOf={(r) => r.id}
            columns={[
              { name: 'Run', cell: (r) => <><Name run={r} workspace={workspaceOf(r)} /><span className="mt-1 flex flex-wrap items-center gap-1 sm:hidden"><RunStatus status={r.attributes.status} /><Doings run={r} onEnd={setEnding} /></span></> },
              { name: 'Status', className: 'w-44 max-sm:hidden', cell: (r) => <RunStatus status={r.attributes.status} /> },
              { name: 'Started', className: 'w-28 max-md:hidden', cell: (r) => <Time at={r.attributes['created-at']} className="whitespace-nowrap" /> },
              {
                name: <span className="sr-only">Actions</span>, className: 'w-44 text-right whitespace-nowrap max-sm:hidden',
                cell: (r) => <Doings run={r} onEnd={setEnding} />,
              },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="run" before="Newer" after="Older" onPage={(page) => void navigate({ search: { ...search, page } })} />}
      {ending && <End {...ending} onClose={() => setEnding(undefined)} />}
    </>
  )
}

type Ending = { run: Run; by: 'cancel' | 'force-cancel' }

/** Doings are the ways to end a run that is under way. */
function Doings({ run: r, onEnd }: { run: Run; onEnd: (e: Ending) => void }) {
  return (
    <>
      {r.attributes.actions['is-cancelable'] && <Button small look="quiet" onClick={() => onEnd({ run: r, by: 'cancel' })}>Cancel</Button>}
      {!isFinal(r.attributes.status) && <Button small look="quiet" className="text-bad" onClick={() => onEnd({ run: r, by: 'force-cancel' })}>End by force</Button>}
    </>
  )
}

function Name({ run: r, workspace: w }: { run: Run; workspace: Resource<'workspaces'> | undefined }) {
  const org = refOf(w, 'organization')?.id
  if (!w || !org) return <code className="font-mono text-sm">{r.id}</code>
  return (
    <span className="block min-w-0">
      <Link to={runPath(org, w.attributes.name, r.id)} className="block font-medium wrap-anywhere hover:text-accent">{r.attributes.message || r.id}</Link>
      <span className="block text-sm text-muted wrap-anywhere">{org} / {w.attributes.name}</span>
    </span>
  )
}

function End({ run: r, by, onClose }: Ending & { onClose: () => void }) {
  const path = by === 'cancel' ? '/runs/{id}/actions/cancel' : '/admin/runs/{id}/actions/force-cancel'
  const change = useChange(['runs'], () => api.send('POST', api.address(path, { id: r.id })), () => {
    onClose()
    toast(by === 'cancel' ? 'The run is asked to end.' : 'The run has ended.')
  })
  return (
    <Confirm title={by === 'cancel' ? 'Cancel the run?' : 'End the run by force?'} action={by === 'cancel' ? 'Cancel the run' : 'End by force'} busy={change.isPending} error={change.error} onConfirm={() => change.mutate(undefined)} onClose={onClose}>
      <p>{by === 'cancel' ? 'The engine is asked to stop in an orderly way, and saves what it has done.' : 'It ends at once. An apply that is under way may leave resources that no state knows of.'}</p>
    </Confirm>
  )
}
