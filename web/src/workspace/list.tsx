// The workspaces of an organization: thousands, searched and filtered by the server. What
// is chosen is in the address, so it can be shared and come back to.
import { Link, createRoute, useNavigate } from '@tanstack/react-router'
import { RunStatus, statusGroups } from '~/delivery/status'
import { count } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { pageSize, useLongList } from '~/kernel/longlist'
import { listQuery, polling } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { oneIn, textIn } from '~/kernel/search'
import { useOrganization } from '~/kernel/session'
import { Tag } from '~/ui/Badge'
import { Button, LinkButton } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { Page, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { VirtualRows } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { ListFilters, healthGroups, nothing, type WorkspaceFilter } from './listFilters'
import { tagQuery, tagText, tagsOf, withTag, type TagOf } from './tags'

export const workspacesRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/workspaces',
  validateSearch: (s: Record<string, unknown>): WorkspaceFilter => ({
    q: textIn(s.q), project: textIn(s.project), tag: textIn(s.tag), without: textIn(s.without), sort: textIn(s.sort),
    status: oneIn(statusGroups, s.status), health: oneIn(healthGroups, s.health),
  }),
  staticData: { crumb: () => 'Workspaces' },
  component: Workspaces,
})

function Workspaces() {
  const { org } = workspacesRoute.useParams()
  const filter = workspacesRoute.useSearch()
  const organization = useOrganization(org)
  const mayCreate = organization.attributes.permissions['can-create-workspace']
  const list = useLongList<'workspaces'>((page) => ({ ...workspacesQuery(org, filter, page), ...polling }), JSON.stringify(filter))
  const narrowed = Boolean(filter.q || filter.status || filter.health || filter.project || filter.tag || filter.without)
  return (
    <Page
      title="Workspaces"
      about={list.loading ? <Skeleton className="h-5 w-28" /> : count(list.total, narrowed ? 'match' : 'workspace', narrowed ? 'matches' : 'workspaces')}
      actions={mayCreate && <LinkButton to="/$org/start" params={{ org }} look="primary" icon="plus">New workspace</LinkButton>}
    >
      <ListFilters org={org} filter={filter} />
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

function workspacesQuery(org: string, f: WorkspaceFilter, page: number) {
  return listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org }, {
    'page[number]': page, 'page[size]': pageSize, include: 'current-run,project,effective-tag-bindings', sort: f.sort,
    'search[name]': f.q, 'filter[project][id]': f.project, ...tagQuery(f.tag, f.without),
    'filter[current-run][status]': f.status && statusGroups[f.status].statuses,
    'filter[health-state]': f.health && healthGroups[f.health].states,
    'fields[workspaces]': 'name,description,locked,health-state,resource-count,latest-change-at,current-run,project,effective-tag-bindings',
    'fields[runs]': 'status,created-at', 'fields[projects]': 'name',
  })
}

function Row({ org, filter, item, included }: { org: string; filter: WorkspaceFilter; item: Resource<'workspaces'> | undefined; included: Included }) {
  if (!item) return <div className="flex h-14 items-center border-b border-line px-4"><Skeleton className="h-4 w-56" /></div>
  const a = item.attributes
  const run = included.get('runs', refOf(item, 'current-run')?.id)
  const project = included.get('projects', refOf(item, 'project')?.id)
  return (
    <div className="relative flex h-14 items-center gap-4 border-b border-line px-4 hover:bg-hover">
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-2">
          <Link to="/$org/workspaces/$workspace" params={{ org, workspace: a.name }} title={a.name} className="truncate font-medium after:absolute after:inset-0 hover:text-accent">{a.name}</Link>
          {a.locked && <span title="Locked" className="text-warn"><Icon name="lock" size={14} /><span className="sr-only">Locked</span></span>}
          {a['health-state'] === 'drifted' && <span title="Drifted" className="text-warn"><Icon name="drift" size={14} /><span className="sr-only">Drifted</span></span>}
          {a['health-state'] === 'checks-failing' && <span title="Checks fail" className="text-bad"><Icon name="warning" size={14} /><span className="sr-only">Checks fail</span></span>}
        </div>
        <div className="flex items-center gap-2 text-sm text-muted">
          <span className="truncate">{project?.attributes.name}{a.description ? ` · ${a.description}` : ''}</span>
        </div>
      </div>
      <Tags org={org} filter={filter} tags={tagsOf(item, included)} />
      <span className="w-24 text-right text-sm text-muted tabular max-md:hidden">{count(a['resource-count'], 'resource')}</span>
      <span className="w-40 shrink-0 max-sm:w-auto"><RunStatus status={run?.attributes.status} /></span>
      <Time at={run?.attributes['created-at'] ?? a['latest-change-at']} className="w-24 text-right text-sm whitespace-nowrap text-muted max-sm:hidden" />
    </div>
  )
}

function Tags({ org, filter, tags }: { org: string; filter: WorkspaceFilter; tags: TagOf[] }) {
  const navigate = useNavigate()
  const shown = tags.length > 3 ? tags.slice(0, 2) : tags
  return (
    <span className="relative z-10 flex max-w-72 shrink-0 gap-1 max-lg:hidden">
      {shown.map((t) => (
        <Tag key={t.key} className="max-w-30" title={`Only workspaces tagged ${tagText(t)}`} onClick={() => void navigate({ to: '/$org/workspaces', params: { org }, search: { ...filter, tag: withTag(filter.tag, t) } })}>{tagText(t)}</Tag>
      ))}
      {tags.length > shown.length && <Tag title={tags.slice(shown.length).map(tagText).join(', ')}>+{tags.length - shown.length}</Tag>}
    </span>
  )
}

function None({ org, narrowed, mayCreate }: { org: string; narrowed: boolean; mayCreate: boolean }) {
  const navigate = useNavigate({ from: '/$org/workspaces' })
  if (narrowed) {
    return (
      <Empty icon="search" title="No workspace matches" actions={<Button onClick={() => void navigate({ search: nothing })}>Show all</Button>}>
        <p>Nothing has all that the filters ask for at once.</p>
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
