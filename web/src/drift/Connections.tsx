// The credentials by which scans read what is real.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Field, Input, Select, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Sources } from './Sources'
import { connectionKinds, type Told } from './kinds'

type Connection = Resource<'drift-connections'>

export function Connections() {
  const { org } = useParams({ from: '/$org/drift/connections' })
  const list = useQuery(allQuery('drift-connections', '/organizations/{organization}/drift-connections', { organization: org }))
  return (
    <Sources
      org={org}
      kind="drift-connections"
      label="Connections"
      noun="connection"
      icon="key"
      intro="Give them rights to read only: a scan changes nothing."
      empty="Scans need credentials that can read what the code describes."
      forgets="Its credentials are forgotten."
      list={list}
      remove={(id) => api.remove('/drift-connections/{id}', { id })}
      row={(c) => ({ name: c.attributes.name, status: c.attributes['test-status'], problem: c.attributes['test-status'] === 'bad' ? c.attributes['test-message'] : '', about: <About connection={c} /> })}
      form={(c, onClose) => <Edit org={org} connection={c} onClose={onClose} />}
    />
  )
}

/** About says what a connection is, and what the cloud must trust. */
function About({ connection }: { connection: Connection }) {
  const a = connection.attributes
  const trusted = [['External id for the trust policy', a['external-id']], ['Issuer', a.issuer], ['Audience', a.subject && a.details.audience], ['Subject', a.subject]] as const
  return (
    <>
      <p>{connectionKinds[a.type]?.label ?? a.type}{a.variables.length > 0 ? ` · sets ${a.variables.join(', ')}` : ''}{a['tested-at'] && <> · tested <Time at={a['tested-at']} /></>}</p>
      {trusted.map(([label, value]) => value && <p key={label}>{label}: <code className="font-mono">{value}</code></p>)}
    </>
  )
}

function Edit({ org, connection, onClose }: { org: string; connection: Connection | undefined; onClose: () => void }) {
  const was = connection?.attributes
  const known: Record<string, unknown> = { ...was?.details }
  const draft = useDraft({ name: was?.name ?? '', type: was?.type ?? 'oth' })
  const { name, type } = draft.values
  const [said, setSaid] = useState<Record<string, string>>({})
  const kind = connectionKinds[type]
  const kept = connection !== undefined && type === was?.type
  const valueOf = (f: Told) => said[f.field] ?? (kept && !f.secret ? String(known[f.field] ?? '') : '')
  const save = useChange(['drift-connections'], () => {
    const fields = (kind?.fields ?? []).filter((f) => !f.secret || valueOf(f) !== '').map((f) => [f.field, valueOf(f)])
    const document = body('drift-connections', { name, type, ...Object.fromEntries(fields) })
    return connection ? api.update('/drift-connections/{id}', { id: connection.id }, document) : api.create('/organizations/{organization}/drift-connections', { organization: org }, document)
  }, () => {
    onClose()
    toast('The connection is saved.')
  })
  const wrong = fieldsOf(save.error)
  return (
    <FormDialog title={connection ? 'Change the connection' : 'Add a connection'} action="Save" change={save} draft={draft} names={{ type: 'kind' }} onClose={onClose}>
      <Field label="Name" error={wrong.name}><Input value={name} onChange={(e) => draft.set({ name: e.target.value })} required autoFocus /></Field>
      <Field label="Kind" error={wrong.type} help={kind?.about}>
        <Select
          value={type}
          onChange={(e) => {
            draft.set({ type: e.target.value })
            setSaid({})
          }}
        >
          {Object.entries(connectionKinds).map(([v, k]) => <option key={v} value={v}>{k.label}</option>)}
        </Select>
      </Field>
      {kind?.file && (
        <p className="text-sm text-muted">
          <a className="underline" href={`/api/v2/organizations/${encodeURIComponent(org)}/drift-files/${kind.file}`} download={kind.file}>{kind.file}</a> makes what it needs, and denies what a scan need not read.
        </p>
      )}
      {kind?.fields.map((f) => (
        <Field key={f.field} label={f.label} error={wrong[f.field]} optional={f.optional ?? false} help={f.secret && kept ? 'Leave it empty to keep what is there; nobody can read it.' : f.help}>
          <Control told={f} value={valueOf(f)} required={!f.optional && !(f.secret && kept)} onChange={(v) => setSaid({ ...said, [f.field]: v })} />
        </Field>
      ))}
    </FormDialog>
  )
}

function Control({ told, value, required, onChange }: { told: Told; value: string; required: boolean; onChange: (v: string) => void }) {
  if (told.secret === 'text') return <Textarea rows={5} className="font-mono text-sm" value={value} onChange={(e) => onChange(e.target.value)} required={required} />
  if (told.secret) return <Input type="password" autoComplete="new-password" value={value} onChange={(e) => onChange(e.target.value)} required={required} />
  return <Input value={value} placeholder={told.placeholder} onChange={(e) => onChange(e.target.value)} required={required} />
}
