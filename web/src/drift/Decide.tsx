// What people decide about findings: seen, ignored for a reason, silent for some days.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Select, Textarea } from '~/ui/Field'
import { toast } from '~/ui/Toast'

/** stale are the kinds that a decision changes. */
export const stale = ['drift-findings', 'drift-episodes', 'drift-summaries', 'drift-ignore-rules'] as const

const day = 86_400_000
const lengths = [['1', 'a day'], ['7', 'a week'], ['30', '30 days'], ['90', '90 days']] as const

/** Seen notes that somebody has seen a finding or an episode, or takes it back. */
export function Seen({ of, id, acknowledged }: { of: 'drift-findings' | 'drift-episodes'; id: string; acknowledged: boolean }) {
  const change = useChange(stale, () => api.create(`/${of}/{id}/actions/acknowledge`, { id }, body(of, { acknowledged: !acknowledged })), () => toast(acknowledged ? 'It is as if nobody had seen it.' : 'Noted that you have seen it.'))
  return (
    <>
      <Button icon="eye" busy={change.isPending} onClick={() => change.mutate(undefined)}>{acknowledged ? 'Not seen' : 'Acknowledge'}</Button>
      {change.error && <Failure error={change.error} className="w-full" />}
    </>
  )
}

/** Ignore makes a rule by which a finding is not told of. */
export function Ignore({ id, address, path, everywhere: mayEverywhere, onClose }: { id: string; address: string; path: string | null; everywhere: boolean; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const [days, setDays] = useState('30')
  const [everywhere, setEverywhere] = useState(false)
  const change = useChange(stale, () =>
    api.create('/drift-findings/{id}/actions/ignore', { id }, body('drift-findings', {
      reason, everywhere, 'expires-at': days === '' ? null : new Date(Date.now() + Number(days) * day).toISOString(),
    })), () => {
    toast('The finding is ignored.')
    onClose()
  })
  const wrong = fieldsOf(change.error)
  return (
    <Dialog title="Ignore the finding" onClose={onClose}>
      <form
        className="space-y-4"
        onSubmit={(e) => {
          e.preventDefault()
          change.mutate(undefined)
        }}
      >
        <p className="text-muted wrap-anywhere"><code className="font-mono">{address}{path ? ` ${path}` : ''}</code> makes no drift any more, and nobody is told of it.</p>
        <Field label="Reason" error={wrong.reason} help="Whoever comes after you reads it.">
          <Textarea rows={2} value={reason} onChange={(e) => setReason(e.target.value)} required autoFocus />
        </Field>
        <Field label="For" error={wrong['expires-at']}>
          <Select value={days} onChange={(e) => setDays(e.target.value)}>
            {lengths.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
            <option value="">as long as the rule exists</option>
          </Select>
        </Field>
        {mayEverywhere && <Choice label="Everywhere in the organization" help="Not only in this workspace or folder." checked={everywhere} onChange={(e) => setEverywhere(e.target.checked)} />}
        {change.error && Object.keys(wrong).length === 0 && <Failure error={change.error} />}
        <Actions>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" busy={change.isPending}>Ignore</Button>
        </Actions>
      </form>
    </Dialog>
  )
}

/** Snooze keeps the alerts of a folder silent. */
export function Snooze({ org, schedule, folder, onClose }: { org: string; schedule: string; folder: string; onClose: () => void }) {
  const [days, setDays] = useState('1')
  const change = useChange(['drift-snoozes'], () =>
    api.create('/organizations/{organization}/drift-snoozes', { organization: org }, body('drift-snoozes', { folder, days: Number(days) }, { schedule: { type: 'drift-schedules', id: schedule } })), () => {
    toast('The alerts are silent.')
    onClose()
  })
  return (
    <Dialog title="Snooze the alerts" onClose={onClose}>
      <form
        className="space-y-4"
        onSubmit={(e) => {
          e.preventDefault()
          change.mutate(undefined)
        }}
      >
        <p className="text-muted">Nobody is told of the drift that is there now. Something worse breaks through, and the end of the drift is the end of the snooze.</p>
        <Field label="For"><Select value={days} onChange={(e) => setDays(e.target.value)}>{lengths.map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select></Field>
        {change.error && <Failure error={change.error} />}
        <Actions>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" busy={change.isPending}>Snooze</Button>
        </Actions>
      </form>
    </Dialog>
  )
}
