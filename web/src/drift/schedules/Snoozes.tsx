import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange, wholeQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Field, Input, Select } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'

/** Snoozes are the folders of a schedule whose alerts are silent for a while. */
export function Snoozes({ org, schedule }: { org: string; schedule: Resource<'drift-schedules'> }) {
  const may = useOrganization(org).attributes.permissions['can-operate-drift']
  const [adding, setAdding] = useState(false)
  const { data, error } = useQuery(wholeQuery('drift-snoozes', '/organizations/{organization}/drift-snoozes', { organization: org }, { 'filter[schedule]': schedule.id }))
  const end = useChange(['drift-snoozes', 'drift-schedules'], (id: string) => api.remove('/drift-snoozes/{id}', { id }), () => toast('Its alerts are heard again.'))
  return (
    <Panel title="Snoozed" actions={may && <Button small icon="plus" onClick={() => setAdding(true)}>Snooze</Button>}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {data?.items.length === 0 && <p className="px-4 py-3 text-sm text-muted">No folder is snoozed.</p>}
      <ul aria-label="Snoozed folders">
        {data?.items.map((s) => (
          <li key={s.id} className="flex items-center gap-2 border-b border-line px-4 py-2 last:border-0">
            <div className="min-w-0 flex-1">
              <p className="font-mono text-sm wrap-anywhere">{s.attributes.folder}</p>
              <p className="text-sm text-muted">ends <Time at={s.attributes.until} /></p>
            </div>
            {may && <Button small busy={end.isPending} aria-label={`End now: the snooze of ${s.attributes.folder}`} onClick={() => end.mutate(s.id, { onError: toastError })}>End now</Button>}
          </li>
        ))}
      </ul>
      {adding && <Add org={org} schedule={schedule} onClose={() => setAdding(false)} />}
    </Panel>
  )
}

function Add({ org, schedule, onClose }: { org: string; schedule: Resource<'drift-schedules'>; onClose: () => void }) {
  const [folder, setFolder] = useState(schedule.attributes.folders.find((f) => !f.includes('*')) ?? '.')
  const [days, setDays] = useState('3')
  const change = useChange(
    ['drift-snoozes', 'drift-schedules'],
    () => api.create('/organizations/{organization}/drift-snoozes', { organization: org }, body('drift-snoozes', { folder, days: Number(days) }, { schedule: { type: 'drift-schedules', id: schedule.id } })),
    () => {
      onClose()
      toast('Its alerts are silent.')
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title="Snooze a folder" action="Snooze" change={change} onClose={onClose}>
      <p className="text-muted">Its alerts are silent for a while, unless the drift gets worse. It ends when the drift does.</p>
      <Field label="Folder" error={wrong.folder}><Input className="font-mono" value={folder} onChange={(e) => setFolder(e.target.value)} required autoFocus /></Field>
      <Field label="For" error={wrong.days}><Select value={days} onChange={(e) => setDays(e.target.value)}>{[1, 3, 7, 14, 30, 90].map((d) => <option key={d} value={d}>{count(d, 'day')}</option>)}</Select></Field>
    </FormDialog>
  )
}
