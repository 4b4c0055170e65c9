// What is different between two versions of a state.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { count, number } from '~/kernel/formats'
import { Badge, type Tone } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Diff } from '~/ui/Diff'
import { Empty, Failure, NotFound, Notice } from '~/ui/Failure'
import { SearchInput } from '~/ui/Field'
import { Caret, Icon } from '~/ui/Icon'
import { Panel, TextLink } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { useWorkspace } from '../current'
import { difference, type Difference, type ResourceDifference } from './difference'
import { fileQuery, versionQuery } from './queries'

export function CompareScreen() {
  const { from, to } = useSearch({ from: '/$org/workspaces/$workspace/states/compare' })
  return from && to ? <Compare key={`${from} ${to}`} from={from} to={to} /> : <NotFound />
}

function Compare({ from, to }: { from: string; to: string }) {
  const before = useSide(from)
  const after = useSide(to)
  const { org, workspace } = useWorkspace()
  const navigate = useNavigate()
  const found = useMemo(() => (before.file && after.file ? difference(before.file.state, after.file.state) : undefined), [before.file, after.file])
  const error = before.error ?? after.error
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-center gap-3">
        <Side side={before} />
        <Icon name="right" className="text-faint" />
        <span className="sr-only">compared with</span>
        <Side side={after} />
        <Button small look="quiet" icon="replace" className="ml-auto" onClick={() => void navigate({ to: '/$org/workspaces/$workspace/states/compare', params: { org, workspace: workspace.attributes.name }, search: { from: to, to: from } })}>Swap</Button>
      </div>
      {error && <Failure error={error} />}
      {!error && !found && <Panel><SkeletonRows /></Panel>}
      {found && <Found difference={found} />}
    </div>
  )
}

function useSide(id: string) {
  const version = useQuery(versionQuery(id))
  const file = useQuery(fileQuery(version.data?.item))
  const gone = version.data && version.data.item.attributes['hosted-state-download-url'] === null ? new Error('The data of one of these versions is not there any more.') : undefined
  return { version: version.data?.item, file: file.data, error: version.error ?? file.error ?? gone }
}

function Side({ side }: { side: ReturnType<typeof useSide> }) {
  const { org, workspace } = useWorkspace()
  if (!side.version) return <Skeleton className="h-9 w-40" />
  return (
    <span className="flex flex-wrap items-baseline gap-x-2 rounded-md border border-line bg-surface px-3 py-1.5">
      <TextLink to="/$org/workspaces/$workspace/states/$state" params={{ org, workspace: workspace.attributes.name, state: side.version.id }} className="font-medium">State {side.version.attributes.serial}</TextLink>
      <Time at={side.version.attributes['created-at']} className="text-sm text-muted" />
    </span>
  )
}

const looks: Record<ResourceDifference['op'], { sign: string; word: string; tone: Tone; className: string }> = {
  add: { sign: '+', word: 'added', tone: 'ok', className: 'text-ok' },
  change: { sign: '~', word: 'changed', tone: 'warn', className: 'text-warn' },
  remove: { sign: '−', word: 'removed', tone: 'bad', className: 'text-bad' },
}

/** step is how many resources are shown at a time. */
const step = 200

function Found({ difference: d }: { difference: Difference }) {
  const [words, setWords] = useState('')
  const [shown, setShown] = useState(step)
  const list = d.resources.filter((r) => r.address.toLowerCase().includes(words.trim().toLowerCase()))
  if (d.resources.length + d.outputs.length === 0) {
    return <Panel><Empty icon="check" title="They hold the same"><p>{count(d.unchanged, 'resource')}, and all are as they were.</p></Empty></Panel>
  }
  return (
    <>
      {d.otherLineage && <Notice tone="warn" icon="warning">These states are of different lineages: one is not a later time of the other.</Notice>}
      {d.resources.length > 0 && (
        <Panel
          title={
            <span className="flex flex-wrap items-center gap-x-3 font-mono text-sm tabular">
              {(['add', 'change', 'remove'] as const).map((op) => {
                const n = d.resources.filter((r) => r.op === op).length
                return n > 0 && <span key={op} className={looks[op].className}>{looks[op].sign}{number(n)} {looks[op].word}</span>
              })}
              <span className="font-sans font-normal text-muted">{number(d.unchanged)} as they were</span>
            </span>
          }
          actions={d.resources.length > 5 && <SearchInput label="Search addresses" className="w-56" value={words} onChange={(e) => setWords(e.target.value)} />}
        >
          <ul aria-label="Resources that are different">{list.slice(0, shown).map((r) => <Row key={r.address} resource={r} open={d.resources.length <= 3} />)}</ul>
          {list.length > shown && <div className="px-4 py-2.5"><Button small onClick={() => setShown(shown + step)}>Show more</Button></div>}
        </Panel>
      )}
      {d.outputs.length > 0 && <Panel title="Outputs"><Diff nodes={d.outputs.map((o) => o.node)} /></Panel>}
    </>
  )
}

function Row({ resource: r, open: first }: { resource: ResourceDifference; open: boolean }) {
  const [open, setOpen] = useState(first)
  const look = looks[r.op]
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="touch flex min-h-9 w-full items-center gap-2.5 px-4 py-1.5 text-left hover:bg-hover">
        <Caret open={open} />
        <span className="min-w-0 flex-1 font-mono text-sm font-medium wrap-anywhere">{r.address}</span>
        {r.recreated && <Badge tone="replace">other id</Badge>}
        <Badge tone={look.tone}>{look.word}</Badge>
      </button>
      {open && <div className="border-t border-line bg-sunken/60"><Diff nodes={r.nodes()} whole={r.op !== 'change'} /></div>}
    </li>
  )
}
