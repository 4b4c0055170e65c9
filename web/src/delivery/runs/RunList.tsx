// Runs of a workspace or of an organization, filtered by what the address says.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useRef, type ReactNode } from 'react'
import { brief } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { useCommands } from '~/kernel/keyboard'
import { listQuery, polling } from '~/kernel/queries'
import { useRowKeys } from '~/kernel/rows'
import { oneIn, pageIn, textIn, words } from '~/kernel/search'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Chip, Filters as FilterBar } from '~/ui/Filters'
import { Icon } from '~/ui/Icon'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { RunStatus, statusGroups, type StatusGroup } from '../status'
import { Counts } from './Counts'
import { operations, sources } from './words'

/** Filter is what a list of runs is narrowed to. */
export type Filter = {
  q?: string | undefined
  status?: StatusGroup | undefined
  operation?: string | undefined
  source?: string | undefined
  by?: string | undefined
  workspace?: string | undefined
  page?: number | undefined
}

/** nothing is a change that takes away all of a filter. */
const nothing: Filter = { q: undefined, status: undefined, operation: undefined, source: undefined, by: undefined, workspace: undefined, page: undefined }

/** filterOf reads a filter from an address. */
export function filterOf(s: Record<string, unknown>): Filter {
  return {
    q: textIn(s.q), operation: textIn(s.operation), source: textIn(s.source), by: textIn(s.by), workspace: textIn(s.workspace),
    status: oneIn(statusGroups, s.status), page: pageIn(s.page),
  }
}

type Place = { org: string; workspace?: { id: string; name: string } }

/** size is how many runs a page has. */
const size = 25

function query({ org, workspace }: Place, f: Filter) {
  const parameters = {
    'page[number]': f.page ?? 1, 'page[size]': size, include: 'created_by,plan,workspace',
    'filter[status]': f.status && statusGroups[f.status].statuses, 'filter[operation]': f.operation ?? Object.keys(operations),
    'filter[source]': f.source, 'filter[created_by]': f.by, 'search[basic]': f.q,
  }
  return workspace
    ? listQuery('runs', '/workspaces/{id}/runs', { id: workspace.id }, parameters)
    : listQuery('runs', '/organizations/{organization}/runs', { organization: org }, { ...parameters, 'filter[workspace_names]': f.workspace })
}

type Props = Place & { filter: Filter; onFilter: (change: Filter) => void; empty: ReactNode }

export function RunList({ filter, onFilter, empty, ...place }: Props) {
  const runs = useQuery({ ...query(place, filter), ...polling })
  const box = useRef<HTMLUListElement>(null)
  useRowKeys(box)
  const narrowed = Object.values(filter).some((v) => v !== undefined)
  return (
    <>
      <Filters filter={filter} onFilter={onFilter} inOrg={!place.workspace} />
      {runs.error && <Failure error={runs.error} retry={() => void runs.refetch()} className="mb-4" />}
      <Panel className={cx('transition-opacity', runs.isPlaceholderData && 'opacity-60')}>
        {runs.isPending && <SkeletonRows rows={8} />}
        {runs.data?.items.length === 0 && (narrowed ? <Empty icon="search" title="No run is like that" actions={<Button onClick={() => onFilter(nothing)}>Clear all filters</Button>} /> : empty)}
        {runs.data && runs.data.items.length > 0 && (
          <ul ref={box} aria-label="Runs">
            {runs.data.items.map((r) => <Row key={r.id} org={place.org} run={r} included={runs.data.included} withWorkspace={!place.workspace} onFilter={onFilter} />)}
          </ul>
        )}
      </Panel>
      {runs.data && <Pages at={runs.data.pagination} what="run" before="Newer" after="Older" onPage={(page) => onFilter({ page })} />}
    </>
  )
}

