// The mail server that notifications and alerts go through.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { readQuery, useChange } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'

export const mailQuery = readQuery('smtp-settings', '/admin/smtp-settings', {})

export function MailServer() {
  const { data, error, refetch } = useQuery(mailQuery)
  return (
    <Panel title="Mail server" padded>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <MailForm settings={data.item} />}
    </Panel>
  )
}

const goesBy: Record<string, string> = {
  settings: 'All mail goes by the server below.',
  options: 'Mail goes by the server of the option --smtp-address. Once the one below is on, all mail goes by it instead.',
  '': 'There is no mail server: notifications and alerts by mail are refused.',
}

function MailForm({ settings }: { settings: Resource<'smtp-settings'> }) {
  const a = settings.attributes
  const draft = useDraft({ enabled: a.enabled, host: a.host, port: String(a.port), tls: a.tls, sender: a.sender, auth: a.auth, username: a.username })
  const [once, setOnce] = useState({ password: '', test: '' })
  const f = { ...draft.values, ...once }
  const logsIn = f.auth !== 'none'
  const change = useChange(
    ['smtp-settings', 'installations'],
    () => api.update('/admin/smtp-settings', {}, body('smtp-settings', {
      enabled: f.enabled, host: f.host, port: Number(f.port), tls: f.tls, sender: f.sender, auth: f.auth, username: f.username,
      ...(f.password && { password: f.password }), ...(f.enabled && f.test && { 'test-email-address': f.test }),
    }, undefined, settings.id)),
    () => {
      toast(f.enabled && f.test ? `A test mail is on its way to ${f.test}. The mail server is saved.` : 'The mail server is saved.')
      setOnce({ password: '', test: '' })
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <Form change={change} draft={draft} names={{ enabled: 'whether mail goes by it', tls: 'encryption', auth: 'login', username: 'user name' }} action="Save mail server">
      <p className="text-muted">{goesBy[a['mail-goes-by']]}</p>
      <Choice label="Send all mail by this mail server" checked={f.enabled} onChange={(e) => draft.set({ enabled: e.target.checked })} />
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem_12rem]">
        <Field label="Host" error={wrong.host}><Input required={f.enabled} placeholder="mail.example.com" value={f.host} onChange={(e) => draft.set({ host: e.target.value })} /></Field>
        <Field label="Port" error={wrong.port}><Input type="number" required min={1} max={65535} value={f.port} onChange={(e) => draft.set({ port: e.target.value })} /></Field>
        <Field label="Encryption" error={wrong.tls}>
          <Select value={f.tls} onChange={(e) => draft.set({ tls: e.target.value })}>
            <option value="starttls">STARTTLS, always</option>
            <option value="implicit">TLS at once</option>
            <option value="off">none</option>
          </Select>
        </Field>
      </div>
      <Field label="Sender" help="Replies go there." error={wrong.sender}><Input required={f.enabled} placeholder="plumbline@example.com" value={f.sender} onChange={(e) => draft.set({ sender: e.target.value })} /></Field>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label="Login" error={wrong.auth}>
          <Select value={f.auth} onChange={(e) => draft.set({ auth: e.target.value })}>
            <option value="none">without</option>
            <option value="plain">PLAIN</option>
            <option value="login">LOGIN</option>
          </Select>
        </Field>
        {logsIn && <Field label="User name" error={wrong.username}><Input required={f.enabled} value={f.username} onChange={(e) => draft.set({ username: e.target.value })} /></Field>}
        {logsIn && <Field label="Password" help={a['has-password'] ? 'Empty: as it is. It is never shown.' : 'It is never shown again.'} error={wrong.password}><Input type="password" autoComplete="new-password" value={f.password} onChange={(e) => setOnce({ ...once, password: e.target.value })} /></Field>}
      </div>
      {f.enabled && (
        <Field label="Send a test mail to" optional help="It is sent first. If it fails, you read what the mail server said, and nothing is changed." error={wrong['test-email-address']}>
          <Input type="email" value={f.test} onChange={(e) => setOnce({ ...once, test: e.target.value })} />
        </Field>
      )}
    </Form>
  )
}
