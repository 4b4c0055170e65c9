// The workspaces of an organization: thousands, searched and filtered by the server. What
// is chosen is in the address, so it can be shared and come back to.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute, useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { RunStatus, statusGroups, type StatusGroup } from '~/delivery/status'
import { count } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { useCommands } from '~/kernel/keyboard'
import { pageSize, useLongList } from '~/kernel/longlist'
import { allQuery, listQuery, polling } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { words } from '~/kernel/search'
import { useOrganization } from '~/kernel/session'
import { Tag } from '~/ui/Badge'
import { Button, LinkButton } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { SearchInput, Select } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { Page, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { VirtualRows } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'

type Filter = { q?: string; status?: StatusGroup; health?: HealthGroup; project?: string; tag?: string; sort?: string }

/** healthGroups are what the assessments of a workspace may have come to. */
const healthGroups = {
  drifted: { label: 'Drifted', states: ['drifted'] },
  failing: { label: 'Checks fail', states: ['checks-failing'] },
  unassessed: { label: 'Not assessed', states: ['errored', 'blocked'] },
} as const

type HealthGroup = keyof typeof healthGroups

export const workspacesRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/workspaces',
  validateSearch: (s: Record<string, unknown>): Filter => ({
    q: text(s.q), project: text(s.project), tag: text(s.tag), sort: text(s.sort),
    status: text(s.status) && String(s.status) in statusGroups ? (s.status as StatusGroup) : undefined,
    health: text(s.health) && String(s.health) in healthGroups ? (s.health as HealthGroup) : undefined,
  }),
  staticData: { crumb: () => 'Workspaces' },
  component: Workspaces,
})

function text(v: unknown): string | undefined {
  return typeof v === 'string' && v !== '' ? v : undefined
}

const sorts = { name: 'Name', '-latest-change-at': 'Latest change', '-current-run.created-at': 'Latest run', '-created-at': 'Newest' }

function Workspaces() {
  const { org } = workspacesRoute.useParams()
  const filter = workspacesRoute.useSearch()
  const organization = useOrganization(org)
  const mayCreate = organization.attributes.permissions['can-create-workspace']
  const list = useLongList<'workspaces'>((page) => ({ ...workspacesQuery(org, filter, page), ...polling }), JSON.stringify(filter))
  const narrowed = Boolean(filter.q || filter.status || filter.health || filter.project || filter.tag)
  return (
    <Page
      title="Workspaces"
      about={list.loading ? <Skeleton className="h-5 w-28" /> : count(list.total, narrowed ? 'match' : 'workspace', narrowed ? 'matches' : 'workspaces')}
      actions={mayCreate && <LinkButton to="/$org/start" params={{ org }} look="primary" icon="plus">New workspace</LinkButton>}
    >
      <Filters org={org} filter={filter} />
      {list.error && <Failure error={list.error} retry={list.retry} className="mb-4" />}
      <Panel className={cx(list.stale && 'opacity-60 transition-opacity')}>
        {list.loading && <SkeletonRows rows={12} />}
        {!list.loading && !list.error && list.total === 0 && <None org={org} narrowed={narrowed} mayCreate={mayCreate} />}
        {list.total > 0 && (
          <VirtualRows label="Workspaces" count={list.total} height={56} onRange={list.onRange} row={(i) => <Row org={org} filter={filter} {...list.at(i)} />} />
        )}
      </Panel>
    </Page>
  )
}

function workspacesQuery(org: string, f: Filter, page: number) {
  return listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org }, {
    'page[number]': page, 'page[size]': pageSize, include: 'current-run,project', sort: f.sort,
    'search[name]': f.q, 'search[tags]': f.tag, 'filter[project][id]': f.project,
    'filter[current-run][status]': f.status && statusGroups[f.status].statuses,
    'filter[health-state]': f.health && healthGroups[f.health].states,
    'fields[workspaces]': 'name,description,locked,health-state,resource-count,tag-names,latest-change-at,current-run,project',
    'fields[runs]': 'status,created-at', 'fields[projects]': 'name',
  })
}

