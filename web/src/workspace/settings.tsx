// The settings of a workspace, and its end.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, refOf } from '~/kernel/jsonapi'
import { useDraft } from '~/kernel/draft'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Notice } from '~/ui/Failure'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { Execution } from '~/organization/execution'
import { Retention } from '~/organization/retention'
import { useWorkspace } from './current'
import { workspaceRoute } from './frame'
import { Key, Sharing } from './sharing'
import { TagEditor } from './tagEditor'
import { RunTriggers } from './triggers'

export const settingsRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/settings', component: Settings })

function Settings() {
  const { workspace: w } = useWorkspace()
  const may = w.attributes.permissions['can-update']
  return (
    <div className="max-w-3xl space-y-4">
      {!may && <Notice icon="lock">You may see these settings, not change them.</Notice>}
      <fieldset disabled={!may} className="min-w-0 space-y-4">
        <General key={w.id} />
      </fieldset>
      <TagEditor of={{ kind: 'workspaces', id: w.id }} may={w.attributes.permissions['can-manage-tags']} about="Labels to find it by: a key alone, or a key with a value." />
      <RunTriggers />
      {may && <Sharing />}
      {may && <Key key={refOf(w, 'ssh-key')?.id} />}
      <Retention
        path={api.address('/workspaces/{id}/relationships/data-retention-policy', { id: w.id })}
        of={w}
        about="State versions and configurations that are not current any more."
        otherwise="As the organization says"
        may={may}
      />
      {w.attributes.permissions['can-destroy'] && <Danger />}
    </div>
  )
}

function General() {
  const { org, workspace: w } = useWorkspace()
  const a = w.attributes
  const navigate = settingsRoute.useNavigate()
  const projects = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  const draft = useDraft({
    name: a.name, description: a.description ?? '', engine: a.engine, 'terraform-version': a['terraform-version'],
    'working-directory': a['working-directory'] ?? '', 'auto-apply': a['auto-apply'], 'speculative-enabled': a['speculative-enabled'],
    'allow-destroy-plan': a['allow-destroy-plan'],
    project: refOf(w, 'project')?.id ?? '', mode: a['setting-overwrites']['execution-mode'] ? a['execution-mode'] : '', pool: refOf(w, 'agent-pool')?.id ?? '',
  })
  const { project, mode, pool, ...f } = draft.values
  const change = useChange(
    ['workspaces'],
    () => {
      const own = mode === '' ? { 'setting-overwrites': { 'execution-mode': false, 'agent-pool': false } } : { 'execution-mode': mode, 'setting-overwrites': { 'execution-mode': true, 'agent-pool': true } }
      const related = { project: { type: 'projects', id: project }, ...(mode === 'agent' && pool !== '' && { 'agent-pool': { type: 'agent-pools', id: pool } }) }
      return api.update('/workspaces/{id}', { id: w.id }, body('workspaces', { ...f, ...own }, related, w.id))
    },
    ({ item }) => {
      toast('The settings are saved.')
      if (item.attributes.name !== a.name) return navigate({ to: '/$org/workspaces/$workspace/settings', params: { org, workspace: item.attributes.name }, replace: true })
    },
  )
  const wrong = fieldsOf(change.error)
  const set = <K extends keyof typeof f>(key: K, value: (typeof f)[K]) => draft.set({ [key]: value })
  return (
    <Panel title="General" padded>
      <Form change={change} draft={draft} names={{ mode: 'where runs are executed', pool: 'agent pool', 'terraform-version': 'version', 'auto-apply': 'apply by itself', 'allow-destroy-plan': 'plans that destroy everything' }} action="Save">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" error={wrong.name}><Input required value={f.name} onChange={(e) => set('name', e.target.value)} /></Field>
          <Field label="Project">
            <Select value={project} onChange={(e) => draft.set({ project: e.target.value })}>
              {projects.data?.map((p) => <option key={p.id} value={p.id}>{p.attributes.name}</option>)}
            </Select>
          </Field>
        </div>
        <Field label="Description" optional error={wrong.description}><Textarea rows={2} value={f.description} onChange={(e) => set('description', e.target.value)} /></Field>
        <Execution org={org} mode={mode} onMode={(v) => draft.set({ mode: v })} pool={pool} onPool={(v) => draft.set({ pool: v })} inherited="as the project says" wrong={{ mode: wrong['execution-mode'] }} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Engine">
            <Select value={f.engine} onChange={(e) => set('engine', e.target.value)}>
              <option value="">what the server prefers</option>
              <option value="opentofu">OpenTofu</option>
              <option value="terraform">Terraform</option>
            </Select>
          </Field>
          <Field label="Version" help="A version, a constraint such as ~> 1.10, or latest." error={wrong['terraform-version']}>
            <Input className="font-mono" value={f['terraform-version']} onChange={(e) => set('terraform-version', e.target.value)} />
          </Field>
        </div>
        <Field label="Working directory" optional help="Where the configuration is in what is uploaded." error={wrong['working-directory']}>
          <Input className="font-mono" value={f['working-directory']} onChange={(e) => set('working-directory', e.target.value)} />
        </Field>
        <div className="space-y-3">
          <Choice label="Apply by itself" help="A plan with changes is applied without anybody's confirmation." checked={f['auto-apply']} onChange={(e) => set('auto-apply', e.target.checked)} />
          <Choice label="Allow plans that destroy everything" checked={f['allow-destroy-plan']} onChange={(e) => set('allow-destroy-plan', e.target.checked)} />
        </div>
      </Form>
    </Panel>
  )
}

function Danger() {
  const { org, workspace: w } = useWorkspace()
  const navigate = settingsRoute.useNavigate()
  const [open, setOpen] = useState(false)
  const manages = w.attributes['resource-count'] > 0
  const safe = manages && !w.attributes.permissions['can-force-delete']
  const remove = useChange(
    ['workspaces'],
    () => (safe ? api.send('POST', api.address('/workspaces/{id}/actions/safe-delete', { id: w.id })) : api.remove('/workspaces/{id}', { id: w.id })),
    () => {
      toast(`${w.attributes.name} is deleted.`)
      return navigate({ to: '/$org/workspaces', params: { org } })
    },
  )
  return (
    <Panel title="Delete the workspace" padded>
      <div className="flex flex-wrap items-center justify-between gap-4">
        <p className="max-w-lg text-muted">
          {manages ? `It still manages ${count(w.attributes['resource-count'], 'resource')}, which nobody would manage any more. Destroy them first.` : 'Its states, variables and runs are deleted with it.'}
        </p>
        <Button look="danger" icon="trash" onClick={() => setOpen(true)}>Delete…</Button>
      </div>
      {open && (
        <Confirm title={`Delete ${w.attributes.name}?`} action="Delete for ever" typed={w.attributes.name} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(false)}>
          <p>This cannot be undone.{manages && ` ${count(w.attributes['resource-count'], 'resource')} would stay in the world, unmanaged.`}</p>
        </Confirm>
      )}
    </Panel>
  )
}
