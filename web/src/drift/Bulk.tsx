// What is decided about several findings at once: one request, all of them or none.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { inDays } from '~/kernel/times'
import { Button } from '~/ui/Button'
import { Choice, Field, Select, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { toast, toastError } from '~/ui/Toast'
import { Assign } from './Assign'
import { lengths, mayOperate, stale, useOperateDrift } from './Decide'
import { narrowing } from './queries'
import type { FindingFilter } from './routes'

/** most is how many findings a request may be about. */
const most = 1000

type Props = { org: string; filter: FindingFilter; total: number; picked: ReadonlySet<string>; onPick: (ids: ReadonlySet<string>) => void }

export function Bulk({ org, filter, total, picked, onPick }: Props) {
  const [asking, setAsking] = useState<'assign' | 'ignore'>()
  const ids = [...picked]
  const operates = useOperateDrift(org)
  const all = useChange([], () => everyId(org, filter, operates), onPick)
  const done = (text: string) => () => {
    setAsking(undefined)
    onPick(new Set())
    toast(text)
  }
  const post = (action: 'acknowledge' | 'assign' | 'ignore', attributes: Record<string, unknown>, assignee?: string | null) =>
    api.send('POST', api.address(`/organizations/{organization}/drift-findings/actions/${action}`, { organization: org }), body('drift-findings', attributes, {
      'drift-findings': ids.map((id) => ({ type: 'drift-findings', id })), ...(assignee !== undefined && { 'assigned-to': assignee === null ? null : { type: 'users', id: assignee } }),
    }))
  const some = count(ids.length, 'finding')
  const acknowledge = useChange(stale, () => post('acknowledge', {}), done(`Noted that you have seen ${some}.`))
  const assign = useChange(stale, (user: string | null) => post('assign', {}, user), done(`${some} assigned.`))
  return (
    <div role="region" aria-label="Selected findings" className="sticky bottom-3 z-20 mt-4 flex flex-wrap items-center gap-2 rounded-lg border border-line bg-raised p-3 shadow-high">
      <span className="font-medium tabular">{some} selected</span>
      {picked.size < total && <Button small look="quiet" busy={all.isPending} onClick={() => all.mutate(undefined, { onError: toastError })}>{total <= most ? `Select all ${total}` : `Select the first ${most}`}</Button>}
      <Button small look="quiet" onClick={() => onPick(new Set())}>Clear</Button>
      <span className="ml-auto flex flex-wrap gap-2">
        <Button small icon="eye" busy={acknowledge.isPending} onClick={() => acknowledge.mutate(undefined, { onError: toastError })}>Acknowledge</Button>
        <Button small icon="user" onClick={() => setAsking('assign')}>Assign…</Button>
        <Button small icon="minus" onClick={() => setAsking('ignore')}>Ignore…</Button>
      </span>
      {asking === 'assign' && <Assign org={org} title={`Assign ${some}`} current={undefined} change={assign} onClose={() => setAsking(undefined)} />}
      {asking === 'ignore' && <IgnoreMany org={org} some={some} post={(attributes) => post('ignore', attributes)} onDone={done(`${some} ignored.`)} onClose={() => setAsking(undefined)} />}
    </div>
  )
}

/** everyId are the findings that a filter lets through and that the user may decide about. */
async function everyId(org: string, filter: FindingFilter, operates: boolean): Promise<ReadonlySet<string>> {
  const out = new Set<string>()
  for (let number = 1; out.size < most; number++) {
    const page = await api.list('/organizations/{organization}/drift-findings', { organization: org }, { ...narrowing(filter), sort: filter.sort, 'page[size]': 100, 'page[number]': number, include: 'workspace' })
    for (const f of page.items) if (f.attributes.status !== 'resolved' && mayOperate(operates, f, page.included)) out.add(f.id)
    if (page.pagination.next === null) break
  }
  return new Set([...out].slice(0, most))
}

function IgnoreMany({ org, some, post, onDone, onClose }: { org: string; some: string; post: (attributes: Record<string, unknown>) => Promise<unknown>; onDone: () => void; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const [days, setDays] = useState('30')
  const [everywhere, setEverywhere] = useState(false)
  const may = useOrganization(org).attributes.permissions['can-operate-drift']
  const change = useChange(stale, () => post({ reason, everywhere, 'expires-at': inDays(days) }), onDone)
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={`Ignore ${some}`} action="Ignore" change={change} onClose={onClose}>
      <p className="text-muted">Each gets a rule of its own: the attribute of the object makes no drift any more, and nobody is told of it.</p>
      <Field label="Reason" error={wrong.reason} help="Whoever comes after you reads it."><Textarea rows={2} value={reason} onChange={(e) => setReason(e.target.value)} required autoFocus /></Field>
      <Field label="For" error={wrong['expires-at']}>
        <Select value={days} onChange={(e) => setDays(e.target.value)}>
          {lengths.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
          <option value="">as long as the rules exist</option>
        </Select>
      </Field>
      {may && <Choice label="Everywhere in the organization" help="Not only where they were found." checked={everywhere} onChange={(e) => setEverywhere(e.target.checked)} />}
    </FormDialog>
  )
}