function Filters({ org, filter }: { org: string; filter: Filter }) {
  const navigate = useNavigate({ from: '/$org/workspaces' })
  const projects = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  const tags = useQuery(allQuery('tags', '/organizations/{organization}/tags', { organization: org }))
  const [q, setQ] = useState(filter.q ?? '')
  useEffect(() => setQ(filter.q ?? ''), [filter.q])
  const set = useMemo(() => (change: Filter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true }), [navigate])
  useEffect(() => {
    if (q === (filter.q ?? '')) return
    const timer = setTimeout(() => set({ q: q || undefined }), 200)
    return () => clearTimeout(timer)
  }, [q, filter.q, set])
  useCommands(useMemo(() => [{ id: 'clear', title: 'Clear all filters', keys: 'x', run: () => set({ q: undefined, status: undefined, health: undefined, project: undefined, tag: undefined }) }], [set]))
  return (
    <div className="mb-4 space-y-3">
      <div className="flex flex-wrap gap-2">
        <SearchInput label="Search by name" className="min-w-48 flex-1" value={q} onChange={(e) => setQ(e.target.value)} />
        <Select aria-label="Project" className="w-44! max-sm:w-full!" value={filter.project ?? ''} onChange={(e) => set({ project: e.target.value || undefined })}>
          <option value="">All projects</option>
          {projects.data?.map((p) => <option key={p.id} value={p.id}>{p.attributes.name}</option>)}
        </Select>
        {tags.data && tags.data.length > 0 && (
          <Select aria-label="Tag" className="w-36! max-sm:w-full!" value="" onChange={(e) => set({ tag: [...words(filter.tag), e.target.value].join(',') })}>
            <option value="">{filter.tag ? 'And tagged…' : 'Any tag'}</option>
            {tags.data.filter((t) => !words(filter.tag).includes(t.attributes.name)).map((t) => <option key={t.id} value={t.attributes.name}>{t.attributes.name} ({t.attributes['instance-count']})</option>)}
          </Select>
        )}
        <Select aria-label="Order" className="w-40! max-sm:w-full!" value={filter.sort ?? 'name'} onChange={(e) => set({ sort: e.target.value === 'name' ? undefined : e.target.value })}>
          {Object.entries(sorts).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </Select>
      </div>
      <div className="flex flex-wrap items-center gap-1.5" role="group" aria-label="Status of the current run, and health">
        {Object.entries(statusGroups).map(([key, group]) => (
          <Chip key={key} on={filter.status === key} onToggle={() => set({ status: filter.status === key ? undefined : (key as StatusGroup) })}>{group.label}</Chip>
        ))}
        <span aria-hidden="true" className="mx-1 h-5 w-px bg-line max-sm:hidden" />
        {Object.entries(healthGroups).map(([key, group]) => (
          <Chip key={key} on={filter.health === key} onToggle={() => set({ health: filter.health === key ? undefined : (key as HealthGroup) })}>{group.label}</Chip>
        ))}
        {words(filter.tag).map((t) => <Chip key={t} on onToggle={() => set({ tag: words(filter.tag).filter((x) => x !== t).join(',') || undefined })}><Icon name="tag" size={12} />{t}<Icon name="cross" size={12} /></Chip>)}
      </div>
    </div>
  )
}

function Chip({ on, onToggle, children }: { on: boolean; onToggle: () => void; children: React.ReactNode }) {
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={onToggle}
      className={cx('inline-flex h-7 items-center gap-1 rounded-full border px-3 text-sm', on ? 'border-accent bg-accent-soft font-medium text-accent' : 'border-line bg-surface text-muted hover:border-line-strong hover:text-text')}
    >
      {children}
    </button>
  )
}

function Row({ org, filter, item, included }: { org: string; filter: Filter; item: Resource<'workspaces'> | undefined; included: Included }) {
  if (!item) return <div className="flex h-14 items-center border-b border-line px-4"><Skeleton className="h-4 w-56" /></div>
  const a = item.attributes
  const run = included.get('runs', refOf(item, 'current-run')?.id)
  const project = included.get('projects', refOf(item, 'project')?.id)
  return (
    <div className="relative flex h-14 items-center gap-4 border-b border-line px-4 hover:bg-hover">
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-2">
          <Link to="/$org/workspaces/$workspace" params={{ org, workspace: a.name }} className="truncate font-medium after:absolute after:inset-0 hover:text-accent">{a.name}</Link>
          {a.locked && <span title="Locked" className="text-warn"><Icon name="lock" size={14} /><span className="sr-only">Locked</span></span>}
          {a['health-state'] === 'drifted' && <span title="Drifted" className="text-warn"><Icon name="drift" size={14} /><span className="sr-only">Drifted</span></span>}
          {a['health-state'] === 'checks-failing' && <span title="Checks fail" className="text-bad"><Icon name="warning" size={14} /><span className="sr-only">Checks fail</span></span>}
        </div>
        <div className="flex items-center gap-2 text-sm text-muted">
          <span className="truncate">{project?.attributes.name}{a.description ? ` · ${a.description}` : ''}</span>
        </div>
      </div>
      <Tags org={org} filter={filter} names={a['tag-names']} />
      <span className="w-24 text-right text-sm text-muted tabular max-md:hidden">{count(a['resource-count'], 'resource')}</span>
      <span className="w-40 shrink-0 max-sm:w-auto">{run ? <RunStatus status={run.attributes.status} /> : <span className="text-sm text-faint">No run yet</span>}</span>
      <Time at={run?.attributes['created-at'] ?? a['latest-change-at']} className="w-24 text-right text-sm whitespace-nowrap text-muted max-sm:hidden" />
    </div>
  )
}

function Tags({ org, filter, names }: { org: string; filter: Filter; names: string[] }) {
  const navigate = useNavigate()
  return (
    <span className="relative z-10 flex max-w-56 shrink-0 gap-1 max-lg:hidden">
      {names.slice(0, 3).map((t) => (
        <Tag key={t} title={`Only workspaces tagged ${t}`} onClick={() => void navigate({ to: '/$org/workspaces', params: { org }, search: { ...filter, tag: [...new Set([...words(filter.tag), t])].join(',') } })}>{t}</Tag>
      ))}
      {names.length > 3 && <Tag title={names.slice(3).join(', ')}>+{names.length - 3}</Tag>}
    </span>
  )
}

function None({ org, narrowed, mayCreate }: { org: string; narrowed: boolean; mayCreate: boolean }) {
  const navigate = useNavigate({ from: '/$org/workspaces' })
  if (narrowed) {
    return (
      <Empty icon="search" title="No workspace matches" actions={<Button onClick={() => void navigate({ search: {} })}>Show all</Button>}>
        <p>Nothing has this name, status, health, project and tag at once.</p>
      </Empty>
    )
  }
  return (
    <Empty icon="workspace" title="No workspaces yet" actions={mayCreate && <LinkButton to="/$org/start" params={{ org }} look="primary">Connect your first workspace</LinkButton>}>
      <p>A workspace holds the state, the variables and the runs of one configuration.</p>
      {!mayCreate && <p>You may not create any here. Ask an owner of the organization to give you access to some.</p>}
    </Empty>
  )
}
