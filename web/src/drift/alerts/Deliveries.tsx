// What an alert has sent, what waits, and what did not go out.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { address, send } from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { listQuery, polling, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { OneOf } from '../parts'
import { ShownMessage, type Message } from './Preview'
import { deliveryLooks, events, typeOf } from './types'

type Delivery = Resource<'drift-alert-deliveries'>

export function Deliveries({ org, alert }: { org: string; alert: Resource<'drift-alerts'> }) {
  const [status, setStatus] = useState<string>()
  const [page, setPage] = useState<number>()
  const [open, setOpen] = useState<string>()
  const list = useQuery({ ...listQuery('drift-alert-deliveries', '/organizations/{organization}/drift-alert-deliveries', { organization: org }, { 'filter[alert]': alert.id, 'filter[status]': status, 'page[size]': 20, 'page[number]': page }), ...polling })
  const shown = list.data?.items.find((d) => d.id === open)
  return (
    <Panel
      id="deliveries"
      className="mt-4 scroll-mt-16"
      title="Deliveries"
      actions={
        <OneOf
          label="Status"
          all="All"
          value={status}
          options={Object.entries(deliveryLooks).map(([v, look]) => [v, look.label] as const)}
          onChange={(v) => {
            setStatus(v)
            setPage(undefined)
          }}
        />
      }
    >
      {list.error && <div className="p-4"><Failure error={list.error} retry={() => void list.refetch()} /></div>}
      {list.isPending && <SkeletonRows rows={3} />}
      {list.data?.items.length === 0 && <Empty icon="bell" title={status ? 'Nothing is like that' : 'Nothing was sent yet'}>{!status && <p>Try the alert, or wait for drift in a schedule that uses it.</p>}</Empty>}
      {list.data && list.data.items.length > 0 && <ul aria-label="Deliveries">{list.data.items.map((d) => <Row key={d.id} org={org} delivery={d} onOpen={() => setOpen(d.id)} />)}</ul>}
      {list.data && <div className="px-4 pb-3"><Pages at={list.data.pagination} what="delivery" many="deliveries" before="Newer" after="Older" onPage={setPage} /></div>}
      {shown && <Shown org={org} type={alert.attributes.type} delivery={shown} onClose={() => setOpen(undefined)} />}
    </Panel>
  )
}

function Row({ org, delivery, onOpen }: { org: string; delivery: Delivery; onOpen: () => void }) {
  const a = delivery.attributes
  const what = a.summary || (a.event === 'test' ? 'A try with sample values' : a.folder)
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Status delivery={delivery} />
        <button type="button" onClick={onOpen} className="min-w-0 text-left font-medium wrap-anywhere hover:text-accent hover:underline">{events[a.event] ?? a.event}</button>
        <span className="text-sm text-muted"><Time at={a['created-at']} /></span>
        <span className="ml-auto flex gap-1">
          <Redeliver org={org} delivery={delivery} />
          <Button small icon="eye" aria-label={`Look at ${events[a.event] ?? a.event}`} onClick={onOpen}>Look</Button>
        </span>
      </div>
      <p className="text-sm text-muted wrap-anywhere">{what}{a.folder && a.summary && ` · ${a.folder}`}</p>
      {a.error && <p className="mt-0.5 text-sm text-bad wrap-anywhere">{a.error}</p>}
      {a.status === 'pending' && a.attempts > 0 && <p className="text-sm text-muted">Tried {a.attempts === 1 ? 'once' : `${a.attempts} times`}, again <Time at={a['next-attempt-at']} /></p>}
    </li>
  )
}

function Status({ delivery }: { delivery: Delivery }) {
  const look = deliveryLooks[delivery.attributes.status] ?? { label: delivery.attributes.status, tone: 'idle' as const, icon: 'info' as const }
  return <Badge tone={look.tone} icon={look.icon}>{look.label}</Badge>
}

function Redeliver({ org, delivery }: { org: string; delivery: Delivery }) {
  const may = useOrganization(org).attributes.permissions['can-operate-drift']
  const again = useChange(['drift-alert-deliveries', 'drift-alerts'], () => api.create('/drift-alert-deliveries/{id}/actions/redeliver', { id: delivery.id }, undefined), () => toast('It is being sent again.'))
  const { status, event } = delivery.attributes
  if (!may || status !== 'dead' || event === 'test') return null
  return <Button small icon="refresh" busy={again.isPending} onClick={() => again.mutate(undefined, { onError: toastError })}>Send it again</Button>
}

function Shown({ org, type, delivery, onClose }: { org: string; type: string; delivery: Delivery; onClose: () => void }) {
  const a = delivery.attributes
  const message = useQuery({ queryKey: ['drift-alert-deliveries', 'message', delivery.id], queryFn: async ({ signal }) => (await send('GET', address('/drift-alert-deliveries/{id}/message', { id: delivery.id }), undefined, signal)) as Message })
  return (
    <Dialog title={events[a.event] ?? a.event} onClose={onClose} wide>
      <Facts className="mb-4">
        <Fact name="Status"><span className="flex flex-wrap items-center gap-2"><Status delivery={delivery} /><Redeliver org={org} delivery={delivery} /></span></Fact>
        {a.error && <Fact name="Why"><span className="text-bad">{a.error}</span></Fact>}
        <Fact name="Made"><Time at={a['created-at']} /></Fact>
        {a['finished-at'] && <Fact name="Ended"><Time at={a['finished-at']} /></Fact>}
        {a['next-attempt-at'] && <Fact name="Next try"><Time at={a['next-attempt-at']} /></Fact>}
        <Fact name="Tries">{a.attempts}</Fact>
        {a['episode-id'] && <Fact name="About"><Link to="/$org/drift/episodes/$episode" params={{ org, episode: a['episode-id'] }} className="text-accent underline underline-offset-2">this drift</Link></Fact>}
      </Facts>
      {message.error && <Failure error={message.error} />}
      {message.data && <div className="rounded-md border border-line"><ShownMessage message={message.data} titled={typeOf(type).subject !== undefined} /></div>}
      {message.data && <p className="mt-2 text-sm text-muted">In the words that the alert has now. Its snooze links are examples.</p>}
      {!message.data && !message.error && <SkeletonRows rows={4} />}
    </Dialog>
  )
}
