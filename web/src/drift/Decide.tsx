// What people decide about drift: seen, given to somebody, silent for some days.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, type Included } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Field, Input } from '~/ui/Field'
import { Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'
import { Assign } from './Assign'

/** stale are the kinds that a decision changes. */
export const stale = ['drift-findings', 'drift-finding-groups', 'drift-episodes', 'drift-episode-events', 'drift-summaries', 'drift-heat-maps', 'drift-ignore-rules'] as const

/** lengths are for how many days something may be silent. */
export const lengths = [['1', 'a day'], ['7', 'a week'], ['30', '30 days'], ['90', '90 days']] as const

/** useOperateDrift tells whether the user may decide about drift of repositories. */
export function useOperateDrift(org: string): boolean {
  return useOrganization(org).attributes.permissions['can-operate-drift']
}

/** mayOperate tells whether the user may decide about drift in a place; operates is what useOperateDrift says. */
export function mayOperate(operates: boolean, of: { relationships?: unknown }, included: Included): boolean {
  const workspace = refOf(of, 'workspace')
  if (!workspace) return operates
  return included.get('workspaces', workspace.id)?.attributes.permissions['can-queue-run'] ?? false
}

type Of = { of: 'drift-findings' | 'drift-episodes'; id: string }

/** Seen notes that somebody has seen a finding or an episode, or takes it back. */
export function Seen({ of, id, acknowledged }: Of & { acknowledged: boolean }) {
  const change = useChange(
    stale,
    (seen: boolean) => api.create(`/${of}/{id}/actions/acknowledge`, { id }, body(of, { acknowledged: seen })),
    (_, seen) => toast(seen ? 'Noted that you have seen it.' : 'It is as if nobody had seen it.'),
    (seen) => ({ kind: of, id, attributes: { 'acknowledged-at': seen ? new Date().toISOString() : null } }),
  )
  return (
    <>
      <Button icon="eye" busy={change.isPending} onClick={() => change.mutate(!acknowledged)}>{acknowledged ? 'Not seen' : 'Acknowledge'}</Button>
      {change.error && <Failure error={change.error} className="w-full" />}
    </>
  )
}

/** Give assigns a finding or an episode. */
export function Give({ org, of, id, current }: Of & { org: string; current: string | undefined }) {
  const [asking, setAsking] = useState(false)
  const change = useChange(stale, (user: string | null) => api.create(`/${of}/{id}/actions/assign`, { id }, body(of, {}, { 'assigned-to': user === null ? null : { type: 'users', id: user } })), (_, user) => {
    setAsking(false)
    toast(user === null ? 'Nobody looks after it now.' : 'It is assigned.')
  })
  return (
    <>
      <Button icon="user" onClick={() => setAsking(true)}>Assign…</Button>
      {asking && <Assign org={org} title={of === 'drift-episodes' ? 'Assign the episode' : 'Assign the finding'} current={current} change={change} onClose={() => setAsking(false)} />}
    </>
  )
}

/** Snooze keeps the alerts of a folder silent. */
export function Snooze({ org, schedule, folder, onClose }: { org: string; schedule: string; folder: string; onClose: () => void }) {
  const [days, setDays] = useState('1')
  const change = useChange(['drift-snoozes', 'drift-episode-events', 'drift-schedules'], () =>
    api.create('/organizations/{organization}/drift-snoozes', { organization: org }, body('drift-snoozes', { folder, days: Number(days) }, { schedule: { type: 'drift-schedules', id: schedule } })), () => {
    toast('The alerts are silent.')
    onClose()
  })
  return (
    <FormDialog title="Snooze the alerts" action="Snooze" change={change} onClose={onClose}>
      <p className="text-muted">Nobody is told of the drift that is there now. Something worse breaks through, and the end of the drift is the end of the snooze.</p>
      <Field label="Days" help="From 1 to 365.">
        <Input type="number" min={1} max={365} required autoFocus value={days} onChange={(e) => setDays(e.target.value)} />
      </Field>
      <div className="flex flex-wrap gap-2">
        {lengths.map(([v, name]) => <Button key={v} small aria-pressed={days === v} onClick={() => setDays(v)}>{name}</Button>)}
      </div>
    </FormDialog>
  )
}
