// Who may read the state of a workspace, and the key by which its runs fetch modules.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, refOf } from '~/kernel/jsonapi'
import { allQuery, useChange, wholeQuery } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import type { Pick } from '~/ui/Picker'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { useWorkspace } from './current'
import { WorkspacePicker } from './picking'

/** Sharing says which workspaces may read the outputs of this one. */
export function Sharing() {
  const { workspace: w } = useWorkspace()
  const { data, error } = useQuery(wholeQuery('workspaces', '/workspaces/{id}/relationships/remote-state-consumers', { id: w.id }, { show_only_configured: true, 'fields[workspaces]': 'name' }))
  return (
    <Panel title="Sharing of the state" padded>
      {error && <Failure error={error} />}
      {!data && !error && <SkeletonRows rows={2} />}
      {data && <Share consumers={data.items.map((c) => ({ id: c.id, name: c.attributes.name }))} />}
    </Panel>
  )
}

function Share({ consumers }: { consumers: Pick[] }) {
  const { org, workspace: w, project } = useWorkspace()
  const a = w.attributes
  const draft = useDraft({ reach: a['global-remote-state'] ? 'all' : a['project-remote-state'] ? 'project' : 'some', chosen: consumers })
  const { reach, chosen } = draft.values
  const setReach = (to: string) => draft.set({ reach: to })
  const change = useChange(
    ['workspaces'],
    async () => {
      await api.update('/workspaces/{id}', { id: w.id }, body('workspaces', { 'global-remote-state': reach === 'all', 'project-remote-state': reach === 'project' }, undefined, w.id))
      if (reach === 'some') await api.send('PATCH', api.address('/workspaces/{id}/relationships/remote-state-consumers', { id: w.id }), { data: chosen.map((c) => ({ type: 'workspaces', id: c.id })) })
    },
    () => toast('The sharing is saved.'),
  )
  return (
    <Form change={change} draft={draft} names={{ reach: 'who may read', chosen: 'the workspaces' }} action="Save the sharing">
      <fieldset className="space-y-2.5">
        <legend className="mb-1.5 text-muted">Runs of these workspaces may read the outputs</legend>
        <Choice type="radio" name="reach" label="All of the organization" checked={reach === 'all'} onChange={() => setReach('all')} />
        <Choice type="radio" name="reach" label={`All of the project ${project?.attributes.name ?? ''}`} checked={reach === 'project'} onChange={() => setReach('project')} />
        <Choice type="radio" name="reach" label="Only these" checked={reach === 'some'} onChange={() => setReach('some')} />
      </fieldset>
      {reach === 'some' && <WorkspacePicker org={org} chosen={chosen} without={[w.id]} onChange={(picks) => draft.set({ chosen: picks })} />}
    </Form>
  )
}

/** Key chooses the SSH key. */
export function Key() {
  const { org, workspace: w } = useWorkspace()
  const keys = useQuery(allQuery('ssh-keys', '/organizations/{organization}/ssh-keys', { organization: org }))
  const now = refOf(w, 'ssh-key')?.id ?? ''
  const [id, setId] = useState(now)
  const change = useChange(['workspaces'], () => api.send('PATCH', api.address('/workspaces/{id}/relationships/ssh-key', { id: w.id }), body('workspaces', { id: id || null })), () => toast('The SSH key is saved.'))
  if (keys.error) return null // for who may see keys
  return (
    <Panel title="SSH key" padded>
      <Form change={change} action="Save the key" disabled={id === now}>
        <Field label="Runs fetch modules from Git with" help={keys.data?.length === 0 ? 'The organization has no keys yet: an owner adds them in its settings.' : undefined}>
          <Select value={id} onChange={(e) => setId(e.target.value)}>
            <option value="">no key</option>
            {keys.data?.map((k) => <option key={k.id} value={k.id}>{k.attributes.name}</option>)}
          </Select>
        </Field>
      </Form>
    </Panel>
  )
}
