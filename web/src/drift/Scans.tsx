// The scans of an organization, the newest first.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { count, duration } from '~/kernel/formats'
import type { Included, Resource } from '~/kernel/jsonapi'
import { listQuery, polling } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Filters } from '~/ui/Filters'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { OneOf, Place } from './parts'
import type { ScanFilter } from './routes'
import { ScanStatus, Severity, headline, reasons, scanStatuses, severityOptions } from './words'

const at = '/$org/drift/scans'

export function Scans() {
  const { org } = useParams({ from: at })
  const f = useSearch({ from: at })
  const navigate = useNavigate({ from: at })
  const list = useQuery({
    ...listQuery('drift-scans', '/organizations/{organization}/drift-scans', { organization: org }, {
      'page[number]': f.page ?? 1, 'page[size]': 50, include: 'workspace,drift-schedule', sort: f.sort, 'filter[status]': f.status, 'filter[reason]': f.reason, 'filter[severity]': f.severity,
      'filter[drifted]': f.drifted, 'filter[schedule][id]': f.schedule, 'filter[workspace][name]': f.workspace,
    }),
    ...polling,
  })
  const narrowed = Boolean(f.status || f.reason || f.severity || f.drifted || f.schedule || f.workspace)
  const set = (change: ScanFilter) => void navigate({ search: (was) => ({ ...was, page: undefined, ...change }), replace: true })
  return (
    <>
      <Filters
        active={[f.status, f.reason, f.drifted, f.severity, f.schedule, f.workspace].filter(Boolean).length}
        choices={<>
        <OneOf label="Status" all="All statuses" value={f.status} options={scanStatuses} onChange={(status) => set({ status })} />
        <OneOf label="Why" all="For any reason" value={f.reason} options={Object.entries(reasons)} onChange={(reason) => set({ reason })} />
        <OneOf label="Drift" all="Drift or none" value={f.drifted} options={[['true', 'With drift'], ['false', 'Without drift']]} onChange={(drifted) => set({ drifted })} />
        <OneOf label="Severity" all="All severities" value={f.severity} options={severityOptions} onChange={(severity) => set({ severity })} />
        <OneOf label="Order" all="Newest" value={f.sort} options={[['-resources-drifted', 'Most drift'], ['-severity', 'Worst'], ['queued-at', 'Oldest']]} onChange={(sort) => set({ sort })} />
        {f.schedule && <Button icon="cross" onClick={() => set({ schedule: undefined })}>Of one schedule</Button>}
        {f.workspace && <Button icon="cross" onClick={() => set({ workspace: undefined })}>Of {f.workspace}</Button>}
        </>}
      />
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel className={cx('transition-opacity', list.isPlaceholderData && 'opacity-60')}>
        {list.isPending && <SkeletonRows rows={8} />}
        {list.data?.items.length === 0 && (narrowed ? (
          <Empty icon="search" title="No scan is like that" actions={<Button onClick={() => void navigate({ search: {} })}>Show all</Button>} />
        ) : (
          <Empty icon="drift" title="No scans yet"><p>Schedules of repositories and health assessments of workspaces make scans.</p></Empty>
        ))}
        {list.data && list.data.items.length > 0 && <ScanRows org={org} items={list.data.items} included={list.data.included} />}
      </Panel>
      {list.data && <Pages at={list.data.pagination} what="scan" before="Newer" after="Older" onPage={(page) => set({ page })} />}
    </>
  )
}

/** ScanRows are scans in a list; bare leaves out where they are, where that is clear. */
export function ScanRows({ org, items, included, bare }: { org: string; items: Resource<'drift-scans'>[]; included: Included; bare?: boolean }) {
  return (
    <ul aria-label="Scans">
      {items.map((s) => {
        const a = s.attributes
        return (
          <li key={s.id} className="border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <ScanStatus status={a.status} />
              {a.severity && a['resources-drifted'] > 0 && <Severity level={a.severity} />}
              <Link to="/$org/drift/scans/$scan" params={{ org, scan: s.id }} className="min-w-0 flex-1 font-medium wrap-anywhere hover:text-accent max-sm:order-last max-sm:basis-full">{a['error-message'] ?? (a.summary ? headline(a.summary, true) : 'Scan')}</Link>
              <Time at={a['queued-at']} className="ml-auto text-sm whitespace-nowrap text-muted" />
            </div>
            <p className="mt-0.5 text-sm text-muted">
              {!bare && <><Place org={org} of={s} included={included} /> · </>}
              {a['resources-drifted'] > 0 && `${a['resources-drifted']} of ${count(a.resources, 'resource')} drifted · `}
              {reasons[a.reason] ?? a.reason}
              {a['started-at'] && a['ended-at'] && ` · took ${duration((Date.parse(a['ended-at']) - Date.parse(a['started-at'])) / 1000)}`}
            </p>
          </li>
        )
      })}
    </ul>
  )
}
