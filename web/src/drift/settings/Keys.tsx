// Tokens of the drift API. Their text is shown once.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { Ends, Lifetime } from '~/identity/lifetimes'
import { allQuery, useChange } from '~/kernel/queries'
import { inDays } from '~/kernel/times'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Input, Select } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Secret } from '~/ui/Secret'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'

type Key = Resource<'drift-keys'>

const roles: Record<string, { label: string; about: string }> = {
  read: { label: 'Reads', about: 'Lists and shows; changes nothing.' },
  operate: { label: 'Operates', about: 'Also tests, scans, and turns schedules on and off.' },
  admin: { label: 'Administers', about: 'Also saves and deletes repositories, connections, alerts and schedules.' },
}

/** Keys are the tokens of an organization by which programs call /drift. */
export function Keys({ org, driftID, pending }: { org: string; driftID: string | undefined; pending?: boolean }) {
  const { data, error } = useQuery(allQuery('drift-keys', '/organizations/{organization}/drift-keys', { organization: org }))
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<Key>()
  const [fresh, setFresh] = useState<string>()
  const revoke = useChange(['drift-keys'], (k: Key) => api.remove('/drift-keys/{id}', { id: k.id }), () => {
    setRevoking(undefined)
    toast('The token is revoked.')
  })
  return (
    <>
      {fresh && <Secret what="Your new drift API token, for the header X-Api-Key." value={fresh} />}
      <Panel title="Drift API tokens" actions={<Button small icon="plus" onClick={() => setCreating(true)}>New drift token</Button>}>
        {pending && <div className="border-b border-line px-4 py-2"><Skeleton className="h-6 w-full" /></div>}
        {driftID && <p className="flex flex-wrap items-center gap-x-2 border-b border-line px-4 py-2 text-sm text-muted">Requests name the organization in X-Org-ID: <Id>{driftID}</Id></p>}
        {error && <div className="p-4"><Failure error={error} /></div>}
        {!data && !error && <SkeletonRows rows={2} />}
        {data?.length === 0 && <Empty icon="key" title="No drift tokens"><p>Programs set up scans and alerts with them, at /drift/state, /infra, /alert and /config.</p></Empty>}
        {data && data.length > 0 && (
          <Table
            label="Drift API tokens"
            items={data}
            keyOf={(k) => k.id}
            columns={[
              { name: 'Description', cell: (k) => <><span className="font-medium wrap-anywhere">{k.attributes.description}</span> <code className="font-mono text-sm text-muted">…{k.attributes.hint}</code></> },
              { name: 'May', cell: (k) => <Badge tone="accent" title={roles[k.attributes.role]?.about}>{roles[k.attributes.role]?.label ?? k.attributes.role}</Badge>, className: 'w-32 max-sm:w-px max-sm:px-2' },
              { name: 'Last used', cell: (k) => <Time at={k.attributes['last-used-at']} />, className: 'w-32 max-sm:hidden' },
              { name: 'Ends', cell: (k) => <Ends at={k.attributes['expires-at']} />, className: 'w-28 max-sm:w-px max-sm:px-2 whitespace-nowrap' },
              { name: <span className="sr-only">Actions</span>, cell: (k) => <IconButton small icon="trash" label={`Revoke ${k.attributes.description}`} onClick={() => setRevoking(k)} />, className: 'w-14 text-right max-sm:w-px max-sm:px-2' },
            ]}
          />
        )}
      </Panel>
      {creating && (
        <Create
          org={org}
          onClose={() => setCreating(false)}
          onCreated={(k) => {
            setCreating(false)
            setFresh(k.attributes.token ?? undefined)
          }}
        />
      )}
      {revoking && (
        <Confirm title={`Revoke ${revoking.attributes.description}?`} action="Revoke" busy={revoke.isPending} error={revoke.error} onConfirm={() => revoke.mutate(revoking)} onClose={() => setRevoking(undefined)}>
          <p>What uses it stops working at once. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  )
}

function Create({ org, onClose, onCreated }: { org: string; onClose: () => void; onCreated: (k: Key) => void }) {
  const [description, setDescription] = useState('')
  const [role, setRole] = useState('read')
  const [days, setDays] = useState('90')
  const change = useChange(
    ['drift-keys'],
    () => api.create('/organizations/{organization}/drift-keys', { organization: org }, body('drift-keys', { description, role, 'expires-at': inDays(days) })),
    ({ item }) => onCreated(item),
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title="New drift token" action="Create the token" change={change} onClose={onClose}>
      <Field label="Description" help="Where it will be used. It belongs to the organization and goes on when you leave." error={wrong.description}><Input value={description} onChange={(e) => setDescription(e.target.value)} required autoFocus maxLength={255} placeholder="pipeline, script, …" /></Field>
      <Field label="May" error={wrong.role} help={roles[role]?.about}>
        <Select value={role} onChange={(e) => setRole(e.target.value)}>{Object.entries(roles).map(([v, r]) => <option key={v} value={v}>{r.label}</option>)}</Select>
      </Field>
      <Lifetime days={days} error={wrong['expires-at']} onChange={setDays} />
    </FormDialog>
  )
}
