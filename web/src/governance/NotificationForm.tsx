import { useState } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useMembers } from '~/organization/people'
import { Choice, Field, Input, Select, Textarea, Wrong } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'
import { create, usersOf, type Configuration, type Place } from './queries'
import { destinations, teamTriggers, triggerGroups } from './triggers'

type Props = { org: string; place: Place; configuration: Configuration | undefined; onClose: () => void }

/** NotificationForm makes a notification or changes one. What is on is tried when it is saved. */
export function NotificationForm({ org, place, configuration, onClose }: Props) {
  const was = configuration?.attributes
  const draft = useDraft({
    name: was?.name ?? '', enabled: was?.enabled ?? true, triggers: was?.triggers ?? (place.kind === 'teams' ? ['change_request:created'] : ['run:needs_attention', 'run:errored']),
    url: was?.url ?? '', addresses: was?.['email-addresses'].join('\n') ?? '', people: configuration ? (usersOf(configuration)?.users.map((u) => u.id) ?? []) : [],
  })
  const { url, addresses, people, ...f } = draft.values
  const [destination, setDestination] = useState(was?.['destination-type'] ?? 'generic')
  const [token, setToken] = useState('')
  const { set } = draft
  const isMail = destination === 'email'
  const change = useChange(
    ['notification-configurations'],
    () => {
      const attributes = { ...f, ...(!configuration && { 'destination-type': destination }), ...(isMail ? { 'email-addresses': addresses.split(/[\s,;]+/).filter(Boolean) } : { url }), ...(token !== '' && { token }) }
      const document = body('notification-configurations', attributes, isMail ? { users: people.map((id) => ({ type: 'users', id })) } : undefined, configuration?.id)
      return configuration ? api.update('/notification-configurations/{id}', { id: configuration.id }, document) : create(place, document)
    },
    () => {
      onClose()
      toast('The notification is saved.')
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={configuration ? 'Change the notification' : 'New notification'} action="Save" change={change} draft={draft} names={{ enabled: 'whether it is on', triggers: 'what it tells of', url: 'address' }} onClose={onClose}>
      <Field label="Name" error={wrong.name}><Input value={f.name} onChange={(e) => set({ name: e.target.value })} required autoFocus /></Field>
      <Field label="Goes to" error={wrong['destination-type']} help={destinations[destination]?.about}>
        <Select value={destination} onChange={(e) => setDestination(e.target.value)} disabled={configuration !== undefined}>{Object.entries(destinations).map(([v, d]) => <option key={v} value={v}>{d.label}</option>)}</Select>
      </Field>
      {!isMail && <Field label="Address" error={wrong.url}><Input value={url} onChange={(e) => set({ url: e.target.value })} required placeholder={destinations[destination]?.example} /></Field>}
      {destination === 'generic' && (
        <Field label="Token" error={wrong.token} optional help={`With it, X-TFE-Notification-Signature is an HMAC-SHA512 of the body.${configuration ? ' Nobody can read it; leave it empty to keep what is there.' : ''}`}>
          <Input type="password" autoComplete="new-password" value={token} onChange={(e) => setToken(e.target.value)} />
        </Field>
      )}
      {isMail && <People org={org} chosen={people} onChange={(ids) => set({ people: ids })} />}
      {isMail && <Field label="Other addresses" error={wrong['email-addresses']} optional><Textarea rows={2} value={addresses} onChange={(e) => set({ addresses: e.target.value })} placeholder="team@example.com" /></Field>}
      <Triggers groups={place.kind === 'teams' ? teamTriggers : triggerGroups} chosen={f.triggers} onChange={(triggers) => set({ triggers })} error={wrong.triggers} />
      <Choice label="On" help={isMail ? undefined : 'It is saved as on only if the destination takes a test message now.'} checked={f.enabled} onChange={(e) => set({ enabled: e.target.checked })} />
    </FormDialog>
  )
}

type TriggersProps = { groups: typeof triggerGroups; chosen: string[]; onChange: (triggers: string[]) => void; error: string | undefined }

function Triggers({ groups, chosen, onChange, error }: TriggersProps) {
  return (
    <>
      {groups.map((g) => (
        <fieldset key={g.group}>
          <legend className="mb-1.5 font-medium">{g.group}</legend>
          <div className="grid gap-x-4 gap-y-2 sm:grid-cols-2">
            {g.triggers.map((t) => <Choice key={t.value} label={t.label} help={t.help} checked={chosen.includes(t.value)} onChange={(e) => onChange(e.target.checked ? [...chosen, t.value] : chosen.filter((c) => c !== t.value))} />)}
          </div>
        </fieldset>
      ))}
      {error && <Wrong text={error} />}
    </>
  )
}

function People({ org, chosen, onChange }: { org: string; chosen: string[]; onChange: (ids: string[]) => void }) {
  const members = useMembers(org).data
  if (!members || members.length === 0) return null
  return (
    <fieldset>
      <legend className="mb-1.5 font-medium">Members</legend>
      <div className="grid max-h-40 gap-x-4 gap-y-2 overflow-auto sm:grid-cols-2">
        {members.map((m) => <Choice key={m.id} label={m.name} help={m.email} checked={chosen.includes(m.id)} onChange={(e) => onChange(e.target.checked ? [...chosen, m.id] : chosen.filter((c) => c !== m.id))} />)}
      </div>
    </fieldset>
  )
}
