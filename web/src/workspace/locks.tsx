// Who holds the lock of a workspace, and how to take or give it back.
import { useState } from 'react'
import { Link } from '@tanstack/react-router'
import { runPath } from '~/delivery/links'
import * as api from '~/kernel/api'
import { brief } from '~/kernel/formats'
import { refOf } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useMe } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Notice } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Time } from '~/ui/Time'
import { toastError } from '~/ui/Toast'
import { useWorkspace } from './current'

/** LockNotice says who has locked the workspace and why, if it is locked. */
export function LockNotice() {
  const { org, workspace: w, run, included } = useWorkspace()
  const me = useMe()
  const [forcing, setForcing] = useState(false)
  const holder = refOf(w, 'locked-by')
  const id = { id: w.id }
  const unlock = useChange(['workspaces'], () => api.create('/workspaces/{id}/actions/unlock', id, {}), undefined, () => ({ kind: 'workspaces', id: w.id, attributes: { locked: false } }))
  const force = useChange(['workspaces'], () => api.create('/workspaces/{id}/actions/force-unlock', id, {}), () => setForcing(false))
  if (!w.attributes.locked) return null
  const can = w.attributes.permissions
  const mine = holder?.type === 'users' && holder.id === me.id
  const user = included.get('users', holder?.type === 'users' ? holder.id : undefined)
  const team = included.get('teams', holder?.type === 'teams' ? holder.id : undefined)
  const held = holder?.type === 'runs' ? (included.get('runs', holder.id) ?? (run?.id === holder.id ? run : undefined)) : undefined
  const reason = w.attributes['locked-reason']
  return (
    <Notice tone="warn" icon="lock" className="mb-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-0 wrap-anywhere">
          Locked by{' '}
          {holder?.type === 'runs' ? (
            <>the run <Link to={runPath(org, w.attributes.name, holder.id)} className="font-medium underline underline-offset-2">{brief(held?.attributes.message ?? '') || holder.id}</Link></>
          ) : (
            <strong>{mine ? 'you' : (user?.attributes.username ?? (team ? `the team ${team.attributes.name}` : 'the token of the organization'))}</strong>
          )}
          {w.attributes['locked-at'] && <> <Time at={w.attributes['locked-at']} /></>}
          {reason ? `: ${reason.replace(/\.$/, '')}. ` : '. '}
          {holder?.type === 'runs' ? 'Other runs wait until it ends.' : 'No run starts until it is unlocked.'}
        </p>
        <span className="flex gap-2">
          {mine && can['can-unlock'] && <Button small icon="unlock" busy={unlock.isPending} onClick={() => unlock.mutate(undefined, { onError: toastError })}>Unlock</Button>}
          {!mine && can['can-force-unlock'] && <Button small look="danger" icon="unlock" onClick={() => setForcing(true)}>Unlock by force</Button>}
        </span>
      </div>
      {forcing && (
        <Confirm title="Unlock by force?" action="Unlock by force" busy={force.isPending} error={force.error} onConfirm={() => force.mutate(undefined)} onClose={() => setForcing(false)}>
          <p>Whoever holds the lock may be in the middle of a change. Their next write of the state fails.</p>
        </Confirm>
      )}
    </Notice>
  )
}

/** LockButton takes the lock. */
export function LockButton() {
  const { workspace: w } = useWorkspace()
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const lock = useChange(['workspaces'], () => api.send('POST', api.address('/workspaces/{id}/actions/lock', { id: w.id }), { reason }), () => setOpen(false))
  const may = !w.attributes.locked && w.attributes.permissions['can-lock']
  return (
    <>
      {may && <Button icon="lock" onClick={() => setOpen(true)}>Lock</Button>}
      {open && (
        <FormDialog title={`Lock ${w.attributes.name}`} action="Lock" change={lock} onClose={() => setOpen(false)}>
          <p className="text-muted">No run starts and nobody else writes the state until you unlock it.</p>
          <Field label="Reason" optional error={fieldsOf(lock.error).reason}>
            <Input value={reason} onChange={(e) => setReason(e.target.value)} autoFocus placeholder="maintenance on Friday" />
          </Field>
        </FormDialog>
      )}
    </>
  )
}
