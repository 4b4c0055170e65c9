// The credentials by which scans read what is real.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button, IconButton } from '~/ui/Button'
import { Actions, Confirm, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Input, Select, Textarea } from '~/ui/Field'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Test } from './Test'
import { Outcome } from './words'

type Connection = Resource<'drift-connections'>

const types: Record<string, string> = { 'aws-role': 'AWS, a role', aws: 'AWS, access keys', 'gcp-role': 'Google Cloud, workload identity', gcp: 'Google Cloud, a service account', oth: 'Environment variables' }

export function Connections() {
  const { org } = useParams({ from: '/$org/drift/connections' })
  const may = useOrganization(org).attributes.permissions
  const [editing, setEditing] = useState<Connection | 'new'>()
  const [removing, setRemoving] = useState<Connection>()
  const list = useQuery(allQuery('drift-connections', '/organizations/{organization}/drift-connections', { organization: org }))
  const remove = useChange(['drift-connections', 'drift-schedules'], (id: string) => api.remove('/drift-connections/{id}', { id }), () => {
    setRemoving(undefined)
    toast('The connection is gone.')
  })
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">Give them rights to read only: a scan changes nothing.</p>
        {may['can-manage-drift'] && <Button look="primary" icon="plus" onClick={() => setEditing('new')}>Add a connection</Button>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.length === 0 && <Empty icon="key" title="No connections yet"><p>Scans need credentials that can read what the code describes.</p></Empty>}
        {list.data && list.data.length > 0 && (
          <ul aria-label="Connections">
            {list.data.map((c) => (
              <li key={c.id} className="border-b border-line px-4 py-2.5 last:border-0">
                <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                  <span className="font-medium wrap-anywhere">{c.attributes.name}</span>
                  <Outcome status={c.attributes['test-status']} />
                  <span className="ml-auto flex flex-wrap items-center gap-1">
                    {may['can-operate-drift'] && <Test path={`/drift-connections/${c.id}/actions/test`} kind="drift-connections" name={c.attributes.name} />}
                    {may['can-manage-drift'] && <IconButton small icon="pencil" label={`Change ${c.attributes.name}`} onClick={() => setEditing(c)} />}
                    {may['can-manage-drift'] && <IconButton small icon="trash" label={`Delete ${c.attributes.name}`} onClick={() => setRemoving(c)} />}
                  </span>
                </div>
                <p className="text-sm text-muted wrap-anywhere">{types[c.attributes.type] ?? c.attributes.type}{c.attributes.variables.length > 0 ? ` · sets ${c.attributes.variables.join(', ')}` : ''} · tested <Time at={c.attributes['tested-at']} /></p>
                {c.attributes['external-id'] && <p className="text-sm text-muted wrap-anywhere">External id for the trust policy: <code className="font-mono">{c.attributes['external-id']}</code></p>}
                {c.attributes['test-status'] === 'bad' && <p className="mt-1 text-sm text-bad wrap-anywhere">{c.attributes['test-message']}</p>}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {editing && <Edit org={org} connection={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes.name}`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Its credentials are forgotten. A schedule that uses it keeps it from being deleted.</p>
        </Confirm>
      )}
    </>
  )
}

function Edit({ org, connection, onClose }: { org: string; connection: Connection | undefined; onClose: () => void }) {
  const was = connection?.attributes
  const [name, setName] = useState(was?.name ?? '')
  const [type, setType] = useState(was?.type ?? 'oth')
  const [role, setRole] = useState(was?.details.role ?? '')
  const [keyId, setKeyId] = useState(was?.details['key-id'] ?? '')
  const [secret, setSecret] = useState('')
  const field = secrets[type]?.field
  const save = useChange(['drift-connections'], () => {
    const document = body('drift-connections', { name, type, ...(type === 'aws-role' && { role }), ...(type === 'aws' && { 'key-id': keyId }), ...(field && secret !== '' && { [field]: secret }) })
    return connection ? api.update('/drift-connections/{id}', { id: connection.id }, document) : api.create('/organizations/{organization}/drift-connections', { organization: org }, document)
  }, () => {
    onClose()
    toast('The connection is saved.')
  })
  const wrong = fieldsOf(save.error)
  return (
    <Dialog title={connection ? 'Change the connection' : 'Add a connection'} onClose={onClose}>
      <form
        className="space-y-4"
        onSubmit={(e) => {
          e.preventDefault()
          save.mutate(undefined)
        }}
      >
        <Field label="Name" error={wrong.name}><Input value={name} onChange={(e) => setName(e.target.value)} required autoFocus /></Field>
        <Field label="Kind" error={wrong.type}>
          <Select
            value={type}
            onChange={(e) => {
              setType(e.target.value)
              setSecret('')
            }}
          >
            {Object.entries(types).map(([v, label]) => <option key={v} value={v}>{label}</option>)}
          </Select>
        </Field>
        {type === 'aws-role' && <Field label="Role" error={wrong.role} help="Its trust policy must ask for the external id, which is shown once this is saved."><Input value={role} onChange={(e) => setRole(e.target.value)} placeholder="arn:aws:iam::123456789012:role/drift" required /></Field>}
        {type === 'aws' && <Field label="Access key id" error={wrong['key-id']}><Input value={keyId} onChange={(e) => setKeyId(e.target.value)} required /></Field>}
        {field && <Secret type={type} kept={connection !== undefined && type === was?.type} value={secret} error={wrong[field]} onChange={setSecret} />}
        {save.error && Object.keys(wrong).length === 0 && <Failure error={save.error} />}
        <Actions>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" busy={save.isPending}>Save</Button>
        </Actions>
      </form>
    </Dialog>
  )
}

/** What is secret of a kind: it can be written and never read. */
const secrets: Record<string, { field: string; label: string; help: string }> = {
  aws: { field: 'key-secret', label: 'Secret access key', help: 'It is sealed, and nobody can read it again.' },
  'gcp-role': { field: 'workload', label: 'Workload identity configuration', help: 'The JSON that gcloud iam workload-identity-pools create-cred-config prints.' },
  gcp: { field: 'credentials', label: 'Key of the service account', help: 'The JSON of the key. It is sealed.' },
  oth: { field: 'credentials', label: 'Variables', help: 'One NAME=value on each line. They are sealed; only their names are shown.' },
}

function Secret({ type, kept, value, error, onChange }: { type: string; kept: boolean; value: string; error: string | undefined; onChange: (v: string) => void }) {
  const of = secrets[type]
  if (!of) return null
  return (
    <Field label={of.label} error={error} help={kept ? 'Leave it empty to keep what is there; nobody can read it.' : of.help}>
      {type === 'aws' ? <Input type="password" autoComplete="new-password" value={value} onChange={(e) => onChange(e.target.value)} required={!kept} /> : <Textarea rows={5} className="font-mono text-sm" value={value} onChange={(e) => onChange(e.target.value)} required={!kept} />}
    </Field>
  )
}
