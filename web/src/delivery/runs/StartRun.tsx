// Starting a run by hand.
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { Choice, Field, Input, Textarea } from '~/ui/Field'

type Kind = 'apply' | 'plan' | 'refresh' | 'destroy'

const kinds: { kind: Kind; label: string; help: string }[] = [
  { kind: 'apply', label: 'Plan and apply', help: 'Makes what is there as the configuration says.' },
  { kind: 'plan', label: 'Plan only', help: 'Says what would change. It can never be applied.' },
  { kind: 'refresh', label: 'Refresh only', help: 'Takes over into the state what has changed outside. Changes nothing else.' },
  { kind: 'destroy', label: 'Destroy everything', help: 'Destroys all that this workspace manages.' },
]

const attributesOf: Record<Kind, Record<string, boolean>> = { apply: {}, plan: { 'plan-only': true }, refresh: { 'refresh-only': true }, destroy: { 'is-destroy': true } }

export function StartRun({ org, workspace, onClose }: { org: string; workspace: Resource<'workspaces'>; onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('apply')
  const [message, setMessage] = useState('')
  const [targets, setTargets] = useState('')
  const [replaces, setReplaces] = useState('')
  const [empty, setEmpty] = useState(false)
  const [debug, setDebug] = useState(false)
  const navigate = useNavigate()
  const change = useChange(
    ['runs', 'workspaces'],
    () => api.create('/runs', {}, body('runs', {
      ...attributesOf[kind],
      message: message.trim() || 'Started in the UI',
      ...(lines(targets).length > 0 && { 'target-addrs': lines(targets) }),
      ...(lines(replaces).length > 0 && { 'replace-addrs': lines(replaces) }),
      ...(empty && { 'allow-empty-apply': true }),
      ...(debug && { 'debugging-mode': true }),
    }, { workspace: { type: 'workspaces', id: workspace.id } })),
    ({ item }) => void navigate({ to: '/$org/workspaces/$workspace/runs/$run', params: { org, workspace: workspace.attributes.name, run: item.id } }),
  )
  const wrong = fieldsOf(change.error)
  const may = workspace.attributes.permissions
  return (
    <Dialog title={`Start a run in ${workspace.attributes.name}`} onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          change.mutate(undefined)
        }}
      >
        <Field label="Why" optional error={wrong.message} className="mt-2">
          <Input value={message} onChange={(e) => setMessage(e.target.value)} placeholder="Started in the UI" autoFocus />
        </Field>
        <fieldset className="mt-4 space-y-2">
          <legend className="mb-1 font-medium">What</legend>
          {kinds.map((k) => (
            <Choice key={k.kind} type="radio" name="kind" label={k.label} help={k.help} checked={kind === k.kind} onChange={() => setKind(k.kind)} disabled={k.kind === 'destroy' && !may['can-queue-destroy']} />
          ))}
        </fieldset>
        {kind === 'destroy' && <Notice tone="bad" icon="warning" className="mt-4">The plan will destroy all {workspace.attributes['resource-count']} resources of this workspace.{workspace.attributes['auto-apply'] && ' It will be applied by itself.'}</Notice>}
        <details className="mt-4">
          <summary className="cursor-pointer font-medium text-muted hover:text-text">More options</summary>
          <div className="mt-3 space-y-4">
            <Field label="Only these resources" optional help="One address in each line. What they depend on is included." error={wrong['target-addrs']}>
              <Textarea rows={2} value={targets} onChange={(e) => setTargets(e.target.value)} placeholder="module.dns.aws_route53_record.app" className="font-mono text-sm" />
            </Field>
            {kind !== 'destroy' && kind !== 'refresh' && (
              <Field label="Replace these resources" optional help="One address in each line. They are made anew even if nothing has changed." error={wrong['replace-addrs']}>
                <Textarea rows={2} value={replaces} onChange={(e) => setReplaces(e.target.value)} placeholder={'aws_instance.web[0]'} className="font-mono text-sm" />
              </Field>
            )}
            {kind === 'apply' && <Choice label="Apply even without changes" help="For example to upgrade the state." checked={empty} onChange={(e) => setEmpty(e.target.checked)} />}
            <Choice label="Print everything that the engine does" help="Logs may be long, and may have secrets in them." checked={debug} onChange={(e) => setDebug(e.target.checked)} />
          </div>
        </details>
        {change.error && <Failure error={change.error} className="mt-4" />}
        <Actions>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look={kind === 'destroy' ? 'danger' : 'primary'} icon="run" busy={change.isPending}>{kind === 'plan' ? 'Start the plan' : kind === 'destroy' ? 'Plan to destroy' : 'Start the run'}</Button>
        </Actions>
      </form>
    </Dialog>
  )
}

function lines(text: string): string[] {
  return text.split('\n').map((l) => l.trim()).filter((l) => l !== '')
}
