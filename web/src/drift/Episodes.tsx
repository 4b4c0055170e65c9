// The episodes of an organization: the times during which workspaces and folders drifted.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { listQuery, polling } from '~/kernel/queries'
import { useMembers } from '~/organization/people'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Filters } from '~/ui/Filters'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { cx } from '~/ui/classes'
import { EpisodeRows } from './Overview'
import { OneOf } from './parts'
import type { EpisodeFilter } from './routes'
import { severityOptions } from './words'

const at = '/$org/drift/episodes'

export function Episodes() {
  const { org } = useParams({ from: at })
  const f = useSearch({ from: at })
  const navigate = useNavigate({ from: at })
  const set = useCallback((change: EpisodeFilter) => void navigate({ search: (was) => ({ ...was, page: undefined, ...change }), replace: true }), [navigate])
  const people = useMembers(org)
  const list = useQuery({
    ...listQuery('drift-episodes', '/organizations/{organization}/drift-episodes', { organization: org }, {
      'page[number]': f.page ?? 1, 'page[size]': 50, include: 'workspace,drift-schedule,assigned-to', sort: f.sort ?? '-changed-at', 'search[text]': f.q,
      'filter[status]': f.status, 'filter[severity]': f.severity, 'filter[assigned-to]': f.assignee, 'filter[acknowledged]': f.seen,
    }),
    ...polling,
  })
  const narrowed = Boolean(f.q || f.status || f.severity || f.assignee || f.seen)
  return (
    <>
      <Filters
        active={[f.status, f.severity, f.assignee, f.seen].filter(Boolean).length}
        search={<Late label="Search by place and summary" value={f.q} onChange={(q) => set({ q })} />}
        choices={<>
        <OneOf label="Status" all="Open and resolved" value={f.status} options={[['open', 'Open'], ['resolved', 'Resolved']]} onChange={(status) => set({ status })} />
        <OneOf label="Severity" all="All severities" value={f.severity} options={severityOptions} onChange={(severity) => set({ severity })} />
        <OneOf label="Seen" all="Seen or not" value={f.seen} options={[['false', 'Not seen'], ['true', 'Seen']]} onChange={(seen) => set({ seen })} />
        <OneOf label="Assigned to" className="sm:w-36!" all="Anybody’s" value={f.assignee} options={[['none', 'Nobody’s'], ...(people.data ?? []).map((p) => [p.id, p.name] as const)]} onChange={(assignee) => set({ assignee })} />
        <OneOf label="Order" all="Latest change" value={f.sort} options={[['-severity', 'Worst'], ['-opened-at', 'Newest'], ['opened-at', 'Oldest']]} onChange={(sort) => set({ sort })} />
        </>}
      />
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel className={cx('transition-opacity', list.isPlaceholderData && 'opacity-60')}>
        {list.isPending && <SkeletonRows rows={8} />}
        {list.data?.items.length === 0 && (narrowed
          ? <Empty icon="search" title="No episode is like that" actions={<Button onClick={() => void navigate({ search: {} })}>Clear all filters</Button>} />
          : <Empty icon="check" title="Nothing has ever drifted"><p>An episode begins with the scan that sees drift first and ends with one that sees none.</p></Empty>)}
        {list.data && list.data.items.length > 0 && <EpisodeRows org={org} items={list.data.items} included={list.data.included} label="Episodes" />}
      </Panel>
      {list.data && <Pages at={list.data.pagination} what="episode" before="Newer" after="Older" onPage={(page) => set({ page })} />}
    </>
  )
}
