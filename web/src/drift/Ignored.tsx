// The rules by which findings are not told of.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { polling, useChange, wholeQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { mayOperate, stale, useOperateDrift } from './Decide'
import { IgnoreForm } from './IgnoreForm'
import { Place } from './parts'
import { kinds } from './words'

export function Ignored() {
  const { org } = useParams({ from: '/$org/drift/ignored' })
  const may = useOperateDrift(org)
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Resource<'drift-ignore-rules'>>()
  const list = useQuery({ ...wholeQuery('drift-ignore-rules', '/organizations/{organization}/drift-ignore-rules', { organization: org }, { include: 'workspace,drift-schedule,created-by' }), ...polling })
  const remove = useChange(stale, (id: string) => api.remove('/drift-ignore-rules/{id}', { id }), () => {
    setRemoving(undefined)
    toast('What the rule ignored is open again.')
  })
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">Findings that a rule matches make no drift. When a rule ends, they count again.</p>
        {may && <Button look="primary" icon="plus" onClick={() => setAdding(true)}>New rule</Button>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.items.length === 0 && <Empty icon="minus" title="Nothing is ignored"><p>A finding that is meant to be as it is can be ignored on its page, with a reason and an end.</p></Empty>}
        {list.data && list.data.items.length > 0 && (
          <ul aria-label="Ignore rules">{list.data.items.map((r) => <Row key={r.id} org={org} rule={r} included={list.data.included} onRemove={() => setRemoving(r)} />)}</ul>
        )}
      </Panel>
      {adding && <IgnoreForm org={org} title="Ignore in all of the organization" around={undefined} address="" path="" onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm title="Ignore no more" action="Delete the rule" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>What it ignores is open again: <code className="font-mono wrap-anywhere">{removing.attributes.address}</code></p>
        </Confirm>
      )}
    </>
  )
}

function Row({ org, rule, included, onRemove }: { org: string; rule: Resource<'drift-ignore-rules'>; included: Included; onRemove: () => void }) {
  const a = rule.attributes
  const may = mayOperate(useOperateDrift(org), rule, included)
  const [opened] = useState(() => Date.now())
  const by = included.get('users', refOf(rule, 'created-by')?.id)?.attributes.username
  const somewhere = refOf(rule, 'workspace') ?? refOf(rule, 'drift-schedule')
  const expired = a['expires-at'] !== null && Date.parse(a['expires-at']) < opened
  return (
    <li className="flex items-start gap-3 border-b border-line px-4 py-2.5 last:border-0">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-2">
          <code className="font-mono text-sm font-medium wrap-anywhere">{a.address}{a.path ? ` ${a.path}` : ''}</code>
          {a.kinds.map((k) => <Badge key={k}>{kinds[k]?.label ?? k}</Badge>)}
          {expired && <Badge icon="clock">Expired</Badge>}
        </div>
        <p className="mt-0.5">{a.reason}</p>
        <p className="mt-0.5 text-sm text-muted">
          {somewhere ? <>in <Place org={org} of={rule} included={included} /></> : 'everywhere in the organization'} · {by ? `by ${by}, ` : ''}<Time at={a['created-at']} /> · {a['expires-at'] ? <>{expired ? 'ended' : 'ends'} <Time at={a['expires-at']} /></> : 'has no end'}
        </p>
      </div>
      {may && <IconButton small icon="trash" label={`Delete the rule for ${a.address}`} onClick={onRemove} />}
    </li>
  )
}
