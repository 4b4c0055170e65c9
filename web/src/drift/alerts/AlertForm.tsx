// What an alert is: its kind, its address, its words. What is secret is written and never read.
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState, type FocusEvent } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Field, Input, Select, Textarea } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { severityOptions } from '../words'
import { Placeholders } from './Placeholders'
import { Preview } from './Preview'
import { alertTypes, digests, typeOf } from './types'

type Alert = Resource<'drift-alerts'>
type Texts = 'subject' | 'body'

export function AlertForm({ org, alert }: { org: string; alert?: Alert }) {
  const was = alert?.attributes
  const navigate = useNavigate()
  const draft = useDraft({ name: was?.name ?? '', type: was?.type ?? 'other', subject: was?.subject ?? '', body: was?.body ?? '', 'min-severity': was?.['min-severity'] ?? '', digest: was?.digest ?? '', recipients: was?.recipients.join('\n') ?? '' })
  const { recipients, ...f } = draft.values
  const [secret, setSecret] = useState<Record<string, string | undefined>>({})
  const { set } = draft
  const insert = useInsertion((name, value) => set({ [name]: value }))
  const type = typeOf(f.type)
  const save = useChange(
    ['drift-alerts'],
    () => {
      const document = body('drift-alerts', { ...f, ...(f.type === 'email' && { recipients: recipients.split(/[\s,;]+/).filter(Boolean) }), ...secret }, undefined, alert?.id)
      return alert ? api.update('/drift-alerts/{id}', { id: alert.id }, document) : api.create('/organizations/{organization}/drift-alerts', { organization: org }, document)
    },
    ({ item }) => {
      setSecret({})
      toast(alert ? 'The alert is saved.' : 'The alert is made. Try it now.')
      if (!alert) return navigate({ to: '/$org/drift/alerts/$alert', params: { org, alert: item.id }, replace: true })
    },
  )
  const wrong = fieldsOf(save.error)
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,30rem)]">
      <Panel padded>
        <Form action={alert ? 'Save' : 'Make the alert'} change={save} draft={draft} names={{ 'min-severity': 'what it tells of', type: 'kind' }}>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Name" error={wrong.name}><Input value={f.name} onChange={(e) => set({ name: e.target.value })} required autoFocus={!alert} placeholder="on call, #infrastructure, …" /></Field>
            <Field label="Kind" error={wrong.type} help={type.about}>
              <Select
                value={f.type}
                onChange={(e) => {
                  set({ type: e.target.value, ...(typeOf(e.target.value).single && { digest: '' }) })
                  setSecret({})
                }}
              >
                {alertTypes.map((t) => <option key={t.value} value={t.value}>{t.label}</option>)}
              </Select>
            </Field>
          </div>
          <Destination type={f.type} alert={alert?.attributes.type === f.type ? alert : undefined} wrong={wrong} secret={secret} onSecret={setSecret} recipients={recipients} onRecipients={(v) => set({ recipients: v })} />
          <div onFocus={insert.onFocus} className="space-y-4">
            {type.subject && <Field label={type.subject} error={wrong.subject} optional help="Leave it empty for the one in the preview."><Input name="subject" value={f.subject} onChange={(e) => set({ subject: e.target.value })} /></Field>}
            <Field label={type.body} error={wrong.body} optional help={f.type === 'other' ? 'If it is JSON, values are put into its strings and it stays JSON. Leave it empty for the one in the preview.' : 'Leave it empty for the one in the preview.'}>
              <Textarea name="body" rows={9} className="font-mono text-sm" value={f.body} onChange={(e) => set({ body: e.target.value })} />
            </Field>
          </div>
          <Placeholders onInsert={(name) => insert.put(name, f)} />
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Tell of" error={wrong['min-severity']}>
              <Select value={f['min-severity']} onChange={(e) => set({ 'min-severity': e.target.value })}>
                <option value="">all drift</option>
                {severityOptions.filter(([v]) => v !== 'info').map(([v, name]) => <option key={v} value={v}>{name.toLowerCase()}{v === 'critical' ? ' only' : ' and worse'}</option>)}
              </Select>
            </Field>
            {!type.single && (
              <Field label="Folders" error={wrong.digest} help={digests.find(([v]) => v === f.digest)?.[2]}>
                <Select value={f.digest} onChange={(e) => set({ digest: e.target.value })}>{digests.map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select>
              </Field>
            )}
          </div>
        </Form>
      </Panel>
      <Preview org={org} type={f.type} subject={f.subject} body={f.body} />
    </div>
  )
}

