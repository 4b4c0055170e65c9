// What happened to an episode, the newest first.
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { count, moment } from '~/kernel/formats'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { polling, wholeQuery } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Icon, type IconName } from '~/ui/Icon'
import { Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Severity } from './words'

type Happening = Resource<'drift-episode-events'>

type Look = { icon: IconName; tone: string; text: (e: Happening, who: string, to: string) => ReactNode }

const found = (e: Happening) => count(e.attributes['findings-count'], 'finding')

const looks: Record<string, Look> = {
  opened: { icon: 'drift', tone: 'bg-warn-soft text-warn', text: (e) => (e.attributes['findings-count'] > 0 ? <>Drift began: {found(e)}</> : 'Drift began') },
  reopened: { icon: 'drift', tone: 'bg-warn-soft text-warn', text: (e) => <>It came back: {found(e)}</> },
  changed: { icon: 'pencil', tone: 'bg-info-soft text-info', text: (e) => <>It changed: {found(e)} now</> },
  raised: { icon: 'warning', tone: 'bg-bad-soft text-bad', text: (e) => <>It got worse: {found(e)}</> },
  resolved: { icon: 'check', tone: 'bg-ok-soft text-ok', text: () => 'Resolved' },
  acknowledged: { icon: 'eye', tone: 'bg-idle-soft text-idle', text: (_, who) => `${who} acknowledged it` },
  unacknowledged: { icon: 'eye', tone: 'bg-idle-soft text-idle', text: (_, who) => `${who} took the acknowledgement back` },
  assigned: { icon: 'user', tone: 'bg-accent-soft text-accent', text: (_, who, to) => (who === to ? `${who} took it on` : `${who} assigned it to ${to}`) },
  unassigned: { icon: 'user', tone: 'bg-idle-soft text-idle', text: (_, who) => `${who} assigned it to nobody` },
  ignored: { icon: 'minus', tone: 'bg-idle-soft text-idle', text: (e, who) => `${who} ignored ${found(e)}` },
  unignored: { icon: 'plus', tone: 'bg-info-soft text-info', text: (e) => `${found(e)} counted again` },
  snoozed: { icon: 'bell', tone: 'bg-idle-soft text-idle', text: (e, who) => <>{who} snoozed the alerts{e.attributes.detail && ` until ${moment(e.attributes.detail)}`}</> },
  woken: { icon: 'bell', tone: 'bg-info-soft text-info', text: (_, who) => `${who} ended the snooze` },
  alerted: { icon: 'bell', tone: 'bg-accent-soft text-accent', text: (e) => `Alerted: ${e.attributes.detail ?? ''}` },
  'alert-failed': { icon: 'bell', tone: 'bg-bad-soft text-bad', text: (e) => `The alert ${e.attributes.detail ?? ''} did not go out` },
}

const reasoned = new Set(['ignored', 'unignored'])

export function Happenings({ org, episode }: { org: string; episode: string }) {
  const list = useQuery({ ...wholeQuery('drift-episode-events', '/drift-episodes/{id}/drift-episode-events', { id: episode }, { include: 'actor,assigned-to' }), ...polling })
  const name = (e: Happening, of: string) => list.data?.included.get('users', refOf(e, of)?.id)?.attributes.username
  return (
    <Panel title="What happened">
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.isPending && <SkeletonRows rows={4} />}
      {list.data && (
        <ol aria-label="What happened" className="px-4 py-3">
          {list.data.items.map((e, i) => <One key={e.id} org={org} event={e} who={name(e, 'actor') ?? (e.attributes.kind === 'snoozed' ? 'Somebody with a link' : 'Plumbline')} to={name(e, 'assigned-to') ?? 'somebody'} last={i === list.data.items.length - 1} />)}
        </ol>
      )}
    </Panel>
  )
}

function One({ org, event, who, to, last }: { org: string; event: Happening; who: string; to: string; last: boolean }) {
  const a = event.attributes
  const look = looks[a.kind] ?? { icon: 'info' as const, tone: 'bg-idle-soft text-idle', text: () => a.kind }
  const scan = refOf(event, 'drift-scan')
  return (
    <li className="relative flex gap-3 pb-4 last:pb-0">
      {!last && <span aria-hidden="true" className="absolute top-6 bottom-0 left-3 w-px bg-line" />}
      <span className={cx('relative flex size-6 shrink-0 items-center justify-center rounded-full', look.tone)}><Icon name={look.icon} size={13} /></span>
      <div className="min-w-0 flex-1 pt-0.5">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="wrap-anywhere">{look.text(event, who, to)}</span>
          {a.severity && a.kind !== 'resolved' && <Severity level={a.severity} />}
        </div>
        {reasoned.has(a.kind) && a.detail && <p className="text-sm text-muted wrap-anywhere">{a.detail}</p>}
        <p className="text-sm text-muted">
          <Time at={a.at} />
          {scan && <> · <TextLink to="/$org/drift/scans/$scan" params={{ org, scan: scan.id }} className="underline">the scan</TextLink></>}
        </p>
      </div>
    </li>
  )
}
