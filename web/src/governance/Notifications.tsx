// Who is told what happens in a workspace, a project or for a team.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { asItIs } from '~/kernel/draft'
import { body } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Badge, Tag } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Code } from '~/ui/Copy'
import { Fact, Facts, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { NotificationForm } from './NotificationForm'
import { configurationsQuery, usersOf, type Configuration, type Place } from './queries'
import { destinations, shortOf } from './triggers'

export function Notifications({ org, place, about }: { org: string; place: Place; about: string }) {
  const [editing, setEditing] = useState<Configuration | 'new'>()
  const [removing, setRemoving] = useState<Configuration>()
  const { data, error, refetch } = useQuery(configurationsQuery(place))
  const remove = useChange(['notification-configurations'], (id: string) => api.remove('/notification-configurations/{id}', { id }), () => {
    setRemoving(undefined)
    toast('The notification is gone.')
  })
  return (
    <Panel title="Notifications" actions={<Button small icon="plus" onClick={() => setEditing('new')}>New notification</Button>}>
      {error && <div className="p-4"><Failure error={error} retry={() => void refetch()} /></div>}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.items.length === 0 && <Empty icon="bell" title="Nobody is told yet"><p>{about}</p></Empty>}
      {data && data.items.length > 0 && <ul aria-label="Notifications">{data.items.map((c) => <Row key={c.id} configuration={c} onEdit={() => setEditing(c)} onRemove={() => setRemoving(c)} />)}</ul>}
      {editing && <NotificationForm org={org} place={place} configuration={editing === 'new' ? undefined : asItIs(data?.items, editing)} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes.name}?`} action="Delete the notification" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Nothing is told there any more.</p>
        </Confirm>
      )}
    </Panel>
  )
}

function Row({ configuration: c, onEdit, onRemove }: { configuration: Configuration; onEdit: () => void; onRemove: () => void }) {
  const a = c.attributes
  const enable = useChange(
    ['notification-configurations'],
    (enabled: boolean) => api.update('/notification-configurations/{id}', { id: c.id }, body('notification-configurations', { enabled }, usersOf(c), c.id)),
    (_, enabled) => toast(enabled ? 'It tells again.' : 'It tells nothing any more.'),
    (enabled) => ({ kind: 'notification-configurations', id: c.id, attributes: { enabled } }),
  )
  const verify = useChange(['notification-configurations'], () => api.create('/notification-configurations/{id}/actions/verify', { id: c.id }, undefined), () => toast('The destination has taken a test message.'))
  const to = a.url ?? [...a['user-email-addresses'], ...a['email-addresses']].join(', ')
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-medium wrap-anywhere">{a.name}</span>
        {a.enabled ? <Badge tone="ok" icon="check">On</Badge> : <Badge tone="idle" icon="stop">Off</Badge>}
        <Responses configuration={c} />
        <span className="ml-auto flex flex-wrap items-center gap-1 max-sm:order-last max-sm:ml-0 max-sm:basis-full">
          <Button small aria-label={`Verify ${a.name}`} busy={verify.isPending} onClick={() => verify.mutate(undefined, { onError: toastError })}>Verify</Button>
          <Button small aria-label={`Turn ${a.enabled ? 'off' : 'on'} ${a.name}`} busy={enable.isPending} onClick={() => enable.mutate(!a.enabled, { onError: toastError })}>{a.enabled ? 'Turn off' : 'Turn on'}</Button>
          <IconButton small icon="pencil" label={`Change ${a.name}`} onClick={onEdit} />
          <IconButton small icon="trash" label={`Delete ${a.name}`} onClick={onRemove} />
        </span>
        <div className="basis-full">
          <p className="text-sm text-muted wrap-anywhere">{destinations[a['destination-type']]?.label ?? a['destination-type']}{to && ` · ${to}`}</p>
          <p className="mt-1 flex flex-wrap items-center gap-1.5 text-sm text-muted">{a.triggers.length === 0 ? 'Tells of nothing' : 'Tells of'}{a.triggers.map((t) => <Tag key={t}>{shortOf(t)}</Tag>)}</p>
        </div>
      </div>
    </li>
  )
}

/** Responses shows what the destination answered last. */
function Responses({ configuration: c }: { configuration: Configuration }) {
  const [open, setOpen] = useState(false)
  const r = c.attributes['delivery-responses'][0]
  if (!r) return null
  const ok = r.successful === 'true'
  const text = r.code === '' ? 'no answer' : `answered ${r.code}`
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} aria-label={`${text}: the last answer to ${c.attributes.name}`} className="rounded-full">
        <Badge tone={ok ? 'ok' : 'bad'} icon={ok ? 'check' : 'cross'}>{text}</Badge>
      </button>
      {open && (
        <Dialog title="The last answer" onClose={() => setOpen(false)} wide>
          <Facts className="mb-4">
            <Fact name="Sent"><Time at={r['sent-at']} /></Fact>
            <Fact name="To">{r.url}</Fact>
            <Fact name="Answer">{r.code || 'none'}</Fact>
          </Facts>
          <h3 className="mb-1 font-semibold">Headers</h3>
          <Code text={Object.entries(r.headers).map(([name, values]) => `${name}: ${values.join(', ')}`).join('\n') || 'none'} />
          <h3 className="mt-4 mb-1 font-semibold">Body</h3>
          <Code text={r.body || 'empty'} />
        </Dialog>
      )}
    </>
  )
}
