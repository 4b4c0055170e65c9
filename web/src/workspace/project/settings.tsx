// The settings of a project: what its workspaces do unless they say otherwise, and its end.
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, refOf } from '~/kernel/jsonapi'
import { useDraft } from '~/kernel/draft'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Execution, executionWords } from '~/organization/execution'
import { Button } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Field, Input, Textarea } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { TagEditor } from '../tagEditor'
import { projectRoute, useProject } from './frame'

export const projectSettingsRoute = createRoute({ getParentRoute: () => projectRoute, path: '/settings', component: Settings })

function Settings() {
  const { project: p, may } = useProject()
  return (
    <div className="max-w-3xl space-y-4">
      <Panel padded title="About"><Facts><Fact name="Id"><Id>{p.id}</Id></Fact></Facts></Panel>
      <General key={p.id} />
      <TagEditor of={{ kind: 'projects', id: p.id }} may={may['can-manage-tags']} about="Every workspace of the project has them too." />
      {may['can-destroy'] && <Danger />}
    </div>
  )
}

function General() {
  const { org, project: p } = useProject()
  const a = p.attributes
  const own = a['setting-overwrites']['default-execution-mode']
  const draft = useDraft({
    name: a.name, description: a.description ?? '', destroy: a['auto-destroy-activity-duration'] ?? '',
    mode: own ? a['default-execution-mode'] : '', pool: own ? (refOf(p, 'default-agent-pool')?.id ?? '') : '',
  })
  const { destroy, mode, pool, ...f } = draft.values
  const inherited = useOrganization(org).attributes['default-execution-mode']
  const change = useChange(
    ['projects', 'workspaces'],
    () => {
      const settings = mode === '' ? { 'setting-overwrites': { 'default-execution-mode': false, 'default-agent-pool': false } } : { 'default-execution-mode': mode, 'default-agent-pool-id': mode === 'agent' ? pool : null, 'setting-overwrites': { 'default-execution-mode': true, 'default-agent-pool': true } }
      return api.update('/projects/{id}', { id: p.id }, body('projects', { ...f, ...settings, 'auto-destroy-activity-duration': destroy || null }, undefined, p.id))
    },
    () => toast('The settings are saved.'),
  )
  const wrong = fieldsOf(change.error)
  return (
    <Panel title="General" padded>
      <Form change={change} draft={draft} names={{ mode: 'where runs are executed', pool: 'agent pool', destroy: 'when they are destroyed' }} action="Save">
        <Field label="Name" error={wrong.name}><Input required value={f.name} onChange={(e) => draft.set({ name: e.target.value })} /></Field>
        <Field label="Description" optional error={wrong.description}><Textarea rows={2} value={f.description} onChange={(e) => draft.set({ description: e.target.value })} /></Field>
        <Execution
          org={org}
          mode={mode} onMode={(v) => draft.set({ mode: v })}
          pool={pool} onPool={(v) => draft.set({ pool: v })}
          inherited={`as the organization says (${executionWords[inherited] ?? inherited})`} help="Unless a workspace says otherwise."
          wrong={{ pool: wrong['default-agent-pool-id'] }}
        />
        <Field label="Destroy what its workspaces manage after" optional help="Without activity for so long, such as 14d or 6h. Empty: never." error={wrong['auto-destroy-activity-duration']}>
          <Input className="max-w-40" pattern="[0-9]{1,4}[dh]" value={destroy} onChange={(e) => draft.set({ destroy: e.target.value })} />
        </Field>
      </Form>
    </Panel>
  )
}

function Danger() {
  const { org, project: p } = useProject()
  const navigate = projectSettingsRoute.useNavigate()
  const [open, setOpen] = useState(false)
  const n = p.attributes['workspace-count'] ?? 0
  const remove = useChange(['projects'], () => api.remove('/projects/{id}', { id: p.id }), () => {
    toast(`${p.attributes.name} is deleted.`)
    return navigate({ to: '/$org/projects', params: { org } })
  })
  return (
    <Panel title="Delete the project" padded>
      <div className="flex flex-wrap items-center justify-between gap-4">
        <p className="max-w-lg text-muted">{n > 0 ? `It holds ${count(n, 'workspace')}: move or delete them first.` : 'It is empty.'}</p>
        <Button look="danger" icon="trash" disabled={n > 0} onClick={() => setOpen(true)}>Delete…</Button>
      </div>
      {open && (
        <Confirm title={`Delete ${p.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(false)}>
          <p>Its variable sets and the access that teams have here go with it.</p>
        </Confirm>
      )}
    </Panel>
  )
}
