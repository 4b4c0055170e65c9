// An audit trail: who did what, when and from where. What is searched for is in the address.
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import * as api from '~/kernel/api'
import { moment } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { listQuery, readQuery } from '~/kernel/queries'
import { pageIn, textIn } from '~/kernel/search'
import { Badge, Tag, type Tone } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Filters as FilterBar } from '~/ui/Filters'
import { Late } from '~/ui/Late'
import { Menu } from '~/ui/Menu'
import { Icon } from '~/ui/Icon'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'

type Event = Resource<'audit-events'>
type TrailSearch = { q?: string; actor?: string; action?: string; type?: string; since?: string; resource?: string; page?: number }

/** trailSearchOf reads what is searched for in an address. */
export function trailSearchOf(s: Record<string, unknown>): TrailSearch {
  return { q: textIn(s.q), actor: textIn(s.actor), action: textIn(s.action), type: textIn(s.type), since: textIn(s.since), resource: textIn(s.resource), page: pageIn(s.page) }
}

const times = { hour: 'the last hour', day: 'the last day', week: 'the last week', month: 'the last 30 days' }
const spans: Record<string, number> = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 }

/** filterOf is a search as the server takes it; times are whole minutes, so that it is remembered. */
function filterOf(s: TrailSearch) {
  const span = spans[s.since ?? '']
  const from = span ? new Date(Math.floor((Date.now() - span) / 60_000) * 60_000).toISOString() : undefined
  return { q: s.q, 'filter[actor]': s.actor, 'filter[action]': s.action, 'filter[resource-type]': s.type, 'filter[resource-id]': s.resource, 'filter[from]': from }
}

type TrailProps = {
  /** Of an organization; else of the site. */
  org?: string
  search: TrailSearch
  /** Shows another part of it; replace leaves no step to go back to. */
  show: (search: TrailSearch, replace?: boolean) => void
  /** What would be there, were there anything. */
  children: ReactNode
}

