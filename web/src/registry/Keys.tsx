// The GPG keys that sign providers.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button, IconButton } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { addKey, keysQuery, removeKey } from './gpg'

export function Keys() {
  const { org } = useParams({ from: '/$org/registry/keys' })
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<string>()
  const may = useOrganization(org).attributes.permissions['can-manage-custom-providers']
  const keys = useQuery(keysQuery(org))
  const remove = useChange(['gpg-keys'], (id: string) => removeKey(org, id), () => setRemoving(undefined))
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">A provider can be installed once one of these public keys has signed it.</p>
        {may && <Button look="primary" icon="plus" onClick={() => setAdding(true)}>Add a key</Button>}
      </div>
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      <Panel>
        {keys.isPending && <SkeletonRows rows={3} />}
        {keys.data?.items.length === 0 && <Empty icon="key" title="No keys yet"><p>Export yours with <code className="font-mono">gpg --armor --export you@example.com</code>.</p></Empty>}
        {keys.data && keys.data.items.length > 0 && (
          <ul aria-label="Keys">
            {keys.data.items.map((k) => (
              <li key={k.id} className="flex min-h-12 items-center gap-4 border-b border-line px-4 py-1.5 last:border-0">
                <span className="shrink-0"><Id>{k.attributes['key-id']}</Id></span>
                <span className="ml-auto text-sm text-muted">added <Time at={k.attributes['created-at']} /></span>
                {may && <IconButton small icon="trash" label={`Remove ${k.attributes['key-id']}`} onClick={() => setRemoving(k.attributes['key-id'])} />}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {adding && <Add org={org} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm title={`Remove the key ${removing}`} action="Remove" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing)} onClose={() => setRemoving(undefined)}>
          <p>Versions that only this key has signed cannot be installed any more.</p>
        </Confirm>
      )}
    </>
  )
}

function Add({ org, onClose }: { org: string; onClose: () => void }) {
  const [armor, setArmor] = useState('')
  const change = useChange(['gpg-keys'], () => addKey(org, armor), onClose)
  return (
    <FormDialog title="Add a key" action="Add" change={change} wide onClose={onClose}>
      <Field label="Public key" help="As gpg --armor --export prints it. Never a private one." error={fieldsOf(change.error)['ascii-armor']}>
        <Textarea rows={10} className="font-mono text-sm" value={armor} onChange={(e) => setArmor(e.target.value)} placeholder="-----BEGIN PGP PUBLIC KEY BLOCK-----" required autoFocus />
      </Field>
    </FormDialog>
  )
}
