// Where drift is told of, and whether that works.
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { count } from '~/kernel/formats'
import { refsOf, type Resource } from '~/kernel/jsonapi'
import { allQuery, polling } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { LinkButton } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { digests, typeOf } from './types'

type Alert = Resource<'drift-alerts'>

export function AlertList() {
  const { org } = useParams({ from: '/$org/drift/alerts' })
  const may = useOrganization(org).attributes.permissions
  const list = useQuery({ ...allQuery('drift-alerts', '/organizations/{organization}/drift-alerts', { organization: org }), ...polling })
  const schedules = useQuery(allQuery('drift-schedules', '/organizations/{organization}/drift-schedules', { organization: org }))
  const uses = (a: Alert) => schedules.data?.filter((s) => refsOf(s, 'alerts').some((r) => r.id === a.id)).length
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">Drift is told when it is new, changes, gets worse or ends: not with every scan.</p>
        {may['can-manage-drift'] && <LinkButton look="primary" icon="plus" to="/$org/drift/alerts/$alert" params={{ org, alert: 'new' }}>New alert</LinkButton>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.length === 0 && <Empty icon="bell" title="Nobody is told of drift yet"><p>Make an alert, try it, and choose it in the schedules whose drift it should tell of.</p></Empty>}
        {list.data && list.data.length > 0 && <ul aria-label="Alerts">{list.data.map((a) => <Row key={a.id} org={org} alert={a} schedules={uses(a)} />)}</ul>}
      </Panel>
    </>
  )
}

function Row({ org, alert, schedules }: { org: string; alert: Alert; schedules: number | undefined }) {
  const a = alert.attributes
  const digest = digests.find(([value]) => value !== '' && value === a.digest)
  return (
    <li className="relative border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link to="/$org/drift/alerts/$alert" params={{ org, alert: alert.id }} className="font-medium wrap-anywhere after:absolute after:inset-0 hover:text-accent">{a.name}</Link>
        <LastStatus alert={alert} />
        {a['dead-letters'] > 0 && <Badge tone="bad" icon="warning">{count(a['dead-letters'], 'message')} not delivered</Badge>}
      </div>
      <p className="text-sm text-muted wrap-anywhere">
        {typeOf(a.type).label}{a.url && ` · ${a.url}`}{a.recipients.length > 0 && ` · ${a.recipients.slice(0, 3).join(', ')}${a.recipients.length > 3 ? ` and ${a.recipients.length - 3} more` : ''}`}
        {a['min-severity'] && a['min-severity'] !== 'info' && ` · ${a['min-severity']} and worse`}{digest && ` · ${digest[1]}`}
      </p>
      <p className="text-sm text-muted">
        {a['last-sent-at'] ? <>Last sent <Time at={a['last-sent-at']} /></> : 'Nothing sent yet'}{schedules === 0 && <span className="text-warn"> · no schedule uses it</span>}{schedules !== undefined && schedules > 0 && ` · used by ${count(schedules, 'schedule')}`}
      </p>
    </li>
  )
}

/** LastStatus says whether the last message of an alert went out. */
export function LastStatus({ alert }: { alert: Alert }) {
  const status = alert.attributes['last-status']
  if (status === 'sent') return <Badge tone="ok" icon="check">Works</Badge>
  if (status === 'failed') return <Badge tone="bad" icon="cross">Fails</Badge>
  return <Badge tone="idle" icon="clock">Not tried yet</Badge>
}
