// What a workspace manages: each resource of its current state, by module, searched and
// narrowed by type; what is chosen is in the address.
import { useQuery } from '@tanstack/react-query'
import { createRoute, useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { count } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, polling } from '~/kernel/queries'
import { textIn } from '~/kernel/search'
import { Button } from '~/ui/Button'
import { CopyButton } from '~/ui/Copy'
import { Empty, Failure } from '~/ui/Failure'
import { SearchInput, Select } from '~/ui/Field'
import { Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { useWorkspace } from './current'
import { workspaceRoute } from './frame'

type Filter = { q?: string | undefined; type?: string | undefined }

export const resourcesRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/resources',
  validateSearch: (s: Record<string, unknown>): Filter => ({ q: textIn(s.q), type: textIn(s.type) }),
  staticData: { crumb: () => 'Resources' },
  component: Resources,
})

/** most is how many resources are read. */
const most = 1000

function Resources() {
  const { org, workspace: w } = useWorkspace()
  const filter = resourcesRoute.useSearch()
  const navigate = useNavigate({ from: resourcesRoute.fullPath })
  const set = (change: Filter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true })
  const { data, error, refetch } = useQuery({ ...allQuery('resources', '/workspaces/{id}/resources', { id: w.id }, {}, most), ...polling })
  const types = useMemo(() => [...new Set(data?.map((r) => r.attributes['provider-type']))].toSorted(), [data])
  const words = (filter.q ?? '').toLowerCase().split(/\s+/)
  const shown = data?.filter(({ attributes: a }) => (!filter.type || a['provider-type'] === filter.type) && words.every((x) => a.address.toLowerCase().includes(x)))
  if (error) return <Failure error={error} retry={() => void refetch()} />
  if (data?.length === 0) {
    return <Panel><Empty icon="workspace" title="It manages nothing yet"><p>What an apply creates is listed here. <TextLink to="/$org/workspaces/$workspace/runs" params={{ org, workspace: w.attributes.name }}>Go to its runs</TextLink></p></Empty></Panel>
  }
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <SearchInput label="Search addresses" className="min-w-48 flex-1" value={filter.q ?? ''} onChange={(e) => set({ q: e.target.value || undefined })} />
        <Select aria-label="Type" className="w-60! max-sm:w-full!" value={filter.type ?? ''} onChange={(e) => set({ type: e.target.value || undefined })}>
          <option value="">All types</option>
          {types.map((t) => <option key={t} value={t}>{t}</option>)}
        </Select>
      </div>
      <Panel title={shown && data ? (shown.length === data.length ? count(data.length, 'resource') : `${shown.length} of ${count(data.length, 'resource')}`) : 'Resources'}>
        {!shown && <SkeletonRows rows={8} />}
        {shown?.length === 0 && <Empty icon="search" title="No resource is like that" actions={<Button onClick={() => set({ q: undefined, type: undefined })}>Show all</Button>} />}
        {shown && shown.length > 0 && (
          <Table
            label="Resources"
            items={shown}
            keyOf={(r) => r.id}
            columns={[
              { name: 'Address', cell: (r) => <Address of={r.attributes} /> },
              { name: 'Provider', className: 'w-64 max-md:hidden', cell: (r) => <span className="font-mono text-sm wrap-anywhere text-muted">{r.attributes.provider}</span> },
              { name: 'Changed', className: 'w-28 max-sm:hidden', cell: (r) => <Time at={r.attributes['updated-at']} className="text-sm text-muted" /> },
            ]}
          />
        )}
        {data && data.length >= most && <p className="border-t border-line px-4 py-2.5 text-sm text-muted">These are the first {most}. The <TextLink to="/$org/workspaces/$workspace/states" params={{ org, workspace: w.attributes.name }}>state</TextLink> has all.</p>}
      </Panel>
    </>
  )
}

function Address({ of: r }: { of: Resource<'resources'>['attributes'] }) {
  const inModule = r.module !== 'root' && r.address.startsWith(`${r.module}.`)
  return (
    <span className="flex min-w-0 items-center gap-2">
      <code className="min-w-0 font-mono text-sm wrap-anywhere">
        {inModule && <span className="text-muted">{r.module}.</span>}
        <span className="font-medium">{inModule ? r.address.slice(r.module.length + 1) : r.address}</span>
      </code>
      <CopyButton text={r.address} label={`Copy ${r.address}`} />
    </span>
  )
}
