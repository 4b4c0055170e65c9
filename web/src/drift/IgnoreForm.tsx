// A rule by which findings are not told of, with a preview of what it silences.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Ref } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { useSettled } from '~/kernel/settled'
import { inDays } from '~/kernel/times'
import { Field, Input, Select, Textarea } from '~/ui/Field'
import { Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'
import { cx } from '~/ui/classes'
import { lengths, stale } from './Decide'
import { Severity, kinds } from './words'

/** Around is where a rule may hold beside everywhere. */
type Around = { name: string; folder: string; workspace: Ref | undefined; schedule: Ref | undefined }

type Props = { org: string; title: string; around: Around | undefined; address: string; path: string; kind?: string; onClose: () => void }

export function IgnoreForm({ org, title, around, address: address0, path: path0, kind, onClose }: Props) {
  const everywhere = useOrganization(org).attributes.permissions['can-operate-drift']
  const [scope, setScope] = useState(around ? 'here' : 'organization')
  const [address, setAddress] = useState(address0)
  const [path, setPath] = useState(path0)
  const [reason, setReason] = useState('')
  const [days, setDays] = useState('30')
  const here = scope === 'here' ? around : undefined
  const change = useChange(stale, () =>
    api.create('/organizations/{organization}/drift-ignore-rules', { organization: org }, body('drift-ignore-rules',
      { address, path, reason, kinds: kind ? [kind] : [], folder: here?.schedule ? here.folder : '', 'expires-at': inDays(days) },
      { ...(here?.workspace && { workspace: here.workspace }), ...(here?.schedule && { 'drift-schedule': here.schedule }) })), () => {
    toast('What the rule is about is ignored.')
    onClose()
  })
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={title} action="Ignore" change={change} onClose={onClose}>
      <p className="text-muted">It makes no drift any more, and nobody is told of it.</p>
      <Field label="Reason" error={wrong.reason} help="Whoever comes after you reads it.">
        <Textarea rows={2} value={reason} onChange={(e) => setReason(e.target.value)} required autoFocus />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Objects" error={wrong.address} help="An address; * is any text."><Input className="font-mono text-sm" value={address} onChange={(e) => setAddress(e.target.value)} required /></Field>
        <Field label="Attributes" optional error={wrong.path} help="Empty is any; * is any text."><Input className="font-mono text-sm" value={path} onChange={(e) => setPath(e.target.value)} /></Field>
        {around && (
          <Field label="Where">
            <Select value={scope} onChange={(e) => setScope(e.target.value)}>
              <option value="here">in {around.name}</option>
              {everywhere && <option value="organization">everywhere in the organization</option>}
            </Select>
          </Field>
        )}
        <Field label="For" error={wrong['expires-at']}>
          <Select value={days} onChange={(e) => setDays(e.target.value)}>
            {lengths.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
            <option value="">as long as the rule exists</option>
          </Select>
        </Field>
      </div>
      {kind && <p className="text-sm text-muted">Only findings of the kind “{kinds[kind]?.label ?? kind}”.</p>}
      <Preview org={org} address={address} path={path} kind={kind} here={here} />
    </FormDialog>
  )
}

function Preview({ org, address, path, kind, here }: { org: string; address: string; path: string; kind: string | undefined; here: Around | undefined }) {
  const query = JSON.parse(useSettled(JSON.stringify({
    'filter[address]': address, 'filter[path]': path, 'filter[kind]': kind, 'filter[workspace][id]': here?.workspace?.id, 'filter[schedule][id]': here?.schedule?.id,
    'filter[folder]': here?.schedule ? here.folder : undefined, 'page[size]': 20,
  }))) as api.Query // of a moment ago, while one types
  const list = useQuery({ ...listQuery('drift-findings', '/organizations/{organization}/drift-ignore-preview', { organization: org }, query), enabled: query['filter[address]'] !== '' })
  if (address === '') return null
  return (
    <section aria-label="Preview" aria-live="polite" className={cx('rounded-md border border-line', list.isPlaceholderData && 'opacity-60')}>
      <h3 className="border-b border-line px-3 py-2 text-sm font-medium">{list.data ? `This ignores ${count(list.data.pagination.total, 'finding')} of now` : 'What this ignores'}</h3>
      {list.error && <Failure error={list.error} className="m-3" />}
      {list.data && list.data.items.length > 0 && (
        <ul className="max-h-36 overflow-y-auto py-1" tabIndex={0} aria-label="What this ignores">
          {list.data.items.map((f) => (
            <li key={f.id} className="flex items-center gap-2 px-3 py-0.5">
              <Severity level={f.attributes.severity} />
              <span className="min-w-0 truncate font-mono text-xs">{f.attributes.address} {f.attributes.path}</span>
            </li>
          ))}
          {list.data.pagination.total > list.data.items.length && <li className="px-3 py-0.5 text-sm text-muted">and {list.data.pagination.total - list.data.items.length} more</li>}
        </ul>
      )}
    </section>
  )
}
