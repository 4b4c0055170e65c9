// SSH keys by which runs fetch private modules. A key goes in and never comes out.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Button, IconButton } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Input, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { settingsRoute } from './frame'

export const keysRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/ssh-keys', component: Keys })

function Keys() {
  const { org } = keysRoute.useParams()
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Resource<'ssh-keys'>>()
  const { data, error } = useQuery(allQuery('ssh-keys', '/organizations/{organization}/ssh-keys', { organization: org }))
  const remove = useChange(['ssh-keys'], (id: string) => api.remove('/ssh-keys/{id}', { id }), () => setRemoving(undefined))
  return (
    <Panel title="SSH keys" actions={<Button small icon="plus" onClick={() => setAdding(true)}>Add key</Button>}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.length === 0 && <Empty icon="key" title="No SSH keys"><p>Runs fetch modules from private Git repositories with one. A workspace chooses its key in its settings.</p></Empty>}
      {data && data.length > 0 && (
        <Table
          label="SSH keys"
          items={data}
          keyOf={(k) => k.id}
          columns={[
            { name: 'Name', cell: (k) => <span className="font-medium">{k.attributes.name}</span> },
            { name: 'Id', className: 'max-sm:hidden', cell: (k) => <Id>{k.id}</Id> },
            { name: <span className="sr-only">Actions</span>, className: 'w-14 text-right', cell: (k) => <IconButton small icon="trash" label={`Delete ${k.attributes.name}`} onClick={() => setRemoving(k)} /> },
          ]}
        />
      )}
      {adding && <Add org={org} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Workspaces that use it cannot fetch private modules any more.</p>
        </Confirm>
      )}
    </Panel>
  )
}

function Add({ org, onClose }: { org: string; onClose: () => void }) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const change = useChange(['ssh-keys'], () => api.create('/organizations/{organization}/ssh-keys', { organization: org }, body('ssh-keys', { name, value })), onClose)
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title="Add an SSH key" action="Add" change={change} onClose={onClose}>
      <Field label="Name" error={wrong.name}><Input required autoFocus value={name} onChange={(e) => setName(e.target.value)} /></Field>
      <Field label="Private key" help="In PEM form, without a passphrase. It cannot be read back." error={wrong.value}>
        <Textarea required rows={7} className="font-mono text-sm" value={value} onChange={(e) => setValue(e.target.value)} placeholder="-----BEGIN OPENSSH PRIVATE KEY-----" />
      </Field>
    </FormDialog>
  )
}