type DestinationProps = {
  type: string
  /** The alert as it is, if it is of this kind already. */
  alert: Alert | undefined
  wrong: Record<string, string>
  secret: Record<string, string | undefined>
  onSecret: (s: Record<string, string | undefined>) => void
  recipients: string
  onRecipients: (v: string) => void
}

function Destination({ type: value, alert, wrong, secret, onSecret, recipients, onRecipients }: DestinationProps) {
  const type = typeOf(value)
  const kept = 'There is one, and nobody can read it. Leave it empty to keep it.'
  const field = (name: string) => ({ value: secret[name] ?? '', onChange: (e: { target: { value: string } }) => onSecret({ ...secret, [name]: e.target.value === '' && alert ? undefined : e.target.value }) })
  return (
    <>
      {type.url && (
        <Field label={type.url.label} error={wrong.url} optional={type.url.optional} help={alert?.attributes.url ? `Now ${alert.attributes.url}. Leave it empty to keep it.` : type.url.help}>
          <Input placeholder={type.url.example} required={!alert && !type.url.optional} {...field('url')} />
        </Field>
      )}
      {value === 'other' && (
        <Field label="Headers" error={wrong.headers} optional help={alert && alert.attributes['header-names'].length > 0 ? `Now ${alert.attributes['header-names'].join(', ')}, whose values nobody can read. Leave it empty to keep them.` : 'One “Name: value” on each line. They are sealed.'}>
          <Textarea rows={2} className="font-mono text-sm" placeholder="Authorization: Bearer …" {...field('headers')} />
        </Field>
      )}
      {type.secret && (
        <Field label={type.secret.label} error={wrong.secret} optional={type.secret.optional} help={alert?.attributes['has-secret'] ? kept : type.secret.help}>
          <Input type="password" autoComplete="new-password" required={!type.secret.optional && !alert?.attributes['has-secret']} {...field('secret')} />
        </Field>
      )}
      {value === 'email' && (
        <Field label="Recipients" error={wrong.recipients} help="Up to 50 addresses, divided by lines, commas or blanks."><Textarea rows={3} value={recipients} onChange={(e) => onRecipients(e.target.value)} required placeholder="oncall@example.com" /></Field>
      )}
      {type.single && value.endsWith('-issue') && <p className="text-sm text-muted">The repository of the schedule needs a token that may write issues.</p>}
    </>
  )
}

/** useInsertion puts words where the cursor was last, in the subject or the body. */
function useInsertion(set: (name: Texts, value: string) => void) {
  const last = useRef<HTMLInputElement | HTMLTextAreaElement>(null)
  return {
    onFocus: (e: FocusEvent) => {
      if (e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement) last.current = e.target
    },
    put: (word: string, now: Record<Texts, string>) => {
      const field = last.current?.isConnected ? last.current : document.querySelector<HTMLTextAreaElement>('textarea[name=body]')
      if (!field) return
      const name: Texts = field.name === 'subject' ? 'subject' : 'body'
      const from = field.selectionStart ?? now[name].length
      const before = now[name].slice(0, from)
      const after = now[name].slice(field.selectionEnd ?? from)
      const text = (/\w$/.test(before) ? ' ' : '') + word + (/^\w/.test(after) ? ' ' : '')
      set(name, before + text + after)
      requestAnimationFrame(() => {
        field.focus()
        field.setSelectionRange(from + text.length, from + text.length)
      })
    },
  }
}
