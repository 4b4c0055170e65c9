// The drift of all that the user may see: how much, how bad, where, and since when.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { count, number } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { listQuery, polling, readQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Empty, Failure } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Since, Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Blind } from './Blind'
import { FirstSteps } from './FirstSteps'
import { Heat } from './Heat'
import { OverTime } from './OverTime'
import { Place } from './parts'
import { Health, Severity, headline, healths, kinds, severities } from './words'

type Summary = Resource<'drift-summaries'>['attributes']

const lookedAt = ['healthy', 'drifted', 'checks-failing', 'errored', 'blocked', 'unknown']

export function Overview() {
  const { org } = useParams({ from: '/$org/drift/' })
  const search = useSearch({ from: '/$org/drift/' })
  const navigate = useNavigate({ from: '/$org/drift/' })
  const may = useOrganization(org).attributes.permissions
  const summary = useQuery({ ...readQuery('drift-summaries', '/organizations/{organization}/drift-summary', { organization: org }), ...polling })
  const scans = useQuery({ ...listQuery('drift-scans', '/organizations/{organization}/drift-scans', { organization: org }, { 'page[size]': 1 }), ...polling })
  const s = summary.data?.item.attributes
  const days = search.days ?? 30
  const by = search.by ?? 'severity'
  const fresh = scans.data?.pagination.total === 0
  const names = { provider: s?.['by-provider'], workspace: s?.['by-workspace'], schedule: s?.['by-schedule'] }[by]?.slice(0, 6).map((g) => g.name)
  return (
    <div className="space-y-5">
      {summary.error && <Failure error={summary.error} retry={() => void summary.refetch()} />}
      {fresh && <FirstSteps org={org} assessed={lookedAt.some((h) => s?.['workspaces-by-health'][h])} />}
      <Cards org={org} summary={s} />
      <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <InOrder className="min-w-0 space-y-5">
          <Episodes org={org} fresh={fresh} />
          {!fresh && <Heat org={org} days={Math.min(days, 90)} />}
          {may['can-read-drift'] && !fresh && <OverTime org={org} by={by} days={days} names={names} onChange={(change) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true, resetScroll: false })} />}
        </InOrder>
        <InOrder className="min-w-0 space-y-5">
          <Blind org={org} />
          <Groups title="Workspaces by health" loading={!s}>
            {s && Object.keys(healths).filter((h) => s['workspaces-by-health'][h]).map((h) => (
              <Line key={h} name={<Link to="/$org/drift/workspaces" params={{ org }} search={{ health: h }} className="hover:underline"><Health state={h} /></Link>} value={s['workspaces-by-health'][h] ?? 0} />
            ))}
            {s && Object.keys(s['workspaces-by-health']).length === 0 && <li className="px-4 py-3 text-muted">There are no workspaces yet.</li>}
          </Groups>
          {s && s['by-kind'].length > 0 && (
            <Groups title="By kind">
              {s['by-kind'].map((g) => <Line key={g.name} name={<Narrowed org={org} search={{ kind: g.name }}>{kinds[g.name]?.label ?? g.name}</Narrowed>} value={g.findings} />)}
            </Groups>
          )}
          {s && s['by-provider'].length > 0 && (
            <Groups title="By provider">{s['by-provider'].map((g) => <Line key={g.name} name={<Narrowed org={org} search={{ provider: g.name }}>{g.name.replace(/^registry\.[a-z.]+\//, '')}</Narrowed>} value={g.findings} />)}</Groups>
          )}
        </InOrder>
      </InOrder>
    </div>
  )
}

function Cards({ org, summary: s }: { org: string; summary: Summary | undefined }) {
  return (
    <div className="grid grid-cols-6 gap-3 lg:grid-cols-5">
      {severities.map((level, i) => {
        const n = s?.['by-severity'].find((g) => g.name === level)?.findings ?? 0
        return (
          <Link key={level} to="/$org/drift/findings" params={{ org }} search={{ severity: level, status: 'open' }} className={cx('rounded-lg border border-line bg-surface p-4 shadow-low hover:border-line-strong max-sm:p-3 lg:col-span-1', i < 2 ? 'col-span-3' : 'col-span-2')}>
            <Severity level={level} />
            <span className={cx('mt-2 block text-2xl font-semibold tabular', s && n === 0 && 'text-faint')}>{s ? number(n) : <Skeleton className="h-8 w-12" />}</span>
            <span className="text-sm text-muted"><span className="max-sm:hidden">open </span>{n === 1 ? 'finding' : 'findings'}</span>
          </Link>
        )
      })}
    </div>
  )
}

function Narrowed({ org, search, children }: { org: string; search: { kind?: string; provider?: string }; children: ReactNode }) {
  return <Link to="/$org/drift/findings" params={{ org }} search={{ ...search, status: 'open' }} className="wrap-anywhere hover:text-accent hover:underline">{children}</Link>
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
function Episodes({ org, fresh }: { org: string; fresh: boolean }) {
  const list = useQuery({
    ...listQuery('drift-episodes', '/organizations/{organization}/drift-episodes', { organization: org }, { 'filter[status]': 'open', sort: '-severity', include: 'workspace,drift-schedule,assigned-to', 'page[size]': 8 }),
    ...polling,
  })
  const total = list.data?.pagination.total ?? 0
  return (
    <Panel
      title={total > 8 ? `What drifts now, the worst 8 of ${number(total)}` : 'What drifts now'}
      actions={total > 8 && <Link to="/$org/drift/episodes" params={{ org }} className="text-sm text-accent hover:underline">All episodes</Link>}
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.isPending && <SkeletonRows rows={6} />}
      {list.data && total === 0 && (fresh
        ? <Empty icon="clock" title="Nobody has looked yet"><p>The first steps above say how.</p></Empty>
        : <Empty icon="check" title="Nothing drifts"><p>What was looked at is as it was applied.</p></Empty>)}
      {list.data && total > 0 && <EpisodeRows org={org} items={list.data.items} included={list.data.included} label="What drifts now" />}
    </Panel>
  )
}

/** EpisodeRows are episodes in a list. */
export function EpisodeRows({ org, items, included, label }: { org: string; items: Resource<'drift-episodes'>[]; included: Included; label: string }) {
  return <ul aria-label={label}>{items.map((e) => <Row key={e.id} org={org} episode={e} included={included} />)}</ul>
}

function Row({ org, episode, included }: { org: string; episode: Resource<'drift-episodes'>; included: Included }) {
  const a = episode.attributes
  const assigned = included.get('users', refOf(episode, 'assigned-to')?.id)?.attributes.username
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Severity level={a.status === 'open' ? a.severity : a['worst-severity']} />
        <Place org={org} of={episode} included={included} className="font-medium max-sm:order-last max-sm:basis-full" />
        {a.status !== 'open' && <Badge tone="ok" icon="check">Resolved</Badge>}
        {a['acknowledged-at'] && <Badge icon="eye">Seen</Badge>}
        {assigned && <Badge icon="user">{assigned}</Badge>}
        <span className="ml-auto text-sm text-muted">{a['resolved-at'] ? <>ended <Time at={a['resolved-at']} /></> : <Since at={a['opened-at']} />}</span>
      </div>
      <p className="mt-1 line-clamp-2 text-muted wrap-anywhere">{headline(a.summary, true)}</p>
      <Link to="/$org/drift/episodes/$episode" params={{ org, episode: episode.id }} className="text-sm text-accent underline-offset-2 hover:underline">
        {a.status === 'open' ? <>{count(a['findings-count'], 'finding')}{a['resources-count'] > 0 ? ` in ${count(a['resources-count'], 'resource')}` : ''}</> : 'What happened'}
      </Link>
    </li>
  )
}
