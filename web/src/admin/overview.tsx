// The server at a glance: its nodes, how much there is, how it is set up.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { count, number } from '~/kernel/formats'
import { listQuery, readQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Failure, Notice } from '~/ui/Failure'
import { Fact, Facts, Panel, TextLink } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { adminRoute } from './frame'

export const adminOverviewRoute = createRoute({ getParentRoute: () => adminRoute, path: '/', component: Overview })

function Overview() {
  const { data, error, refetch } = useQuery({ ...readQuery('installations', '/admin/installation', {}), refetchInterval: 10_000 })
  const failed = useQuery({ ...listQuery('failed-jobs', '/admin/failed-jobs', {}), refetchInterval: 30_000 })
  if (error) return <Failure error={error} retry={() => void refetch()} />
  if (!data || failed.isPending) return <Loading />
  const { counts, nodes, settings: s, version } = data.item.attributes
  const given = failed.data?.items.filter((j) => j.attributes['next-at'] === null).length ?? 0
  return (
    <div className="space-y-4">
      {given > 0 && <Notice tone="warn" icon="warning"><Link to="/admin/jobs" className="font-medium underline">{given === 1 ? 'A job in the background was given up' : `${number(given)} jobs in the background were given up`}</Link>: what {given === 1 ? 'it' : 'they'} should have done is not done.</Notice>}
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
        <Figure name="Organizations" value={counts.organizations} to="/admin/organizations" />
        <Figure name="Users" value={counts.users} to="/admin/users" />
        <Figure name="Workspaces" value={counts.workspaces} to="/admin/workspaces" />
        <Figure name="Runs under way" value={counts['runs-active']} to="/admin/runs" />
        <Figure name="Agents connected" value={counts.agents} to="/admin/agents" />
        <Figure name="Jobs waiting" value={counts['jobs-waiting']} about={counts['jobs-running'] > 0 ? `${number(counts['jobs-running'])} at work` : undefined} title="Plans, applies, tests and scans that no worker and no agent has taken yet" />
      </dl>
      <Panel title="Nodes">
        <Table
          label="Nodes"
          items={nodes}
          keyOf={(n) => n.id}
          columns={[
            { name: 'Machine', cell: (n) => <span className="font-medium">{n.name || n.id}</span> },
            { name: 'State', className: 'w-32', cell: (n) => (n.healthy ? <Badge tone="ok" icon="check">running</Badge> : <Badge tone="bad" icon="warning">silent</Badge>) },
            { name: 'Version', className: 'w-40', cell: (n) => <span className="flex items-center gap-2"><code className="font-mono text-sm">{n.version}</code>{n.version !== version && <Badge tone="warn">another</Badge>}</span> },
            { name: 'Runs at a time', className: 'w-36 max-sm:hidden', cell: (n) => n.workers || <span className="text-muted">none here</span> },
            { name: 'Started', className: 'w-32 max-sm:hidden', cell: (n) => <Time at={n['started-at']} /> },
            { name: 'Seen', className: 'w-28 max-md:hidden', cell: (n) => <Time at={n['seen-at']} /> },
          ]}
        />
      </Panel>
      <Panel title="How it is set up" padded>
        <Facts>
          <Fact name="Version"><code className="font-mono text-sm">{version}</code></Fact>
          <Fact name="Address">{s['public-url'] || <span className="text-muted">as each request names it (--public-url is not set)</span>}</Fact>
          <Fact name="TLS">{{ 'self-signed': 'a self-signed certificate', own: 'your certificate', off: 'off: a proxy in front ends it' }[s.tls] ?? <span className="text-muted">off</span>}</Fact>
          <Fact name="Database">{s.database === 'postgres' ? 'PostgreSQL' : 'SQLite'}</Fact>
          <Fact name="States and logs">{s.objects === 's3' ? 'in S3' : 'files in the data folder'}</Fact>
          <Fact name="Mail">{s.mail ? 'through your mail server' : <span className="text-muted">no mail server: notifications and alerts by mail cannot be made</span>}</Fact>
          <Fact name="Metrics">{s.metrics ? 'on' : <span className="text-muted">off</span>}</Fact>
          <Fact name="Rate limit">{s['rate-limit'] ? `${s['rate-limit']} requests a second for each token` : <span className="text-muted">none</span>}</Fact>
          <Fact name="Runs of an organization">{s['organization-runs'] > 0 ? `at most ${s['organization-runs']} at a time on the server` : <span className="text-muted">no limit</span>}</Fact>
          <Fact name="Public registries">{s['public-curation'] ? 'organizations may list their modules and providers' : 'organizations may not list them'}</Fact>
          <Fact name="Deleted states">{span(s['delete-grace'])}</Fact>
        </Facts>
        <p className="mt-4 text-sm text-muted">The mail server and the number of requests can be set under <TextLink to="/admin/settings" className="underline">Settings</TextLink>. The rest are options of <code className="font-mono">plumbline serve</code>, and count from its next start.</p>
      </Panel>
    </div>
  )
}

function Loading() {
  return (
    <div role="status" aria-label="Loading" className="space-y-4">
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">{Array.from({ length: 6 }, (_, i) => <Skeleton key={i} className="h-20 w-full" />)}</div>
      <Panel title="Nodes"><SkeletonRows rows={2} /></Panel>
      <Panel title="How it is set up"><SkeletonRows rows={8} /></Panel>
    </div>
  )
}

/** span says a duration of Go, such as 720h0m0s. */
function span(duration: string): ReactNode {
  const hours = Number(/^(\d+)h0m0s$/.exec(duration)?.[1] ?? 0)
  if (duration === '0s') return <span className="text-muted">are gone at once</span>
  if (hours >= 24 && hours % 24 === 0) return `can be restored for ${count(hours / 24, 'day')}`
  return `can be restored for ${duration.replace(/(\D)0m0s$/, '$1').replace(/(\D)0s$/, '$1')}`
}

function Figure({ name, value, to, about, title }: { name: string; value: number; to?: string; about?: string | undefined; title?: string }) {
  return (
    <div title={title} className="relative flex flex-col-reverse justify-end rounded-lg border border-line bg-surface px-4 py-3 shadow-low hover:border-line-strong">
      <dt className="text-sm text-muted">{to ? <Link to={to} className="after:absolute after:inset-0">{name}</Link> : name}</dt>
      <dd className="text-2xl font-semibold tabular">{number(value)}{about && <span className="ml-2 text-sm font-normal text-muted">{about}</span>}</dd>
    </div>
  )
}
