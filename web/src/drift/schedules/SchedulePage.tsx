// One schedule: what is scanned, when, with which credentials, and who is told.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, readQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { LinkButton } from '~/ui/Button'
import { Empty, Failure, Notice } from '~/ui/Failure'
import { Page, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { ScheduleForm } from './ScheduleForm'

export function SchedulePage() {
  const { org, schedule } = useParams({ from: '/$org/drift/schedules/$schedule' })
  if (schedule === 'new') return <Page title="New schedule" about="What is compared with what is real, and when."><Loaded org={org} /></Page>
  return <One key={schedule} org={org} id={schedule} />
}

function One({ org, id }: { org: string; id: string }) {
  const { data, error } = useQuery(readQuery('drift-schedules', '/drift-schedules/{id}', { id }))
  if (error) return <Page title="Schedule"><Failure error={error} /></Page>
  if (!data) return <Page title="Schedule"><Panel><SkeletonRows rows={6} /></Panel></Page>
  const a = data.item.attributes
  return (
    <Page
      title={a.name}
      about={a['frequency-label']}
      status={a.active ? <Badge tone="ok" icon="check">Active</Badge> : <Badge tone="idle" icon="stop">Inactive</Badge>}
      actions={<LinkButton icon="run" to="/$org/drift/scans" params={{ org }} search={{ schedule: id }}>Scans</LinkButton>}
    >
      {a['inactive-reason'] && <Notice tone="warn" icon="warning" className="mb-4">{a['inactive-reason']}</Notice>}
      <Loaded org={org} schedule={data.item} />
    </Page>
  )
}

/** Loaded is the form with what can be chosen in it. */
function Loaded({ org, schedule }: { org: string; schedule?: Resource<'drift-schedules'> }) {
  const may = useOrganization(org).attributes.permissions['can-manage-drift']
  const repositories = useQuery(allQuery('drift-repositories', '/organizations/{organization}/drift-repositories', { organization: org }))
  const connections = useQuery(allQuery('drift-connections', '/organizations/{organization}/drift-connections', { organization: org }))
  const alerts = useQuery(allQuery('drift-alerts', '/organizations/{organization}/drift-alerts', { organization: org }))
  const error = repositories.error ?? connections.error ?? alerts.error
  if (error) return <Failure error={error} />
  if (!repositories.data || !connections.data || !alerts.data) return <Panel><SkeletonRows rows={6} /></Panel>
  if (repositories.data.length === 0) {
    return (
      <Panel>
        <Empty icon="project" title="There is no repository to scan yet" actions={<LinkButton look="primary" to="/$org/drift/repositories" params={{ org }}>Repositories</LinkButton>}><p>Add the one with your code first, then come back.</p></Empty>
      </Panel>
    )
  }
  return (
    <>
      {!may && <Notice icon="lock" className="mb-4">You may see this schedule, not change it.</Notice>}
      <ScheduleForm key={schedule?.id ?? 'new'} org={org} schedule={schedule} may={may} repositories={repositories.data} connections={connections.data} alerts={alerts.data} />
    </>
  )
}
