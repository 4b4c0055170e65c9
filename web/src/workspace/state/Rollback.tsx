import { useNavigate } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { body, oneOf, refOf, type Resource } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Confirm } from '~/ui/Dialog'
import { toast } from '~/ui/Toast'
import { useWorkspace } from '../current'

/** Rollback makes a copy of a version the current one. The workspace is locked meanwhile, as the API demands. */
export function Rollback({ version, onClose }: { version: Resource<'state-versions'>; onClose: () => void }) {
  const { org, workspace } = useWorkspace()
  const navigate = useNavigate()
  const serial = version.attributes.serial
  const locked = refOf(workspace, 'locked-by')
  const change = useChange(
    ['state-versions', 'workspaces'],
    async () => {
      if (!locked) await api.send('POST', api.address('/workspaces/{id}/actions/lock', { id: workspace.id }), { reason: `Rolling back to state ${serial}` })
      try {
        const document = body('state-versions', {}, { 'rollback-state-version': { type: 'state-versions', id: version.id } })
        return oneOf<'state-versions'>(await api.send('PATCH', api.address('/workspaces/{id}/state-versions', { id: workspace.id }), document)).item
      } finally {
        if (!locked) await api.send('POST', api.address('/workspaces/{id}/actions/unlock', { id: workspace.id }))
      }
    },
    (made) => {
      toast(`State ${serial} is current again, as state ${made.attributes.serial}.`)
      void navigate({ to: '/$org/workspaces/$workspace/states/$state', params: { org, workspace: workspace.attributes.name, state: made.id } })
      onClose()
    },
  )
  return (
    <Confirm title={`Roll back to state ${serial}`} action="Roll back" typed={workspace.attributes.name} busy={change.isPending} error={change.error} onConfirm={() => change.mutate(undefined)} onClose={onClose}>
      <p>A copy of state {serial} becomes the current state of <b className="font-medium text-text">{workspace.attributes.name}</b>. Nothing that is there in reality changes: the next plan compares reality with this state.</p>
      <p>The present state stays in the history; you can roll back to it in the same way.</p>
    </Confirm>
  )
}
