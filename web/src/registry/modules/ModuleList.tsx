import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, listQuery, polling } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Button, LinkButton } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { kindIn, type Facets } from '../facets'

/** ModuleList are the modules of an organization. */
export function ModuleList() {
  const { org } = useParams({ from: '/$org/registry/modules' })
  const { q, kind, provider, page } = useSearch({ from: '/$org/registry/modules' })
  const navigate = useNavigate({ from: '/$org/registry/modules' })
  const set = (change: Facets) => void navigate({ search: (was) => ({ ...was, page: undefined, ...change }), replace: true })
  const may = useOrganization(org).attributes.permissions['can-create-module']
  const modules = useQuery({ ...listQuery('registry-modules', '/organizations/{organization}/registry-modules', { organization: org }, { q, 'filter[registry_name]': kind, 'filter[provider]': provider, 'page[size]': 50, 'page[number]': page }), ...polling })
  // The providers of the whole list stay to choose from when it is narrowed.
  const all = useQuery(allQuery('registry-modules', '/organizations/{organization}/registry-modules', { organization: org }, { 'fields[registry-modules]': 'provider' }))
  const providers = [...new Set([...(all.data?.map((m) => m.attributes.provider) ?? []), ...(provider ? [provider] : [])])].toSorted()
  const narrowed = q !== undefined || kind !== undefined || provider !== undefined
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Late label="Search modules" className="min-w-48 flex-1" value={q} onChange={(text) => set({ q: text })} />
        <Select aria-label="Provider" className="w-40! max-sm:flex-1" value={provider ?? ''} onChange={(e) => set({ provider: e.target.value || undefined })}>
          <option value="">All providers</option>
          {providers.map((p) => <option key={p} value={p}>{p}</option>)}
        </Select>
        <Select aria-label="Kind" className="w-36! max-sm:flex-1" value={kind ?? ''} onChange={(e) => set({ kind: kindIn(e.target.value) })}>
          <option value="">All kinds</option>
          <option value="private">Our own</option>
          <option value="public">Public</option>
        </Select>
        {may && <LinkButton to="/$org/registry/publish" params={{ org }} look="primary" icon="plus">Publish a module</LinkButton>}
      </div>
      {modules.error && <Failure error={modules.error} retry={() => void modules.refetch()} />}
      <Panel>
        {modules.isPending && <SkeletonRows />}
        {modules.data?.items.length === 0 && (narrowed ? <Empty icon="search" title="No module is like that" actions={<Button onClick={() => void navigate({ search: {}, replace: true })}>Show all</Button>} /> : <Empty icon="registry" title="No modules yet"><p>Publish configuration that many workspaces use, in versions. <code className="font-mono">tofu init</code> installs it from here.</p></Empty>)}
        {modules.data && modules.data.items.length > 0 && <ul aria-label="Modules">{modules.data.items.map((m) => <Row key={m.id} org={org} module={m} />)}</ul>}
      </Panel>
      {modules.data && <Pages at={modules.data.pagination} what="module" onPage={(page) => set({ page })} />}
    </>
  )
}

function Row({ org, module: m }: { org: string; module: Resource<'registry-modules'> }) {
  const a = m.attributes
  const revoked = a['revoked-versions'] ?? []
  const latest = a['version-statuses'].find((v) => v.status === 'ok' && !revoked.includes(v.version))?.version
  const deprecated = latest !== undefined && (a['deprecated-versions'] ?? []).includes(latest)
  const isPublic = a['registry-name'] === 'public'
  return (
    <li className="relative flex min-h-14 items-center gap-4 border-b border-line px-4 py-2 last:border-0 hover:bg-hover">
      <div className="min-w-0 flex-1">
        {isPublic ? (
          <span className="font-medium">{a.name}</span>
        ) : (
          <Link to="/$org/registry/modules/$namespace/$name/$provider" params={{ org, namespace: a.namespace, name: a.name, provider: a.provider }} className="font-medium after:absolute after:inset-0 hover:text-accent">{a.name}</Link>
        )}
        <div className="truncate text-sm text-muted">{a.namespace} · for {a.provider}</div>
      </div>
      {isPublic && <Badge tone="info">public</Badge>}
      {a['no-code'] && <Badge>no-code</Badge>}
      {deprecated && <Badge tone="warn" icon="warning">deprecated</Badge>}
      {latest ? <Badge tone={deprecated ? 'idle' : 'ok'}>{latest}</Badge> : !isPublic && (revoked.length > 0 ? <Badge tone="bad" icon="warning">revoked</Badge> : <Badge tone="warn">no version yet</Badge>)}
      <Time at={a['updated-at']} className="w-20 text-right text-sm whitespace-nowrap text-muted max-sm:hidden" />
    </li>
  )
}
