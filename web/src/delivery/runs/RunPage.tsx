// A run from its beginning to its end, as it happens.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useCallback, useState, type ReactNode } from 'react'
import { address } from '~/kernel/api'
import { brief } from '~/kernel/formats'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { polling } from '~/kernel/queries'
import { CopyText, Id } from '~/ui/Copy'
import { Failure, NotFound, Notice } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Page, Panel, TextLink } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { Views } from '~/ui/Views'
import { isMissing } from '~/kernel/problem'
import { LogView } from '../log/LogView'
import { PlanView } from '../plan/PlanView'
import { RunStatus, isFinal } from '../status'
import { Counts } from './Counts'
import { Verbs, VerbDialog, type Verb } from './Decision'
import { Events } from './Events'
import { Help } from './Help'
import { Configuration } from './Configuration'
import { RunFacts } from './Facts'
import { Queue } from './Queue'
import { StageIcon, Stages, Taken, useNow } from './Stages'
import { runQuery } from './queries'
import { isQueued, stagesOf, type Stage } from './standing'

export function RunScreen() {
  const { org, run } = useParams({ from: '/$org/workspaces/$workspace/runs/$run' })
  return <RunPage org={org} id={run} />
}

function RunPage({ org, id }: { org: string; id: string }) {
  const run = useQuery({ ...runQuery(id), refetchInterval: (q) => (q.state.data && isFinal(q.state.data.item.attributes.status) ? false : polling.refetchInterval()) })
  if (run.isPending) return <Loading />
  if (run.error) return isMissing(run.error) ? <NotFound /> : <div className="mx-auto max-w-2xl p-6"><Failure error={run.error} retry={() => void run.refetch()} /></div>
  const { item, included } = run.data
  const workspace = included.get('workspaces', refOf(item, 'workspace')?.id)
  const plan = included.get('plans', refOf(item, 'plan')?.id)
  const apply = included.get('applies', refOf(item, 'apply')?.id)
  const who = included.get('users', refOf(item, 'created-by')?.id)?.attributes.username ?? undefined
  const confirmed = included.get('users', refOf(item, 'confirmed-by')?.id)?.attributes.username ?? undefined
  const version = included.get('configuration-versions', refOf(item, 'configuration-version')?.id)
  const ingress = included.get('ingress-attributes', refOf(version, 'ingress-attributes')?.id)
  return <Run key={id} {...{ org, run: item, workspace, plan, apply, who, confirmed, version, ingress }} />
}

type Props = {
  org: string
  run: Resource<'runs'>
  workspace: Resource<'workspaces'> | undefined
  plan: Resource<'plans'> | undefined
  apply: Resource<'applies'> | undefined
  who: string | undefined
  confirmed: string | undefined
  version: Resource<'configuration-versions'> | undefined
  ingress: Resource<'ingress-attributes'> | undefined
}

function Run({ org, run, workspace, plan, apply, who, confirmed, version, ingress }: Props) {
  const [verb, setVerb] = useState<Verb>()
  const onVerb = useCallback((v: Verb) => setVerb(v), [])
  const a = run.attributes
  const stages = stagesOf(run, plan, apply)
  const name = workspace?.attributes.name ?? ''
  return (
    <Page
      wide
      title={brief(a.message, 200) || run.id}
      status={<span data-run-status={a.status}><RunStatus status={a.status} /></span>}
      about={
        <span className="flex flex-wrap items-center gap-x-1.5">
          {workspace && <TextLink to="/$org/workspaces/$workspace" params={{ org, workspace: name }}>{name}</TextLink>}
          <span aria-hidden="true">·</span>
          <span>{who ? <>by {who}</> : 'by the server'}, <Time at={a['created-at']} /></span>
          <span aria-hidden="true" className="max-sm:hidden">·</span>
          <Id>{run.id}</Id>
        </span>
      }
      actions={
        <>
          <Verbs run={run} onVerb={onVerb} />
          <CopyText text={window.location.origin + window.location.pathname}>Copy link</CopyText>
        </>
      }
    >
      <Panel padded className="mb-5"><Stages stages={stages} /></Panel>
      <Help org={org} run={run} workspace={workspace} plan={plan} apply={apply} />
      {isQueued(a.status) && <Queue org={org} run={run} workspace={workspace} />}
      {a['debugging-mode'] && <Notice tone="info" className="mb-5">The engine prints all that it does: this run is in debugging mode.</Notice>}
      <InOrder below="xl" className="grid gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]">
        <InOrder className="min-w-0 space-y-5">
          {stages.map((s) => s.key === 'plan' ? <PlanPart key="plan" stage={s} plan={plan} /> : s.key === 'apply' && <ApplyPart key="apply" stage={s} apply={apply} />)}
        </InOrder>
        <InOrder className="min-w-0 space-y-5">
          <RunFacts org={org} run={run} workspace={workspace} who={who} confirmed={confirmed} />
          <Configuration version={version} ingress={ingress} run={run} />
          <Events run={run} />
        </InOrder>
      </InOrder>
      {verb && <VerbDialog run={run} plan={plan} verb={verb} onClose={() => setVerb(undefined)} />}
    </Page>
  )
}

