// What can be done about drift: apply again what was applied last, or adopt in the code what
// is real. Either is looked at by somebody before anything changes.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { isFinal } from '~/delivery/status'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, polling, readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Notice } from '~/ui/Failure'
import { Choice, Field, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { Adoption, Pull } from './Adoption'
import { Severity } from './words'

type Props = { org: string; episode: Resource<'drift-episodes'>; included: Included; may: boolean }
type Remedy = Resource<'drift-remedies'>

/** PutRight shows the remedies of an episode that is open. */
export function PutRight({ org, episode, included, may }: Props) {
  const [doing, setDoing] = useState<'reapply' | 'adopt'>()
  const list = useQuery({ ...listQuery('drift-remedies', '/drift-episodes/{id}/remedies', { id: episode.id }, { include: 'run,drift-adoption' }), ...polling })
  if (!list.data) return <Panel title="Put it right">{list.isPending && <SkeletonRows rows={3} />}</Panel>
  const one = (kind: string) => list.data.items.find((r) => r.attributes.kind === kind)
  const [reapply, adopt] = [one('reapply'), one('adopt')]
  const close = () => setDoing(undefined)
  return (
    <Panel title="Put it right" padded>
      <div className="space-y-5">
        {reapply && (
          <Option title="Apply again" about="A run makes reality what the code says. It waits until somebody confirms it." reason={reapply.attributes.reason}>
            <Run org={org} remedy={reapply} episode={episode} included={included} all={list.data.included} />
            {may && reapply.attributes.possible && !ongoing(reapply, list.data.included) && <Button icon="run" onClick={() => setDoing('reapply')}>Apply again…</Button>}
          </Option>
        )}
        {adopt && (
          <Option title="Adopt in the code" about="A change of the code says what is real. You read it before anybody merges it." reason={adopt.attributes.reason}>
            <Adopted remedy={adopt} all={list.data.included} />
            {may && adopt.attributes.possible && <Button icon="pencil" onClick={() => setDoing('adopt')}>Adopt in the code…</Button>}
          </Option>
        )}
      </div>
      {doing === 'reapply' && reapply && <Again episode={episode} included={included} remedy={reapply} onClose={close} />}
      {doing === 'adopt' && adopt && <Adoption episode={episode.id} mayOpen={adopt.attributes['can-open-pull-request']} whyNot={adopt.attributes['pull-request-reason']} onClose={close} />}
    </Panel>
  )
}

function Option({ title, about, reason, children }: { title: string; about: string; reason: string | null; children: React.ReactNode }) {
  return (
    <section aria-label={title} className="space-y-2">
      <h3 className="font-medium">{title}</h3>
      <p className="text-muted">{about}</p>
      {reason !== null && <p className="text-sm text-muted wrap-anywhere">Not possible: {reason}</p>}
      <div className="flex flex-wrap items-center gap-3 empty:hidden">{children}</div>
    </section>
  )
}

/** ongoing tells whether a run is under way that puts it right already. */
function ongoing(remedy: Remedy, all: Included): boolean {
  const status = all.get('runs', refOf(remedy, 'run')?.id)?.attributes.status
  return status !== undefined && !isFinal(status)
}

/** Run leads to the last run that was to put the drift right. */
function Run({ org, remedy, episode, included, all }: { org: string; remedy: Remedy; episode: Resource<'drift-episodes'>; included: Included; all: Included }) {
  const id = refOf(remedy, 'run')?.id
  const workspace = included.get('workspaces', refOf(episode, 'workspace')?.id)?.attributes.name
  if (!id || workspace === undefined) return null
  const status = all.get('runs', id)?.attributes.status
  return (
    <span>
      <TextLink to="/$org/workspaces/$workspace/runs/$run" params={{ org, workspace, run: id }} className="underline">The run</TextLink>
      {status && <> is {status.replaceAll('_', ' ')}</>}
    </span>
  )
}

/** Adopted shows the pull request of the episode, if it has one. */
function Adopted({ remedy, all }: { remedy: Remedy; all: Included }) {
  const known = all.get('drift-adoptions', refOf(remedy, 'drift-adoption')?.id)
  const { data } = useQuery({ ...readQuery('drift-adoptions', '/drift-adoptions/{id}', { id: known?.id ?? '' }), ...polling, enabled: known !== undefined })
  const adoption = data?.item ?? known
  return adoption && adoption.attributes.status !== 'ready' ? <Pull adoption={adoption} /> : null
}

/** Again asks before a run is started, and shows what the guard says. */
function Again({ episode, included, remedy, onClose }: { episode: Resource<'drift-episodes'>; included: Included; remedy: Remedy; onClose: () => void }) {
  const a = remedy.attributes
  const [override, setOverride] = useState(false)
  const [reason, setReason] = useState('')
  const admin = included.get('workspaces', refOf(episode, 'workspace')?.id)?.attributes.permissions['can-update'] ?? false
  const change = useChange(['drift-remedies', 'runs', 'workspaces'], () =>
    api.create('/drift-episodes/{id}/actions/reapply', { id: episode.id }, body('drift-remedies', a['needs-override'] ? { override, reason } : {})), () => {
    toast('The run is queued. It waits for somebody to confirm it.')
    onClose()
  })
  return (
    <FormDialog title="Apply again" action="Start the run" change={change} disabled={a['needs-override'] && (!admin || !override)} onClose={onClose}>
      <p className="text-muted">The run plans with the configuration that was applied last. Its plan may say more than this scan did: read it before you confirm.</p>
      <Objects remedy={remedy} />
      {a.refusals.map((r) => <Notice key={r} tone="bad" icon="warning">{r}</Notice>)}
      {a['needs-override'] && !admin && <p className="text-muted">Only an admin of the workspace can start this run.</p>}
      {a['needs-override'] && admin && (
        <>
          <Choice label="Start it all the same" checked={override} onChange={(e) => setOverride(e.target.checked)} />
          {override && (
            <Field label="Reason" error={fieldsOf(change.error).reason} help="The message of the run says it.">
              <Textarea rows={2} value={reason} onChange={(e) => setReason(e.target.value)} required />
            </Field>
          )}
        </>
      )}
    </FormDialog>
  )
}

/** Objects lists what the next apply would touch, and how. */
function Objects({ remedy }: { remedy: Remedy }) {
  const a = remedy.attributes
  const shown = a.objects.slice(0, 20)
  return (
    <div className="rounded-md border border-line">
      <p className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <span className="font-medium">{count(a.objects.length, 'object')}</span>
        <Severity level={a.severity} />
        {a.destroys > 0 && <Badge tone="bad" icon="trash">{count(a.destroys, 'destroyed or replaced', 'destroyed or replaced')}</Badge>}
        {a.recreates > 0 && <Badge tone="replace" icon="plus">{count(a.recreates, 'made again', 'made again')}</Badge>}
      </p>
      <ul className="max-h-56 overflow-y-auto py-1" tabIndex={0} aria-label="Objects that the run touches">
        {shown.map((o) => (
          <li key={o.address} className="flex flex-wrap items-baseline justify-between gap-x-3 px-3 py-0.5">
            <code className="font-mono text-sm wrap-anywhere">{o.address}</code>
            <span className="text-sm text-muted">{o.actions.join(', then ')}{o.stateful && ', holds data'}</span>
          </li>
        ))}
        {a.objects.length > shown.length && <li className="px-3 py-0.5 text-sm text-muted">and {count(a.objects.length - shown.length, 'more', 'more')}</li>}
      </ul>
    </div>
  )
}
