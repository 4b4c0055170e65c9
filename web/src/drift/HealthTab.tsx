// The health of a workspace: its last assessment, what that found, and those before.
import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { Included, body, refOf, type Resource } from '~/kernel/jsonapi'
import { listQuery, polling, readQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Failure, Notice } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Fact, Facts, Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Since, Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { useWorkspace } from '~/workspace/current'
import { FindingRows } from './FindingRows'
import { Download } from './parts'
import { ScanRows } from './Scans'
import { Health, Severity, checksOf, healths } from './words'

const stale = ['workspaces', 'assessment-results', 'drift-findings', 'drift-scans']

export function HealthTab() {
  const { org, workspace } = useWorkspace()
  const { id } = workspace
  const findings = useQuery({ ...listQuery('drift-findings', '/workspaces/{id}/drift-findings', { id }, { 'filter[status]': ['open', 'ignored'], 'page[size]': 100 }), ...polling })
  const scans = useQuery({ ...listQuery('drift-scans', '/workspaces/{id}/drift-scans', { id }, { 'page[size]': 10 }), ...polling })
  const episodes = useQuery({ ...listQuery('drift-episodes', '/workspaces/{id}/drift-episodes', { id }, { 'page[size]': 5 }), ...polling })
  return (
    <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
      <InOrder className="min-w-0 space-y-5">
        <State workspace={workspace} />
        <Listed title={findings.data ? count(findings.data.pagination.total, 'finding') : 'Findings'} of={findings} empty="Nothing differs from what was applied.">
          {findings.data && <FindingRows org={org} items={findings.data.items} included={new Included()} bare />}
          {findings.data && findings.data.pagination.total > 100 && <p className="px-4 py-3 text-sm text-muted">These are the worst 100. <TextLink to="/$org/drift/findings" params={{ org }} search={{ workspace: workspace.attributes.name }}>All findings of it</TextLink></p>}
        </Listed>
        <Listed title="Scans" of={scans} empty="Nobody has looked yet.">{scans.data && <ScanRows org={org} items={scans.data.items} included={new Included()} bare />}</Listed>
      </InOrder>
      <InOrder className="min-w-0 space-y-5">
        <Last org={org} workspace={workspace} />
        <Panel title="Episodes">
          {episodes.error && <Failure error={episodes.error} retry={() => void episodes.refetch()} className="m-4" />}
          {episodes.isPending && <SkeletonRows rows={2} />}
          {episodes.data?.items.length === 0 ? <p className="px-4 py-5 text-muted">It has never drifted.</p> : (
            <ul aria-label="Episodes">
              {episodes.data?.items.map((e) => (
                <li key={e.id} className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2 last:border-0">
                  <Severity level={e.attributes['worst-severity']} />
                  <TextLink to="/$org/drift/episodes/$episode" params={{ org, episode: e.id }}>{e.attributes.status === 'open' ? <Since at={e.attributes['opened-at']} /> : <>ended <Time at={e.attributes['resolved-at']} /></>}</TextLink>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </InOrder>
    </InOrder>
  )
}

function State({ workspace }: { workspace: Resource<'workspaces'> }) {
  const a = workspace.attributes
  const may = a.permissions['can-manage-assessments']
  const assess = useChange(stale, () => api.create('/workspaces/{id}/actions/assess', { id: workspace.id }, undefined), () => toast('The assessment has begun.'))
  const turn = useChange(stale, (on: boolean) => api.update('/workspaces/{id}', { id: workspace.id }, body('workspaces', { 'assessments-enabled': on })), (_, on) => toast(on ? 'Assessments are on.' : 'Assessments are off.'))
  const state = a['health-state']
  return (
    <Panel padded>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <Health state={state} />
          <p className="mt-2 text-muted">{a['health-reason'] ?? healths[state]?.about}</p>
        </div>
        {may && (
          <div className="flex flex-wrap gap-2">
            {state !== 'disabled' && <Button look="primary" icon="refresh" busy={assess.isPending} onClick={() => assess.mutate(undefined)}>Assess now</Button>}
            {a['assessments-enabled'] ? (
              <Button busy={turn.isPending} onClick={() => turn.mutate(false)}>Turn off</Button>
            ) : (
              state === 'disabled' && <Button look="primary" busy={turn.isPending} onClick={() => turn.mutate(true)}>Turn on assessments</Button>
            )}
          </div>
        )}
      </div>
      {(assess.error ?? turn.error) && <Failure error={assess.error ?? turn.error} className="mt-4" />}
    </Panel>
  )
}

type Any = Pick<UseQueryResult<{ items: unknown[] }>, 'data' | 'error' | 'isPending' | 'refetch'>

function Listed({ title, of, empty, children }: { title: string; of: Any; empty: string; children: ReactNode }) {
  return (
    <Panel title={title}>
      {of.error && <Failure error={of.error} retry={() => void of.refetch()} className="m-4" />}
      {of.isPending && <SkeletonRows rows={3} />}
      {of.data?.items.length === 0 ? <p className="px-4 py-5 text-muted">{empty}</p> : children}
    </Panel>
  )
}

/** Last is the current assessment, with its files for who may read them. */
function Last({ org, workspace }: { org: string; workspace: Resource<'workspaces'> }) {
  const newest = useQuery({ ...listQuery('assessment-results', '/workspaces/{id}/assessment-results', { id: workspace.id }, { 'page[size]': 1 }), ...polling })
  const id = newest.data?.items[0]?.id ?? ''
  const one = useQuery({ ...readQuery('assessment-results', '/assessment-results/{id}', { id }), enabled: id !== '' })
  const list = newest
  const a = one.isLoading ? undefined : (one.data?.item ?? newest.data?.items[0])?.attributes
  const links = one.data?.item.links ?? {}
  const scan = refOf(newest.data?.items[0], 'drift-scan')
  const admin = workspace.attributes.permissions['can-update']
  return (
    <Panel title="Last assessment" padded className="self-start">
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {(list.isPending || one.isLoading) && <SkeletonRows rows={3} className="-m-4" />}
      {list.data?.items.length === 0 && <p className="text-muted">There is none yet. An assessment looks after an apply whether everything is still as it was left.</p>}
      {a?.['error-message'] && <Notice tone="bad" icon="warning" className="mb-3">{a['error-message']}</Notice>}
      {a && (
        <Facts>
          <Fact name="Made"><Time at={a['created-at']} /></Fact>
          <Fact name="Drifted">{a['resources-drifted']} of {count(a['resources-drifted'] + a['resources-undrifted'], 'resource')}</Fact>
          <Fact name="Checks">{checksOf(a)}</Fact>
          {a.severity && a.drifted && <Fact name="Worst"><Severity level={a.severity} /></Fact>}
          {scan && <Fact name="Scan"><TextLink to="/$org/drift/scans/$scan" params={{ org, scan: scan.id }}>Log and verdict</TextLink></Fact>}
        </Facts>
      )}
      {a && admin && (
        <div className="mt-4 flex flex-wrap gap-2">
          {typeof links['json-output'] === 'string' && <Download label="Plan (JSON)" href={links['json-output']} />}
          {typeof links['json-schema'] === 'string' && <Download label="Schemas (JSON)" href={links['json-schema']} />}
          {typeof links['log-output'] === 'string' && <Download label="Log" href={links['log-output']} />}
        </div>
      )}
    </Panel>
  )
}
