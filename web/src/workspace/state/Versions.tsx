// The history of a workspace's state.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { brief, bytes, count } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { useWorkspace } from '../current'
import { versionsQuery } from './queries'

export function Versions() {
  const { org, workspace } = useWorkspace()
  const [page, setPage] = useState(1)
  const [chosen, setChosen] = useState<readonly Resource<'state-versions'>[]>([])
  const versions = useQuery(versionsQuery(workspace.id, page))
  const navigate = useNavigate()
  const params = { org, workspace: workspace.attributes.name }
  const current = refOf(workspace, 'current-state-version')?.id
  const isChosen = (v: Resource<'state-versions'>) => chosen.some((c) => c.id === v.id)
  const toggle = (v: Resource<'state-versions'>) => setChosen((was) => (isChosen(v) ? was.filter((c) => c.id !== v.id) : [...was.slice(-1), v]))
  if (versions.isPending) return <Panel><SkeletonRows /></Panel>
  if (versions.error) return <Failure error={versions.error} retry={() => void versions.refetch()} />
  const { items, included, pagination } = versions.data
  if (items.length === 0) return <Panel><Empty icon="state" title="There is no state yet"><p>The first apply makes it. A state that you have already is brought here by <code className="font-mono">tofu init</code>, which asks to migrate it.</p></Empty></Panel>
  const [from, to] = chosen.toSorted((a, b) => a.attributes.serial - b.attributes.serial)
  return (
    <>
      <div className="mb-3 flex min-h-8 flex-wrap items-center justify-between gap-2 text-muted">
        <span>{count(pagination.total, 'version')}{pagination.total > 1 && '. Choose two to see what is different between them.'}</span>
        {pagination.total > 1 && <Button icon="replace" disabled={to === undefined} onClick={() => void navigate({ to: '/$org/workspaces/$workspace/states/compare', params, search: { from: from?.id, to: to?.id } })}>Compare</Button>}
      </div>
      <Panel>
        <ul aria-label="Versions of the state">
          {items.map((v) => <Row key={v.id} params={params} version={v} included={included} current={v.id === current} chosen={isChosen(v)} onChoose={() => toggle(v)} />)}
        </ul>
      </Panel>
      <Pages at={pagination} what="version" before="Newer" after="Older" onPage={setPage} />
    </>
  )
}

type RowProps = { params: { org: string; workspace: string }; version: Resource<'state-versions'>; included: Included; current: boolean; chosen: boolean; onChoose: () => void }

function Row({ params, version, included, current, chosen, onChoose }: RowProps) {
  const a = version.attributes
  const who = included.get('users', refOf(version, 'created-by')?.id)?.attributes.username
  const run = included.get('runs', refOf(version, 'run')?.id)
  const readable = a.status === 'finalized'
  return (
    <li className="relative flex min-h-14 items-center gap-3.5 border-b border-line px-4 py-2 last:border-0 hover:bg-hover">
      <input type="checkbox" className="relative z-10 size-4 shrink-0 accent-accent max-sm:size-5" aria-label={`Choose version ${a.serial}`} checked={chosen} disabled={!readable} onChange={onChoose} />
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <Link to="/$org/workspaces/$workspace/states/$state" params={{ ...params, state: version.id }} className="font-medium after:absolute after:inset-0 hover:text-accent">State {a.serial}</Link>
          {current && <Badge tone="ok" icon="check">Current</Badge>}
          {a.intermediate && <Badge tone="warn">While applying</Badge>}
          {refOf(version, 'rollback-state-version') && <Badge tone="info">Rolled back</Badge>}
          {!readable && <Badge>{a.status.replaceAll('_', ' ')}</Badge>}
        </div>
        <div className="line-clamp-2 text-sm wrap-anywhere text-muted sm:line-clamp-1">
          {run ? brief(run.attributes.message, 300) : 'uploaded'}
          {who && ` · by ${who}`}
        </div>
      </div>
      <span className="w-28 text-right text-sm text-muted tabular max-md:hidden">{instances(a.resources) ?? ''}</span>
      <span className="w-16 text-right text-sm text-muted tabular max-sm:hidden">{bytes(a.size)}</span>
      <Time at={a['created-at']} className="w-20 text-right text-sm whitespace-nowrap text-muted" />
    </li>
  )
}

function instances(list: unknown): string | undefined {
  if (!Array.isArray(list)) return undefined
  return count((list as { count?: number }[]).reduce((sum, r) => sum + (r.count ?? 0), 0), 'resource')
}
