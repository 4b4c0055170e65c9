// The findings of an organization, narrowed by what the address says.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { Included, Resource } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { OneOf, Pages, Place, Search, watching } from './parts'
import type { FindingFilter } from './routes'
import { FindingStatus, Severity, findingStatuses, kinds, severityOptions } from './words'

const at = '/$org/drift/findings'

export function Findings() {
  const { org } = useParams({ from: at })
  const filter = useSearch({ from: at })
  const navigate = useNavigate({ from: at })
  const set = useCallback((change: FindingFilter) => void navigate({ search: (was) => ({ ...was, page: undefined, ...change }), replace: true }), [navigate])
  const setQ = useCallback((q: string | undefined) => set({ q }), [set])
  const list = useQuery({ ...query(org, filter), ...watching })
  const narrowed = Boolean(filter.q || filter.severity || filter.kind || filter.status)
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Search label="Search by address" value={filter.q} onChange={setQ} />
        <OneOf label="Severity" all="All severities" value={filter.severity} options={severityOptions} onChange={(severity) => set({ severity })} />
        <OneOf label="Kind" all="All kinds" value={filter.kind} options={Object.entries(kinds).map(([k, v]) => [k, v.label] as const)} onChange={(kind) => set({ kind })} />
        <OneOf label="Status" all="Open and ignored" value={filter.status} options={findingStatuses} onChange={(status) => set({ status })} />
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel className={cx('transition-opacity', list.isPlaceholderData && 'opacity-60')}>
        {list.isPending && <SkeletonRows rows={8} />}
        {list.data?.items.length === 0 && (narrowed ? (
          <Empty icon="search" title="No finding is like that" actions={<Button onClick={() => void navigate({ search: {} })}>Clear all filters</Button>} />
        ) : (
          <Empty icon="check" title="Nothing differs"><p>What was looked at is as it was applied.</p></Empty>
        ))}
        {list.data && list.data.items.length > 0 && <FindingRows org={org} items={list.data.items} included={list.data.included} />}
      </Panel>
      <Pages page={filter.page} next={list.data?.pagination.next != null} onPage={(page) => set({ page })} />
    </>
  )
}

function query(org: string, f: FindingFilter) {
  return listQuery('drift-findings', '/organizations/{organization}/drift-findings', { organization: org }, {
    'page[number]': f.page ?? 1, 'page[size]': 50, include: 'workspace,drift-schedule', 'search[address]': f.q,
    'filter[severity]': f.severity, 'filter[kind]': f.kind, 'filter[status]': f.status ?? ['open', 'ignored'],
  })
}

/** FindingRows are findings in a list; bare leaves out where they are, where that is clear. */
export function FindingRows({ org, items, included, bare }: { org: string; items: Resource<'drift-findings'>[]; included: Included; bare?: boolean }) {
  return (
    <ul aria-label="Findings">
      {items.map((f) => {
        const a = f.attributes
        return (
          <li key={f.id} className="border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <Severity level={a.severity} />
              <Link to="/$org/drift/findings/$finding" params={{ org, finding: f.id }} className="min-w-0 font-mono text-sm font-medium wrap-anywhere hover:text-accent">
                {a.address}{a.path && <span className="text-muted"> {a.path}</span>}
              </Link>
              <span className="ml-auto flex items-center gap-2">
                {a['acknowledged-at'] && <Badge icon="eye">Seen</Badge>}
                <FindingStatus status={a.status} />
              </span>
            </div>
            <div className="mt-1 flex flex-wrap items-center gap-x-2 text-sm text-muted">
              <span>{a.title ?? kinds[a.kind]?.label ?? a.kind}</span>
              {!bare && <span>in <Place org={org} of={f} included={included} /></span>}
              <span className="ml-auto">since <Time at={a['first-seen-at']} /></span>
            </div>
          </li>
        )
      })}
    </ul>
  )
}
