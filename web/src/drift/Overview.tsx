// The drift of all that the user may see: how much, how bad, where, and since when.
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Suspense, lazy, type ReactNode } from 'react'
import { count, number } from '~/kernel/formats'
import type { Included, Resource } from '~/kernel/jsonapi'
import { allQuery, listQuery, readQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { Place, watching } from './parts'
import { Health, Severity, healths, kinds, severities } from './words'

const Days = lazy(() => import('./Days').then((m) => ({ default: m.Days })))

export function Overview() {
  const { org } = useParams({ from: '/$org/drift/' })
  const may = useOrganization(org).attributes.permissions
  const summary = useQuery({ ...readQuery('drift-summaries', '/organizations/{organization}/drift-summary', { organization: org }), ...watching })
  const s = summary.data?.item.attributes
  return (
    <div className="space-y-5">
      {summary.error && <Failure error={summary.error} retry={() => void summary.refetch()} />}
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-5">
        {severities.map((level) => (
          <Link key={level} to="/$org/drift/findings" params={{ org }} search={{ severity: level, status: 'open' }} className="rounded-lg border border-line bg-surface p-4 shadow-low hover:border-line-strong">
            <Severity level={level} />
            <span className="mt-2 block text-2xl font-semibold tabular">{s ? number(s['by-severity'].find((g) => g.name === level)?.findings ?? 0) : <Skeleton className="h-8 w-12" />}</span>
            <span className="text-sm text-muted">open findings</span>
          </Link>
        ))}
      </div>
      <div className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <Episodes org={org} />
        <div className="space-y-5">
          <Groups title="Workspaces by health" loading={!s}>
            {s && Object.keys(healths).filter((h) => s['workspaces-by-health'][h]).map((h) => <Line key={h} name={<Health state={h} />} value={s['workspaces-by-health'][h] ?? 0} />)}
            {s && Object.keys(s['workspaces-by-health']).length === 0 && <li className="px-4 py-3 text-muted">There are no workspaces yet.</li>}
          </Groups>
          {s && s['by-kind'].length > 0 && (
            <Groups title="By kind">
              {s['by-kind'].map((g) => <Line key={g.name} name={<Link to="/$org/drift/findings" params={{ org }} search={{ kind: g.name, status: 'open' }} className="hover:text-accent hover:underline">{kinds[g.name]?.label ?? g.name}</Link>} value={g.findings} />)}
            </Groups>
          )}
          {s && s['by-provider'].length > 0 && <Groups title="By provider">{s['by-provider'].map((g) => <Line key={g.name} name={<span className="wrap-anywhere">{g.name.replace(/^registry\.[a-z.]+\//, '')}</span>} value={g.findings} />)}</Groups>}
        </div>
      </div>
      {may['can-read-drift'] && <OverTime org={org} />}
    </div>
  )
}

function Groups({ title, loading, children }: { title: string; loading?: boolean; children: ReactNode }) {
  return <Panel title={title}>{loading ? <SkeletonRows rows={3} /> : <ul aria-label={title}>{children}</ul>}</Panel>
}

function Line({ name, value }: { name: ReactNode; value: number }) {
  return (
    <li className="flex min-h-10 items-center justify-between gap-3 border-b border-line px-4 py-1.5 last:border-0">
      <span className="min-w-0">{name}</span>
      <span className="tabular">{number(value)}</span>
    </li>
  )
}

/** Episodes are the workspaces and folders that drift now, the worst first. */
function Episodes({ org }: { org: string }) {
  const list = useQuery({
    ...listQuery('drift-episodes', '/organizations/{organization}/drift-episodes', { organization: org }, { 'filter[status]': 'open', sort: '-severity', include: 'workspace,drift-schedule', 'page[size]': 25 }),
    ...watching,
  })
  const total = list.data?.pagination.total ?? 0
  return (
    <Panel title={list.data ? `What drifts now${total > 25 ? `, the worst 25 of ${number(total)}` : ''}` : 'What drifts now'}>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.isPending && <SkeletonRows rows={6} />}
      {list.data && total === 0 && (
        <Empty icon="check" title="Nothing drifts">
          <p>What was looked at is as it was applied. Turn on health assessments of a workspace in its Health tab, or scan a repository on a schedule.</p>
        </Empty>
      )}
      {list.data && total > 0 && <ul aria-label="What drifts now">{list.data.items.map((e) => <Row key={e.id} org={org} episode={e} included={list.data.included} />)}</ul>}
    </Panel>
  )
}

function Row({ org, episode, included }: { org: string; episode: Resource<'drift-episodes'>; included: Included }) {
  const a = episode.attributes
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Severity level={a.severity} />
        <Place org={org} of={episode} included={included} className="font-medium" />
        {a['acknowledged-at'] && <Badge icon="eye">Seen</Badge>}
        <span className="ml-auto text-sm text-muted">since <Time at={a['opened-at']} /></span>
      </div>
      <p className="mt-1 text-muted">{a.summary}</p>
      <Link to="/$org/drift/episodes/$episode" params={{ org, episode: episode.id }} className="text-sm text-accent underline-offset-2 hover:underline">
        {count(a['findings-count'], 'finding')}{a['resources-count'] > 0 ? ` in ${count(a['resources-count'], 'resource')}` : ''}
      </Link>
    </li>
  )
}

function OverTime({ org }: { org: string }) {
  const days = useQuery(allQuery('drift-days', '/organizations/{organization}/drift-days', { organization: org }, { 'filter[dimension]': 'severity' }))
  return (
    <Panel title="Open findings over time">
      {days.error && <Failure error={days.error} retry={() => void days.refetch()} className="m-4" />}
      {days.data?.length === 0 && <p className="px-4 py-6 text-muted">There are no days to show yet. What is open is counted at the end of every hour.</p>}
      {(days.isPending || (days.data && days.data.length > 0)) && (
        <Suspense fallback={<Skeleton className="m-4 h-60" />}>{days.data ? <Days days={days.data.map((d) => d.attributes)} /> : <Skeleton className="m-4 h-60" />}</Suspense>
      )}
    </Panel>
  )
}