const planViews = { changes: 'Changes', log: 'Log' }

const ends = ['finished', 'errored', 'canceled']

function PlanPart({ stage, plan }: { stage: Stage; plan: Resource<'plans'> | undefined }) {
  const [log, setLog] = useState<boolean>()
  if (!plan) return null
  const status = plan.attributes.status
  const finished = status === 'finished'
  // Who comes for a line of the log sees the log; else the changes are shown once they are there.
  const showsLog = log ?? (!finished || window.location.hash.startsWith('#plan-'))
  return (
    <Part
      stage={stage}
      summary={finished && <Counts of={plan.attributes} />}
      actions={finished && <Views options={planViews} value={showsLog ? 'log' : 'changes'} onChange={(v) => setLog(v === 'log')} />}
    >
      {finished && !showsLog && <PlanView id={plan.id} />}
      {showsLog && hasLog(status) && (
        <LogView name="plan" id={plan.id} events={address('/plans/{id}/log/events', { id: plan.id })} url={plan.attributes['log-read-url'] ?? undefined} complete={ends.includes(status)} waiting="An executor prepares the plan." />
      )}
      {!hasLog(status) && <p className="p-4 text-muted">{status === 'unreachable' ? 'The run ended before its plan began.' : 'The plan has not begun.'}</p>}
    </Part>
  )
}

function ApplyPart({ stage, apply }: { stage: Stage; apply: Resource<'applies'> | undefined }) {
  if (!apply) return null
  const status = apply.attributes.status
  if (!hasLog(status)) return null
  return (
    <Part stage={stage} summary={status === 'finished' && <Counts of={apply.attributes} done />}>
      <LogView name="apply" id={apply.id} events={address('/applies/{id}/log/events', { id: apply.id })} url={apply.attributes['log-read-url'] ?? undefined} complete={ends.includes(status)} waiting="An executor prepares the apply." />
    </Part>
  )
}

function hasLog(status: string): boolean {
  return status !== 'pending' && status !== 'unreachable'
}

type PartProps = { stage: Stage; summary?: ReactNode; actions?: ReactNode; children: ReactNode }

function Part({ stage, summary, actions, children }: PartProps) {
  const now = useNow(stage.standing === 'running' || stage.standing === 'queued')
  return (
    <Panel
      id={stage.key}
      className="scroll-mt-16"
      title={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <StageIcon standing={stage.standing} small />
          <span>{stage.title}</span>
          <span className="text-sm font-normal text-muted">{stage.says}<Taken stage={stage} now={now} /></span>
          {summary}
        </span>
      }
      actions={actions}
    >
      {children}
    </Panel>
  )
}

function Loading() {
  return (
    <Page wide title="Run" status={<Skeleton className="h-6 w-32" />} about={<Skeleton className="h-4 w-64" />}>
      <Panel padded className="mb-5"><Skeleton className="h-10 w-full" /></Panel>
      <Panel><SkeletonRows /></Panel>
    </Page>
  )
}