/** Trail is the screen. */
export function Trail({ org, search, show, children }: TrailProps) {
  const [shown, setShown] = useState<Event>()
  const { data, error, refetch, isFetching } = useQuery(eventsOf(org, { ...filterOf(search), 'page[size]': 50, 'page[number]': search.page }))
  const set = (change: TrailSearch) => show({ ...search, page: undefined, ...change }, true)
  const narrowed = Object.entries(search).some(([k, v]) => k !== 'page' && v !== undefined)
  return (
    <>
      <Filters org={org} search={search} set={set} />
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel className={isFetching && data ? 'opacity-80' : ''}>
        {!data && !error && <SkeletonRows rows={10} />}
        {data?.items.length === 0 && (
          <Empty icon="audit" title={narrowed ? 'Nothing matches' : 'Nothing has happened yet'} actions={narrowed && <Button onClick={() => show({})}>Show everything</Button>}>
            <p>{narrowed ? 'No event is by this actor, of this kind and in this time at once.' : children}</p>
          </Empty>
        )}
        {data && data.items.length > 0 && (
          <Table
            label="Audit trail"
            items={data.items}
            keyOf={(e) => e.id}
            columns={[
              { name: 'When', className: 'w-28 max-sm:hidden', cell: (e) => <Time at={e.attributes['created-at']} className="whitespace-nowrap" /> },
              { name: 'Who', className: 'w-44 max-sm:hidden', cell: (e) => <Actor event={e} onOnly={() => set({ actor: e.attributes['actor-name'] || undefined })} /> },
              {
                name: 'What',
                cell: (e) => (
                  <div className="max-sm:py-1">
                    <What event={e} onShow={() => setShown(e)} />
                    <p className="mt-0.5 flex flex-wrap items-center gap-x-1.5 text-sm text-muted sm:hidden"><Actor event={e} onOnly={() => set({ actor: e.attributes['actor-name'] || undefined })} />· <Time at={e.attributes['created-at']} /></p>
                  </div>
                ),
              },
              { name: 'From', className: 'w-36 max-md:hidden', cell: (e) => <code className="font-mono text-sm text-muted">{e.attributes['ip-address']}</code> },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="event" before="Newer" after="Older" onPage={(page) => show({ ...search, page })} />}
      {shown && <Detail event={shown} onResource={() => { set({ resource: shown.attributes['resource-id'] }); setShown(undefined) }} onClose={() => setShown(undefined)} />}
    </>
  )
}

function eventsOf(org: string | undefined, query: api.Query) {
  return org === undefined
    ? listQuery('audit-events', '/admin/audit-events', {}, query)
    : listQuery('audit-events', '/organizations/{organization}/audit-events', { organization: org }, query)
}

function kindsOf(org: string | undefined) {
  return org === undefined
    ? readQuery('audit-events', '/admin/audit-event-kinds', {})
    : readQuery('audit-events', '/organizations/{organization}/audit-event-kinds', { organization: org })
}

function exportOf(org: string | undefined, as: 'csv' | 'json', query: api.Query): string {
  return org === undefined ? api.address(`/admin/audit-events/export/${as}`, {}, query) : api.address(`/organizations/{organization}/audit-events/export/${as}`, { organization: org }, query)
}

function Actor({ event: e, onOnly }: { event: Event; onOnly: () => void }) {
  return <button type="button" className="max-w-40 truncate text-left hover:text-accent" title={`Only what ${actorOf(e)} did`} onClick={onOnly}>{actorOf(e)}</button>
}

function actorOf(e: Event): string {
  return e.attributes['actor-name'] || e.attributes['actor-id'] || (e.attributes['ip-address'] ? 'a guest' : 'the server')
}

// What resources are called where their type says it badly; others lose their hyphens and the s.
const names: Record<string, string> = {
  vars: 'variable', varsets: 'variable set', runs: 'run', 'team-workspaces': 'access to a workspace', 'team-projects': 'access to a project', 'gpg-keys': 'GPG key', 'ssh-keys': 'SSH key',
  'authentication-tokens': 'token', 'organization-memberships': 'membership', 'run-events': 'run',
  'admin-organizations': 'organization', 'general-settings': 'rules of the site', 'smtp-settings': 'mail settings', 'customization-settings': 'words on the pages', 'oidc-settings': 'signing keys',
}

/** thing is one resource of a type: "registry-modules" is "registry module". */
function thing(type: string): string {
  return names[type] ?? type.replaceAll('-', ' ').replace(/ies$/, 'y').replace(/s$/, '')
}

/** deed is an action in words; what it says again of the type is left out. */
function deed(action: string, type: string): string {
  return action.replace(`-${type}`, '').replaceAll(/[-_]/g, ' ')
}

const toneOf = (action: string): Tone => (/destroy|delete|revoke|force|remove|cancel|discard|failed|disable|\bsuspend/.test(action) ? 'bad' : /create|add/.test(action) ? 'ok' : 'info')

function What({ event: e, onShow }: { event: Event; onShow: () => void }) {
  const a = e.attributes
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <Badge tone={toneOf(a.action)}>{deed(a.action, a['resource-type'])}</Badge>
      <button type="button" onClick={onShow} className="min-w-0 text-left hover:text-accent">
        <span className="text-muted">{thing(a['resource-type'])}</span>{' '}
        {a['resource-name'] ? <span className="font-medium wrap-anywhere">{a['resource-name']}</span> : <code className="font-mono text-sm text-muted wrap-anywhere">{a['resource-id']}</code>}
      </button>
      <span className="flex flex-wrap gap-1 max-sm:hidden">
        {a.changed.slice(0, 3).map((c) => <Tag key={c}>{c}</Tag>)}
        {a.changed.length > 3 && <Tag title={a.changed.slice(3).join(', ')}>+{a.changed.length - 3}</Tag>}
      </span>
    </span>
  )
}

function Detail({ event: e, onResource, onClose }: { event: Event; onResource: () => void; onClose: () => void }) {
  const a = e.attributes
  return (
    <Dialog title={`${deed(a.action, a['resource-type'])} ${thing(a['resource-type'])}`.replace(/^./, (c) => c.toUpperCase())} wide onClose={onClose}>
      <Facts className="mt-2">
        <Fact name="When">{moment(a['created-at'])}</Fact>
        <Fact name="Who">{actorOf(e)}{a['actor-kind'] && <span className="text-muted"> ({a['actor-kind']})</span>}{a['actor-id'] && <> <Id>{a['actor-id']}</Id></>}</Fact>
        {a['resource-name'] && <Fact name="Name">{a['resource-name']}</Fact>}
        <Fact name="Resource">{a['resource-id'] ? <Id>{a['resource-id']}</Id> : <span className="text-faint">none</span>}</Fact>
        <Fact name="Was set">{a.changed.length === 0 ? <span className="text-faint">nothing by name</span> : <span className="flex flex-wrap gap-1">{a.changed.map((c) => <Tag key={c}>{c}</Tag>)}</span>}</Fact>
        <Fact name="From">{a['ip-address'] || <span className="text-faint">inside the server</span>}</Fact>
        {a['token-id'] && <Fact name="Token"><Id>{a['token-id']}</Id></Fact>}
        {a['request-id'] && <Fact name="Request"><Id>{a['request-id']}</Id></Fact>}
        <Fact name="Event"><Id>{e.id}</Id></Fact>
      </Facts>
      <p className="mt-4 text-sm text-muted">The trail holds the names of what was set, never the values: they may be secret.</p>
      {a['resource-id'] && <div className="mt-3 flex justify-end"><Button icon="filter" onClick={onResource}>All that happened to it</Button></div>}
    </Dialog>
  )
}

function Filters({ org, search, set }: { org: string | undefined; search: TrailSearch; set: (change: TrailSearch) => void }) {
  const kinds = useQuery(kindsOf(org)).data?.item.attributes
  const options = (list: readonly string[] | undefined, now: string | undefined) => [...new Set([...(list ?? []), ...(now ? [now] : [])])]
  const save = (as: 'csv' | 'json') => {
    window.location.assign(exportOf(org, as, filterOf(search)))
  }
  return (
    <FilterBar
      active={[search.actor, search.action, search.type, search.since, search.resource].filter(Boolean).length}
      search={<Late label="Search" value={search.q} onChange={(q) => set({ q })} />}
      choices={<>
      <Late label="Actor" plain className="sm:w-36!" value={search.actor} onChange={(actor) => set({ actor })} />
      <Select aria-label="Action" className="sm:w-36!" value={search.action ?? ''} onChange={(e) => set({ action: e.target.value || undefined })}>
        <option value="">Any action</option>
        {options(kinds?.actions, search.action).map((v) => <option key={v} value={v}>{v.replaceAll(/[-_]/g, ' ')}</option>)}
      </Select>
      <Select aria-label="Kind of resource" className="sm:w-44!" value={search.type ?? ''} onChange={(e) => set({ type: e.target.value || undefined })}>
        <option value="">Anything</option>
        {options(kinds?.['resource-types'], search.type).map((v) => <option key={v} value={v}>{v.replaceAll('-', ' ')}</option>)}
      </Select>
      <Select aria-label="Time" className="sm:w-40!" value={search.since ?? ''} onChange={(e) => set({ since: e.target.value || undefined })}>
        <option value="">All time</option>
        {Object.entries(times).map(([v, label]) => <option key={v} value={v}>{label}</option>)}
      </Select>
      <Menu
        label="Export"
        align="end"
        className="flex h-8 items-center gap-1.5 rounded-md border max-sm:h-10 border-line bg-surface px-3 shadow-low hover:border-line-strong hover:bg-hover"
        trigger={<><Icon name="download" />Export</>}
        items={[{ label: 'As CSV', onSelect: () => save('csv') }, { label: 'As JSON', onSelect: () => save('json') }]}
      />
      {search.resource && <Button small icon="cross" className="h-8!" onClick={() => set({ resource: undefined })}>{search.resource}</Button>}
      </>}
    />
  )
}
