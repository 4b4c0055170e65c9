// Stack component configurations: what they are, and their versions.
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Resource } from '~/kernel/jsonapi'
import { polling, wholeQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { MarkdownLine } from '~/ui/markdown/Markdown'

export function Components() {
  const { org } = useParams({ from: '/$org/registry/components' })
  const list = useQuery({ ...wholeQuery('registry-components', '/organizations/{organization}/registry-components', { organization: org }), ...polling })
  return (
    <>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      <Panel>
        {list.isPending && <SkeletonRows rows={3} />}
        {list.data?.items.length === 0 && <Empty icon="registry" title="No component configurations yet"><p>They are parts of Stacks, published with the API.</p></Empty>}
        {list.data && list.data.items.length > 0 && <ul aria-label="Component configurations">{list.data.items.map((c) => <One key={c.id} org={org} component={c} />)}</ul>}
      </Panel>
    </>
  )
}

function One({ org, component }: { org: string; component: Resource<'registry-components'> }) {
  const a = component.attributes
  return (
    <li className="relative border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover">
      <div className="flex flex-wrap items-center gap-3">
        <Link to="/$org/registry/components/$component" params={{ org, component: component.id }} className="font-medium after:absolute after:inset-0 hover:text-accent">{a.name}</Link>
        {a['latest-version'] ? <Badge tone="ok">{a['latest-version']}</Badge> : <Badge tone="warn">{a.status}</Badge>}
        <Time at={a['published-at'] ?? a['created-at']} className="ml-auto text-sm text-muted" />
      </div>
      {a.description && <p className="mt-0.5 wrap-anywhere text-muted"><MarkdownLine text={a.description} /></p>}
      {a['version-statuses'].length > 0 && <p className="mt-0.5 text-sm text-muted">Versions: {a['version-statuses'].map((v) => (v.status === 'completed' ? v.version : `${v.version} (${v.status})`)).join(', ')}</p>}
    </li>
  )
}
