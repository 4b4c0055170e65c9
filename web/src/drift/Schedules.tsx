// What is scanned when: folders of repositories, with credentials.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { Included, refOf, refsOf, type Resource } from '~/kernel/jsonapi'
import { polling, useChange, wholeQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Button, IconButton, LinkButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'

type Schedule = Resource<'drift-schedules'>

export function Schedules() {
  const { org } = useParams({ from: '/$org/drift/schedules' })
  const may = useOrganization(org).attributes.permissions
  const [removing, setRemoving] = useState<Schedule>()
  const list = useQuery({ ...wholeQuery('drift-schedules', '/organizations/{organization}/drift-schedules', { organization: org }, { include: 'repository' }), ...polling })
  const remove = useChange(['drift-schedules'], (id: string) => api.remove('/drift-schedules/{id}', { id }), () => {
    setRemoving(undefined)
    toast('The schedule is gone.')
  })
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">Each compares the code in some folders with what is real, again and again.</p>
        {may['can-manage-drift'] && <LinkButton look="primary" icon="plus" to="/$org/drift/schedules/$schedule" params={{ org, schedule: 'new' }}>New schedule</LinkButton>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.items.length === 0 && <Empty icon="clock" title="No schedules yet"><p>A schedule needs a repository and, mostly, a connection with credentials.</p></Empty>}
        {list.data && list.data.items.length > 0 && (
          <ul aria-label="Schedules">
            {list.data.items.map((s) => <Row key={s.id} org={org} schedule={s} included={list.data.included} onRemove={() => setRemoving(s)} />)}
          </ul>
        )}
      </Panel>
      {removing && (
        <Confirm title={`Delete ${removing.attributes.name || 'the schedule'}`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Its scans, and what they found, go with it.</p>
        </Confirm>
      )}
    </>
  )
}

function Row({ org, schedule, included, onRemove }: { org: string; schedule: Schedule; included: Included; onRemove: () => void }) {
  const a = schedule.attributes
  const may = useOrganization(org).attributes.permissions
  const repository = included.get('drift-repositories', refOf(schedule, 'repository')?.id)?.attributes['full-name']
  const name = a.name || repository || schedule.id
  const tells = refsOf(schedule, 'alerts').length
  return (
    <li className="flex gap-x-4 gap-y-2 border-b border-line px-4 py-2.5 last:border-0 max-sm:flex-col">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link to="/$org/drift/schedules/$schedule" params={{ org, schedule: schedule.id }} className="font-medium wrap-anywhere hover:text-accent hover:underline">{name}</Link>
          {a.active ? <Badge tone="ok" icon="check">Active</Badge> : <Badge tone="idle" icon="stop">Inactive</Badge>}
        </div>
        <p className="mt-0.5 text-sm text-muted wrap-anywhere">{repository ?? 'Its repository was deleted'} · {a.branch} · {a.folders.join(', ')}</p>
        <p className="text-sm text-muted">
          {a['frequency-label']} · {tells > 0 ? `tells ${count(tells, 'alert')}` : <span className="text-warn">tells nobody</span>} · {a['last-at'] ? <>scanned <Time at={a['last-at']} /></> : 'not scanned yet'}{a.active && a['next-at'] && <> · next <Time at={a['next-at']} /></>} · <Link to="/$org/drift/scans" params={{ org }} search={{ schedule: schedule.id }} aria-label={`Scans of ${name}`} className="text-accent underline underline-offset-2">Scans</Link>
        </p>
        {a['inactive-reason'] && <p className="mt-1 text-sm text-warn">{a['inactive-reason']}</p>}
      </div>
      <span className="flex shrink-0 flex-wrap items-center gap-1">
        {may['can-operate-drift'] && <Operate org={org} schedule={schedule} name={name} />}
        {may['can-manage-drift'] && <IconButton small icon="trash" label={`Delete ${name}`} onClick={onRemove} />}
      </span>
    </li>
  )
}

function Operate({ org, schedule, name }: { org: string; schedule: Schedule; name: string }) {
  const navigate = useNavigate()
  const { active } = schedule.attributes
  const turn = useChange(['drift-schedules'], () => api.create(active ? '/drift-schedules/{id}/actions/deactivate' : '/drift-schedules/{id}/actions/activate', { id: schedule.id }, undefined), () => toast(active ? 'The schedule rests.' : 'The schedule is active.'))
  const scan = useChange(['drift-schedules', 'drift-scans'], () => api.send('POST', api.address('/drift-schedules/{id}/actions/scan', { id: schedule.id })), () => {
    toast('The scan has begun.')
    void navigate({ to: '/$org/drift/scans', params: { org }, search: { schedule: schedule.id } })
  })
  return (
    <>
      {refOf(schedule, 'repository') && <Button small icon="run" aria-label={`Scan now: ${name}`} busy={scan.isPending} onClick={() => scan.mutate(undefined, { onError: toastError })}>Scan now</Button>}
      <Button small aria-label={`${active ? 'Deactivate' : 'Activate'} ${name}`} busy={turn.isPending} onClick={() => turn.mutate(undefined, { onError: toastError })}>{active ? 'Deactivate' : 'Activate'}</Button>
    </>
  )
}
