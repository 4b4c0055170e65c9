// What should be looked at and is not: nobody knows whether it drifts.
import { useQuery } from '@tanstack/react-query'
import { allQuery, polling } from '~/kernel/queries'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { Badge } from '~/ui/Badge'
import { Failure } from '~/ui/Failure'
import { Panel, TextLink } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'

const states: Record<string, { label: string; tone: 'bad' | 'warn' | 'idle'; icon: 'cross' | 'lock' | 'clock' }> = {
  errored: { label: 'Fails', tone: 'bad', icon: 'cross' },
  blocked: { label: 'Blocked', tone: 'warn', icon: 'lock' },
  unknown: { label: 'Never looked at', tone: 'idle', icon: 'clock' },
}

/** Blind is there only if there is something to tell. */
export function Blind({ org }: { org: string }) {
  const list = useQuery({ ...allQuery('drift-blind-spots', '/organizations/{organization}/drift-blind-spots', { organization: org }), ...polling })
  if (list.error) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (list.isPending) return <Skeleton className="h-40 w-full" />
  if (list.data.length === 0) return null
  return (
    <Panel title={`Without a successful scan: ${list.data.length}`}>
      <ul aria-label="Without a successful scan" className="max-h-96 overflow-y-auto">
        {list.data.map((b) => <Spot key={b.id} org={org} spot={b} />)}
      </ul>
    </Panel>
  )
}

function Spot({ org, spot }: { org: string; spot: Resource<'drift-blind-spots'> }) {
  const a = spot.attributes
  const state = states[a.state]
  const scan = refOf(spot, 'drift-scan')
  const name = [a.name || 'A schedule', a.folder === '.' ? undefined : a.folder].filter(Boolean).join(' · ')
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <div className="flex flex-wrap items-center gap-2">
        {refOf(spot, 'workspace') ? <TextLink to="/$org/workspaces/$workspace/health" params={{ org, workspace: a.name }} className="font-medium wrap-anywhere">{name}</TextLink>
          : scan ? <TextLink to="/$org/drift/scans/$scan" params={{ org, scan: scan.id }} className="font-medium wrap-anywhere">{name}</TextLink>
          : <TextLink to="/$org/drift/schedules" params={{ org }} className="font-medium wrap-anywhere">{name}</TextLink>}
        {state && <Badge tone={state.tone} icon={state.icon}>{state.label}</Badge>}
      </div>
      {a.reason && <p className="mt-0.5 line-clamp-3 text-sm text-muted wrap-anywhere">{a.reason}</p>}
      {a['last-success-at'] && <p className="mt-0.5 text-sm text-muted">last success <Time at={a['last-success-at']} /></p>}
    </li>
  )
}
