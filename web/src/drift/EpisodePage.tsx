// One episode: the time during which a workspace, or a folder of a repository, drifts.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { listQuery, polling, readQuery, useChange, wholeQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Fact, Facts, Page, Panel, TextLink } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { Give, Seen, Snooze, mayOperate, useOperateDrift } from './Decide'
import { Happenings } from './Happenings'
import { IgnoreForm } from './IgnoreForm'
import { FindingRows } from './FindingRows'
import { PutRight } from './PutRight'
import { Place, placeName } from './parts'
import { FindingStatus, Severity, headline } from './words'

export function EpisodePage() {
  const { org, episode } = useParams({ from: '/$org/drift/episodes/$episode' })
  const { data, error, refetch } = useQuery({ ...readQuery('drift-episodes', '/drift-episodes/{id}', { id: episode }, { include: 'workspace,drift-schedule,acknowledged-by,assigned-to' }), ...polling })
  if (error) return <Page title="Episode"><Failure error={error} retry={() => void refetch()} /></Page>
  if (!data) return <Page title="Episode"><Panel><SkeletonRows rows={6} /></Panel></Page>
  return <Whole org={org} episode={data.item} included={data.included} />
}

function Whole({ org, episode, included }: { org: string; episode: Resource<'drift-episodes'>; included: Included }) {
  const [snoozing, setSnoozing] = useState(false)
  const a = episode.attributes
  const [ignoring, setIgnoring] = useState(false)
  const may = mayOperate(useOperateDrift(org), episode, included)
  const schedule = refOf(episode, 'drift-schedule')
  const findings = useQuery({ ...listQuery('drift-findings', '/drift-episodes/{id}/drift-findings', { id: episode.id }, { 'page[size]': 100 }), ...polling })
  return (
    <Page
      title={`Drift of ${placeName(episode, included)}`}
      status={<><Severity level={a.severity} /><FindingStatus status={a.status} /></>}
      about={headline(a.summary, true)}
      actions={
        may && a.status === 'open' && (
          <>
            <Seen of="drift-episodes" id={episode.id} acknowledged={a['acknowledged-at'] !== null} />
            <Give org={org} of="drift-episodes" id={episode.id} current={refOf(episode, 'assigned-to')?.id} />
            {schedule && <Button icon="bell" onClick={() => setSnoozing(true)}>Snooze…</Button>}
            <Button icon="minus" onClick={() => setIgnoring(true)}>Ignore…</Button>
          </>
        )
      }
    >
      <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <InOrder className="min-w-0 space-y-5">
          <Panel title={findings.data ? count(findings.data.pagination.total, 'finding') : 'Findings'}>
            {findings.error && <Failure error={findings.error} retry={() => void findings.refetch()} className="m-4" />}
            {findings.isPending && <SkeletonRows rows={5} />}
            {findings.data && <FindingRows org={org} items={findings.data.items} included={findings.data.included} bare />}
            {findings.data && findings.data.pagination.total > 100 && <p className="px-4 py-3 text-sm text-muted">These are the worst 100.</p>}
          </Panel>
          <Happenings org={org} episode={episode.id} />
        </InOrder>
        <InOrder className="space-y-5">
          {schedule && <Silence org={org} schedule={schedule.id} folder={a.folder ?? '.'} may={may} />}
          {a.status === 'open' && <PutRight org={org} episode={episode} included={included} may={may} />}
          <Panel title="About" padded><About org={org} episode={episode} included={included} /></Panel>
        </InOrder>
      </InOrder>
      {ignoring && (
        <IgnoreForm
          org={org}
          title="Ignore drift"
          around={{ name: placeName(episode, included), folder: a.folder ?? '.', workspace: refOf(episode, 'workspace'), schedule }}
          address={findings.data?.items.length === 1 ? (findings.data.items[0]?.attributes.address ?? '*') : '*'}
          path=""
          onClose={() => setIgnoring(false)}
        />
      )}
      {snoozing && schedule && <Snooze org={org} schedule={schedule.id} folder={a.folder ?? '.'} onClose={() => setSnoozing(false)} />}
    </Page>
  )
}

function About({ org, episode, included }: { org: string; episode: Resource<'drift-episodes'>; included: Included }) {
  const a = episode.attributes
  const user = (name: string) => included.get('users', refOf(episode, name)?.id)?.attributes.username
  const scan = refOf(episode, 'last-scan')
  return (
    <Facts>
      <Fact name="Where"><Place org={org} of={episode} included={included} /></Fact>
      <Fact name="Began"><Time at={a['opened-at']} /></Fact>
      {a['changed-at'] !== a['opened-at'] && a['changed-at'] !== a['resolved-at'] && <Fact name="Changed"><Time at={a['changed-at']} /></Fact>}
      {a['resolved-at'] && <Fact name="Ended"><Time at={a['resolved-at']} /></Fact>}
      {a['worst-severity'] !== a.severity && <Fact name="At its worst"><Severity level={a['worst-severity']} /></Fact>}
      <Fact name="Resources">{a['resources-count']}</Fact>
      {a['failed-checks-count'] > 0 && <Fact name="Failing checks">{a['failed-checks-count']}</Fact>}
      {a.flaps > 0 && <Fact name="Came back">{count(a.flaps, 'time')}</Fact>}
      {a['acknowledged-at'] && <Fact name="Seen"><Time at={a['acknowledged-at']} />{user('acknowledged-by') && ` by ${user('acknowledged-by')}`}</Fact>}
      {user('assigned-to') && <Fact name="Assigned to">{user('assigned-to')}</Fact>}
      {scan && <Fact name="Scan"><TextLink to="/$org/drift/scans/$scan" params={{ org, scan: scan.id }}>The last one</TextLink></Fact>}
    </Facts>
  )
}

/** Silence says until when the alerts of the folder are silent, if they are. */
function Silence({ org, schedule, folder, may }: { org: string; schedule: string; folder: string; may: boolean }) {
  const enabled = useOrganization(org).attributes.permissions['can-read-drift']
  const list = useQuery({ ...wholeQuery('drift-snoozes', '/organizations/{organization}/drift-snoozes', { organization: org }, { 'filter[schedule]': schedule }), enabled, ...polling })
  const wake = useChange(['drift-snoozes', 'drift-episode-events', 'drift-schedules'], (id: string) => api.remove('/drift-snoozes/{id}', { id }), () => toast('Alerts are told again.'))
  const snooze = list.data?.items.find((s) => s.attributes.folder === folder)
  if (list.isLoading) return <Skeleton className="h-26 w-full" />
  if (!snooze) return null
  return (
    <Panel title="Snoozed" padded>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p>Alerts are silent until <Time at={snooze.attributes.until} />, unless it gets worse.</p>
        {may && <Button small busy={wake.isPending} onClick={() => wake.mutate(snooze.id, { onError: toastError })}>End the snooze</Button>}
      </div>
    </Panel>
  )
}
