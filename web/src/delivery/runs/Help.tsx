// What to do about a run that has failed or was stopped.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Resource } from '~/kernel/jsonapi'
import { readQuery } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Notice } from '~/ui/Failure'
import { adviceFor, type Step } from './advice'
import { StartRun } from './StartRun'
import type { Draft, Kind } from './start'

type Props = { org: string; run: Resource<'runs'>; workspace: Resource<'workspaces'> | undefined; plan: Resource<'plans'> | undefined; apply: Resource<'applies'> | undefined }

export function Help({ org, run, workspace, plan, apply }: Props) {
  const [starting, setStarting] = useState(false)
  const a = run.attributes
  const advice = adviceFor({ status: a.status, plan: plan?.attributes.status, apply: apply?.attributes.status, planOnly: a['plan-only'] })
  if (!advice || !workspace) return null
  const name = workspace.attributes.name
  return (
    <Notice tone={advice.tone} icon={advice.tone === 'info' ? 'info' : 'warning'} className="mb-5">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="min-w-0 flex-1 basis-96">{advice.says}</p>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          {advice.steps.map((s) => (s.again ? <Again key={s.label} workspace={workspace.id} label={s.label} onStart={() => setStarting(true)} /> : <Lead key={s.label} org={org} name={name} step={s} />))}
        </div>
      </div>
      {starting && <Dialog org={org} run={run} workspace={workspace.id} onClose={() => setStarting(false)} />}
    </Notice>
  )
}

function Lead({ org, name, step }: { org: string; name: string; step: Step }) {
  const look = 'font-medium underline underline-offset-2'
  if (step.hash) return <a href={`#${step.hash}`} className={look}>{step.label}</a>
  if (step.to === 'agents') return <Link to="/$org/settings/agents" params={{ org }} className={look}>{step.label}</Link>
  const path: string = `/${org}/workspaces/${name}/${step.to ?? 'runs'}`
  return <Link to={path} className={look}>{step.label}</Link>
}

function Again({ workspace, label, onStart }: { workspace: string; label: string; onStart: () => void }) {
  const { data } = useQuery(readQuery('workspaces', '/workspaces/{id}', { id: workspace }))
  return data?.item.attributes.permissions['can-queue-run'] ? <Button small icon="refresh" onClick={onStart}>{label}</Button> : null
}

function Dialog({ org, run, workspace, onClose }: { org: string; run: Resource<'runs'>; workspace: string; onClose: () => void }) {
  const { data } = useQuery(readQuery('workspaces', '/workspaces/{id}', { id: workspace }))
  return data ? <StartRun org={org} workspace={data.item} first={draftOf(run)} onClose={onClose} /> : null
}

const kindOf: Record<string, Kind> = { plan_only: 'plan', save_plan: 'save', refresh_only: 'refresh', destroy: 'destroy' }

/** draftOf is what a run was started with, to start it once more. */
function draftOf({ attributes: a }: Resource<'runs'>): Partial<Draft> {
  const text = (list: readonly string[] | null) => (list ?? []).join('\n')
  return {
    kind: kindOf[a.operation] ?? 'apply', message: a.message, targets: text(a['target-addrs']), replaces: text(a['replace-addrs']), actions: text(a['invoke-action-addrs']),
    variables: a.variables.map((v) => `${v.key} = ${v.value}`).join('\n'), refresh: a.refresh, empty: a['allow-empty-apply'],
  }
}
