// Tokens of any owner: a list, a form for a new one, and its secret, once.
import { useState } from 'react'
import { useQuery, type UseQueryOptions } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { body, type Whole, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { inDays } from '~/kernel/times'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Secret } from '~/ui/Secret'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Ends, Lifetime } from './lifetimes'

type Token = Resource<'authentication-tokens'>

type Props = {
  title: string
  /** What somebody who has the token can do. */
  can: string
  query: UseQueryOptions<Whole<'authentication-tokens'>, Error, Whole<'authentication-tokens'>, readonly unknown[]>
  create: (document: unknown) => Promise<{ item: Token }>
}

/** Tokens is a panel with the tokens of an owner. */
export function Tokens({ title, can, query, create }: Props) {
  const { data, error } = useQuery(query as UseQueryOptions<Whole<'authentication-tokens'>>)
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<Token>()
  const [fresh, setFresh] = useState<string>()
  const revoke = useChange(['authentication-tokens'], (t: Token) => api.remove('/authentication-tokens/{id}', { id: t.id }), () => {
    setRevoking(undefined)
    toast('The token is revoked.')
  })
  return (
    <>
      {fresh && <Secret what="Your new token." value={fresh} />}
      <Panel title={title} actions={<Button small icon="plus" onClick={() => setCreating(true)}>New token</Button>}>
        {error && <div className="p-4"><Failure error={error} /></div>}
        {!data && !error && <SkeletonRows rows={3} />}
        {data?.items.length === 0 && <Empty icon="key" title="No tokens"><p>{can}</p></Empty>}
        {data && data.items.length > 0 && (
          <Table
            label={title}
            items={data.items}
            keyOf={(t) => t.id}
            columns={[
              {
                name: 'Description',
                cell: (t) => (
                  <>
                    <span className="wrap-anywhere">{t.attributes.description || <span className="text-muted">no description</span>}</span>
                    <span className="block text-sm text-muted sm:hidden">last used <Time at={t.attributes['last-used-at']} /></span>
                  </>
                ),
              },
              { name: 'Made', cell: (t) => <Time at={t.attributes['created-at']} />, className: 'w-32 max-sm:hidden' },
              { name: 'Last used', cell: (t) => <Time at={t.attributes['last-used-at']} />, className: 'w-32 max-sm:hidden' },
              { name: 'Expires', cell: (t) => <Ends at={t.attributes['expired-at']} />, className: 'w-36' },
              { name: <span className="sr-only">Actions</span>, cell: (t) => <IconButton icon="trash" small label={`Revoke ${t.attributes.description || t.id}`} onClick={() => setRevoking(t)} />, className: 'w-14 text-right' },
            ]}
          />
        )}
      </Panel>
      {creating && (
        <Create
          can={can}
          create={create}
          onClose={() => setCreating(false)}
          onCreated={(t) => {
            setCreating(false)
            setFresh(t.attributes.token ?? undefined)
          }}
        />
      )}
      {revoking && (
        <Confirm title="Revoke the token?" action="Revoke" busy={revoke.isPending} error={revoke.error} onConfirm={() => revoke.mutate(revoking)} onClose={() => setRevoking(undefined)}>
          <p>What uses <strong className="text-text">{revoking.attributes.description || revoking.id}</strong> stops working at once. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  )
}

function Create({ can, create, onClose, onCreated }: { can: string; create: Props['create']; onClose: () => void; onCreated: (t: Token) => void }) {
  const [description, setDescription] = useState('')
  const [days, setDays] = useState('90')
  const change = useChange(
    ['authentication-tokens'],
    () => create(body('authentication-tokens', { description, 'expired-at': inDays(days) })),
    ({ item }) => onCreated(item),
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title="New token" action="Create the token" change={change} onClose={onClose}>
      <p className="text-muted">{can}</p>
      <Field label="Description" help="Where it will be used." error={wrong.description}>
        <Input value={description} onChange={(e) => setDescription(e.target.value)} required autoFocus maxLength={1000} placeholder="laptop, ci, …" />
      </Field>
      <Lifetime days={days} error={wrong['expired-at']} onChange={setDays} />
    </FormDialog>
  )
}