function Filters({ filter, onFilter, inOrg }: { filter: Filter; onFilter: (change: Filter) => void; inOrg: boolean }) {
  useCommands(useMemo(() => [{ id: 'clear', title: 'Clear all filters', keys: 'x', group: 'List', run: () => onFilter(nothing) }], [onFilter]))
  const one = (name: 'operation' | 'source', all: string, options: [string, string][]) => (
    <Select aria-label={all} className="sm:w-44!" value={filter[name] ?? ''} onChange={(e) => onFilter({ [name]: e.target.value || undefined, page: undefined })}>
      <option value="">{all}</option>
      {options.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
    </Select>
  )
  return (
    <FilterBar
      label="Status"
      active={[filter.status, filter.by, filter.operation, filter.source, filter.workspace].filter(Boolean).length}
      search={<Late label="Search by message, id or commit" value={filter.q} onChange={(q) => onFilter({ q, page: undefined })} />}
      choices={
        <>
          <Late plain label="Started by" className="max-sm:col-span-2 sm:w-36!" value={filter.by} onChange={(by) => onFilter({ by: by?.trim() || undefined, page: undefined })} />
          {one('operation', 'All kinds', Object.entries(operations))}
          {one('source', 'All sources', Object.entries(sources).filter(([k]) => k !== 'terraform+cloud').map(([k, v]) => [k, `From ${v}`]))}
        </>
      }
      chips={
        <>
          {Object.entries(statusGroups).map(([key, group]) => (
            <Chip key={key} on={filter.status === key} onToggle={() => onFilter({ status: filter.status === key ? undefined : (key as StatusGroup), page: undefined })}>{group.label}</Chip>
          ))}
          {inOrg && words(filter.workspace).map((name) => <Chip key={name} on label={`in ${name}: take this filter away`} onToggle={() => onFilter({ workspace: undefined, page: undefined })}><span className="truncate">in {name}</span><Icon name="cross" size={12} /></Chip>)}
        </>
      }
    />
  )
}

type RowProps = { org: string; run: Resource<'runs'>; included: Included; withWorkspace: boolean; onFilter: (change: Filter) => void }

function Row({ org, run, included, withWorkspace, onFilter }: RowProps) {
  const a = run.attributes
  const workspace = included.get('workspaces', refOf(run, 'workspace')?.id)?.attributes.name ?? '-'
  const who = included.get('users', refOf(run, 'created-by')?.id)?.attributes.username
  const plan = included.get('plans', refOf(run, 'plan')?.id)
  return (
    <li data-row className="relative flex min-h-14 scroll-mt-16 focus-within:bg-hover items-center gap-4 border-b border-line px-4 py-2 last:border-0 hover:bg-hover max-sm:flex-wrap max-sm:gap-y-1">
      <div className="min-w-0 flex-1 max-sm:basis-full">
        <Link to="/$org/workspaces/$workspace/runs/$run" params={{ org, workspace, run: run.id }} className="line-clamp-2 font-medium wrap-anywhere after:absolute after:inset-0 hover:text-accent sm:line-clamp-1">{brief(a.message, 300) || run.id}</Link>
        <div className="flex min-w-0 items-center gap-1.5 text-sm text-muted">
          {withWorkspace && <><span className="truncate">{workspace}</span><span aria-hidden="true">·</span></>}
          {who && <><button type="button" className="relative shrink-0 hover:text-text hover:underline" title={`Only runs by ${who}`} onClick={() => onFilter({ by: who, page: undefined })}>{who}</button><span aria-hidden="true">·</span></>}
          <Time at={a['created-at']} className="shrink-0 whitespace-nowrap md:hidden" />
          <code className="truncate font-mono text-xs text-faint max-md:hidden">{run.id}</code>
        </div>
      </div>
      {a.operation !== 'plan_and_apply' && <Badge>{operations[a.operation] ?? a.operation}</Badge>}
      {plan?.attributes.status === 'finished' && <span className="shrink-0 max-sm:order-last"><Counts of={plan.attributes} done={a.status === 'applied'} /></span>}
      <span className="flex w-42 shrink-0 max-sm:w-auto"><RunStatus status={a.status} /></span>
      <Time at={a['created-at']} className="w-20 shrink-0 text-right text-sm whitespace-nowrap text-muted max-md:hidden" />
    </li>
  )
}
