// Starting a run by hand, with everything that a run can be told.
import { useNavigate } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Notice } from '~/ui/Failure'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { applies, attributesOf, BadVariable, blank, kinds, replaces, type Draft, type Kind } from './start'

type Props = { org: string; workspace: Resource<'workspaces'>; first?: Partial<Draft>; onClose: () => void }

export function StartRun({ org, workspace, first, onClose }: Props) {
  const [draft, setDraft] = useState<Draft>({ ...blank, ...first })
  const set = (change: Partial<Draft>) => setDraft((was) => ({ ...was, ...change }))
  const navigate = useNavigate()
  const change = useChange(
    ['runs', 'workspaces'],
    async () => api.create('/runs', {}, body('runs', attributesOf(draft), { workspace: { type: 'workspaces', id: workspace.id } })),
    ({ item }) => void navigate({ to: '/$org/workspaces/$workspace/runs/$run', params: { org, workspace: workspace.attributes.name, run: item.id } }),
  )
  const wrong = change.error instanceof BadVariable ? { variables: change.error.message } : fieldsOf(change.error)
  const { kind } = draft
  return (
    <FormDialog title={`Start a run in ${workspace.attributes.name}`} action={verbs[kind]} look={kind === 'destroy' ? 'danger' : 'primary'} icon="run" back="Back" change={change} className="" onClose={onClose} wide>
      <Field label="Why" optional error={wrong.message} className="mt-2">
        <Input value={draft.message} onChange={(e) => set({ message: e.target.value })} placeholder="Started in the UI" autoFocus />
      </Field>
      <fieldset className="mt-4 space-y-2">
        <legend className="mb-1 font-medium">What</legend>
        {kinds.map((k) => (
          <Choice key={k.kind} type="radio" name="kind" label={k.label} help={k.help} checked={kind === k.kind} onChange={() => set({ kind: k.kind })} disabled={k.kind === 'destroy' && !workspace.attributes.permissions['can-queue-destroy']} />
        ))}
      </fieldset>
      {kind === 'destroy' && <Notice tone="bad" icon="warning" className="mt-4">The plan will destroy all {workspace.attributes['resource-count']} resources of this workspace.{(draft.auto === 'yes' || (draft.auto === 'workspace' && workspace.attributes['auto-apply'])) && ' It will be applied by itself.'}</Notice>}
      <More draft={draft} set={set} wrong={wrong} auto={workspace.attributes['auto-apply']} open={first !== undefined} />
    </FormDialog>
  )
}

const verbs: Record<Kind, string> = { apply: 'Start the run', plan: 'Start the plan', save: 'Make the plan', refresh: 'Start the run', destroy: 'Plan to destroy' }

type MoreProps = { draft: Draft; set: (change: Partial<Draft>) => void; wrong: Record<string, string>; auto: boolean; open: boolean }

/** More is what most runs do without. */
function More({ draft: d, set, wrong, auto, open }: MoreProps) {
  const list = (key: 'targets' | 'replaces' | 'actions', label: string, help: string, error: string | undefined, placeholder: string) => (
    <Field label={label} optional help={help} error={error}>
      <Textarea rows={2} value={d[key]} onChange={(e) => set({ [key]: e.target.value })} placeholder={placeholder} className="font-mono text-sm" />
    </Field>
  )
  return (
    <details className="mt-4" open={open || wrong.variables !== undefined}>
      <summary className="cursor-pointer font-medium text-muted hover:text-text">More options</summary>
      <div className="mt-3 grid gap-x-5 gap-y-4 sm:grid-cols-2">
        {list('targets', 'Only these resources', 'One address in each line. What they depend on is included.', wrong['target-addrs'], 'module.dns.aws_route53_record.app')}
        {replaces(d.kind) && list('replaces', 'Replace these resources', 'One address in each line. They are made anew even if nothing has changed.', wrong['replace-addrs'], 'aws_instance.web[0]')}
        <Field label="Variables of this run" optional help="One name = value in each line. They come before those of the workspace and its sets, for this run only, and whoever reads the run sees them." error={wrong.variables}>
          <Textarea rows={2} value={d.variables} onChange={(e) => set({ variables: e.target.value })} placeholder={'region = "eu-central-1"\nsize = 3'} className="font-mono text-sm" />
        </Field>
        {d.kind === 'apply' && list('actions', 'Invoke these actions', 'One address in each line; nothing else is done. Engines from 1.14 on have actions.', wrong['invoke-action-addrs'], 'action.aws_lambda_invoke.warm')}
        {applies(d.kind) && (
          <Field label="When the plan is finished" help={`The workspace says: ${auto ? 'apply by itself' : 'ask a person'}.`} error={wrong['auto-apply']}>
            <Select value={d.auto} onChange={(e) => set({ auto: e.target.value as Draft['auto'] })}>
              <option value="workspace">As the workspace says</option>
              <option value="yes">Apply by itself</option>
              <option value="no">Ask a person</option>
            </Select>
          </Field>
        )}
        {d.kind === 'plan' && (
          <Field label="Engine version" optional help="To see what another version makes of it. Only plans can try one." error={wrong['terraform-version']}>
            <Input value={d.version} onChange={(e) => set({ version: e.target.value })} placeholder="1.10.5" className="max-w-40 font-mono" />
          </Field>
        )}
        <Choices d={d} set={set} />
      </div>
    </details>
  )
}

function Choices({ d, set }: { d: Draft; set: (change: Partial<Draft>) => void }): ReactNode {
  return (
    <div className="space-y-3 sm:col-span-2">
      {d.kind !== 'refresh' && <Choice label="Look at what is there first" help="Without it the plan trusts the state: quicker, but it misses what was changed outside." checked={d.refresh} onChange={(e) => set({ refresh: e.target.checked })} />}
      {d.kind === 'apply' && <Choice label="Apply even without changes" help="For example to upgrade the state." checked={d.empty} onChange={(e) => set({ empty: e.target.checked })} />}
      {replaces(d.kind) && <Choice label="Write configuration for what is imported" help="The plan shows what to put into the configuration." checked={d.generate} onChange={(e) => set({ generate: e.target.checked })} />}
      <Choice label="Print everything that the engine does" help="Logs may be long, and may have secrets in them." checked={d.debug} onChange={(e) => set({ debug: e.target.checked })} />
    </div>
  )
}
