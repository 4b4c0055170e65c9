// One scan: what it found, what the engine printed, and its log.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { LogView } from '~/delivery/log/LogView'
import * as api from '~/kernel/api'
import { count, duration } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { polling, readQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Fact, Facts, Page, Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { mayOperate, useOperateDrift } from './Decide'
import { Verdict } from './Verdict'
import { Place, placeName } from './parts'
import { ScanStatus, Severity, checksOf, headline, reasons } from './words'

const ongoing = ['queued', 'running', 'confirming']

export function ScanPage() {
  const { org, scan } = useParams({ from: '/$org/drift/scans/$scan' })
  const { data, error, refetch } = useQuery({
    ...readQuery('drift-scans', '/drift-scans/{id}', { id: scan }, { include: 'workspace,drift-schedule' }),
    ...polling,
  })
  if (error) return <Page title="Scan"><Failure error={error} retry={() => void refetch()} /></Page>
  if (!data) return <Page title="Scan"><Panel><SkeletonRows rows={6} /></Panel></Page>
  return <Whole org={org} scan={data.item} included={data.included} />
}

function Whole({ org, scan, included }: { org: string; scan: Resource<'drift-scans'>; included: Included }) {
  const [canceling, setCanceling] = useState(false)
  const a = scan.attributes
  const may = mayOperate(useOperateDrift(org), scan, included)
  const cancel = useChange(['drift-scans'], () => api.create('/drift-scans/{id}/actions/cancel', { id: scan.id }, undefined), () => setCanceling(false))
  const begun = a['started-at'] !== null
  return (
    <Page
      title={`Scan of ${placeName(scan, included)}`}
      status={<><ScanStatus status={a.status} />{a.severity && a['resources-drifted'] > 0 && <Severity level={a.severity} />}</>}
      about={<><Place org={org} of={scan} included={included} />, {reasons[a.reason] ?? a.reason}, <Time at={a['queued-at']} /></>}
      actions={may && ongoing.includes(a.status) && <Button icon="stop" look="danger" onClick={() => setCanceling(true)}>Cancel</Button>}
    >
      {a['error-message'] && <Notice tone="bad" icon="warning" className="mb-5">{a['error-message']}</Notice>}
      {a.summary && <Notice tone={a['resources-drifted'] > 0 ? 'warn' : 'ok'} icon={a['resources-drifted'] > 0 ? 'drift' : 'check'} className="mb-5">{headline(a.summary)}</Notice>}
      <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <InOrder className="min-w-0 space-y-5">
        {a.status !== 'queued' && a.status !== 'running' && a.fingerprint !== null && <Verdict scan={scan.id} />}
        <Panel title="Log">
          {begun ? (
            <LogView name="scan" id={scan.id} events={api.address('/drift-scans/{id}/log/events', { id: scan.id })} url={a['log-read-url']} complete={!ongoing.includes(a.status)} waiting="An executor prepares the scan." />
          ) : (
            <p className="p-4 text-muted">{ongoing.includes(a.status) ? 'It waits for a free executor.' : 'It ended before it began.'}</p>
          )}
        </Panel>
        </InOrder>
        <Panel title="About" padded className="self-start"><About org={org} scan={scan} /></Panel>
      </InOrder>
      {canceling && (
        <Confirm title="Cancel the scan" action="Cancel the scan" busy={cancel.isPending} error={cancel.error} onConfirm={() => cancel.mutate(undefined)} onClose={() => setCanceling(false)}>
          <p>It changes nothing, so nothing is left half done.</p>
        </Confirm>
      )}
    </Page>
  )
}

function About({ org, scan }: { org: string; scan: Resource<'drift-scans'> }) {
  const a = scan.attributes
  const confirms = refOf(scan, 'confirms')
  const took = a['started-at'] && a['ended-at'] ? (Date.parse(a['ended-at']) - Date.parse(a['started-at'])) / 1000 : undefined
  const waited = a['started-at'] ? (Date.parse(a['started-at']) - Date.parse(a['queued-at'])) / 1000 : undefined
  return (
    <Facts>
      {a.branch && <Fact name="Branch">{a.branch}</Fact>}
      {a.commit && <Fact name="Commit"><code className="font-mono text-sm">{a.commit.slice(0, 12)}</code></Fact>}
      {a.engine && <Fact name="Engine">{a.engine} {a['engine-version']}</Fact>}
      {a.status === 'finished' && (
        <>
          <Fact name="Resources">{a.resources}, {a['resources-drifted']} drifted</Fact>
          <Fact name="Checks">{checksOf(a)}</Fact>
          {a['pending-changes'] > 0 && <Fact name="Not applied">{count(a['pending-changes'], 'change')} of the code</Fact>}
        </>
      )}
      <Fact name="Queued"><Time at={a['queued-at']} /></Fact>
      {waited !== undefined && waited >= 1 && <Fact name="Waited">{duration(waited)}</Fact>}
      <Fact name="Began"><Time at={a['started-at']} /></Fact>
      {took !== undefined && <Fact name="Took">{duration(took)}</Fact>}
      {took !== undefined && <Fact name="Start">{a.warm ? 'warm: its folder was prepared by an earlier scan' : 'cold: fetched and initialized'}</Fact>}
      {a['second-pass'] && <Fact name="Passes">two, because the result of a check was not clear from the plan</Fact>}
      {confirms && <Fact name="Confirms"><TextLink to="/$org/drift/scans/$scan" params={{ org, scan: confirms.id }}>an earlier scan</TextLink></Fact>}
    </Facts>
  )
}
