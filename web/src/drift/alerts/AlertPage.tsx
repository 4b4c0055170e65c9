// One alert: its settings beside what a message looks like, a try, and what was delivered.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { polling, readQuery, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { Page, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { AlertForm } from './AlertForm'
import { LastStatus } from './AlertList'
import { Deliveries } from './Deliveries'
import { TryAlert } from './TryAlert'
import { typeOf } from './types'

export function AlertPage() {
  const { org, alert } = useParams({ from: '/$org/drift/alerts/$alert' })
  if (alert === 'new') return <Page title="New alert" about="Where drift is told of, and in which words." wide><AlertForm key="new" org={org} /></Page>
  return <One key={alert} org={org} id={alert} />
}

function One({ org, id }: { org: string; id: string }) {
  const may = useOrganization(org).attributes.permissions
  const { data, error } = useQuery({ ...readQuery('drift-alerts', '/drift-alerts/{id}', { id }), ...polling })
  if (error) return <Page title="Alert"><Failure error={error} /></Page>
  if (!data) return <Page title="Alert"><Panel><SkeletonRows rows={6} /></Panel></Page>
  const alert = data.item
  return (
    <Page
      title={alert.attributes.name}
      about={typeOf(alert.attributes.type).label}
      status={<LastStatus alert={alert} />}
      wide
      actions={
        <>
          {may['can-operate-drift'] && <TryAlert org={org} alert={alert} />}
          {may['can-manage-drift'] && <Delete org={org} alert={alert} />}
        </>
      }
    >
      {!may['can-manage-drift'] && <Notice icon="lock" className="mb-4">You may see this alert, not change it.</Notice>}
      {alert.attributes['dead-letters'] > 0 && (
        <Notice tone="bad" icon="warning" className="mb-4">{count(alert.attributes['dead-letters'], 'message')} did not go out. <a href="#deliveries" className="underline underline-offset-2">See why</a>, and send again what still matters.</Notice>
      )}
      <fieldset disabled={!may['can-manage-drift']} className="min-w-0"><AlertForm key={alert.id} org={org} alert={alert} /></fieldset>
      <Deliveries org={org} alert={alert} />
    </Page>
  )
}

function Delete({ org, alert }: { org: string; alert: Resource<'drift-alerts'> }) {
  const navigate = useNavigate()
  const [open, setOpen] = useState(false)
  const used = useQuery({ queryKey: ['drift-schedules', 'of-alert', alert.id], queryFn: ({ signal }) => api.list('/organizations/{organization}/drift-schedules', { organization: org }, { 'filter[alert]': alert.id, 'page[size]': 20 }, signal) })
  const names = used.data?.items.map((s) => s.attributes.name || s.id) ?? []
  const remove = useChange(['drift-alerts', 'drift-schedules'], () => api.remove('/drift-alerts/{id}', { id: alert.id }, { data: { type: 'drift-alerts', attributes: { force: true } } }), () => {
    toast('The alert is gone.')
    return navigate({ to: '/$org/drift/alerts', params: { org } })
  })
  return (
    <>
      <Button look="danger" icon="trash" onClick={() => setOpen(true)}>Delete</Button>
      {open && (
        <Confirm title={`Delete ${alert.attributes.name}?`} action="Delete the alert" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(false)}>
          <p>{names.length > 0 ? `${names.join(', ')} will not tell it of drift any more.` : 'No schedule uses it.'} What it has delivered is forgotten.</p>
        </Confirm>
      )}
    </>
  )
}
