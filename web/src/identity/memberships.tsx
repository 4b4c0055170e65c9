// The organizations of the user, from the user's side: invitations to answer, and ways out.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { useChange, wholeQuery } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Since, Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'

type Membership = Resource<'organization-memberships'>

const ownQuery = wholeQuery('organization-memberships', '/organization-memberships', {})

function useAnswer() {
  const stale = ['organization-memberships', 'organizations']
  const accept = useChange(stale, (m: Membership) => api.create('/organization-memberships/{membership}/actions/accept', { membership: m.id }, {}), (_, m) => toast(`You are a member of ${orgOf(m)}.`))
  const leave = useChange(stale, (m: Membership) => api.send('POST', api.address('/organization-memberships/{membership}/actions/leave', { membership: m.id })))
  return { accept, leave }
}

function orgOf(m: Membership): string {
  return refOf(m, 'organization')?.id ?? ''
}

/** Invitations asks the user to answer those that there are. */
export function Invitations() {
  const { data } = useQuery(ownQuery)
  const { accept, leave } = useAnswer()
  const waiting = data?.items.filter((m) => m.attributes.status === 'invited') ?? []
  if (waiting.length === 0) return null
  return (
    <Panel title="Invitations" className="mb-4">
      <ul>
        {waiting.map((m) => (
          <li key={m.id} className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-3 last:border-0">
            <Icon name="building" className="text-accent" />
            <p className="min-w-48 flex-1"><span className="block"><strong>{orgOf(m)}</strong> has invited you <span className="text-muted"><Time at={m.attributes['created-at']} /></span></span><span className="block text-sm text-muted">If you accept, its members see your name, and its rules for sessions and tokens count for yours.</span></p>
            <span className="flex gap-2 max-sm:w-full max-sm:justify-end">
            <Button aria-label={`Decline ${orgOf(m)}`} onClick={() => leave.mutate(m, { onError: toastError })}>Decline</Button>
            <Button look="primary" busy={accept.isPending} aria-label={`Accept ${orgOf(m)}`} onClick={() => accept.mutate(m, { onError: toastError })}>Accept</Button>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

/** Memberships lists the organizations that the user is in. */
export function Memberships() {
  const { data, error, refetch } = useQuery(ownQuery)
  const [leaving, setLeaving] = useState<Membership>()
  const { leave } = useAnswer()
  const list = data?.items.filter((m) => m.attributes.status === 'active')
  return (
    <>
      <Invitations />
      <Panel title="Your organizations">
        {error && <div className="p-4"><Failure error={error} retry={() => void refetch()} /></div>}
        {!data && !error && <SkeletonRows rows={2} />}
        {list?.length === 0 && <Empty icon="building" title="You belong to no organization"><p>Ask an owner of yours to invite you by your email address.</p></Empty>}
        <ul>
          {list?.map((m) => (
            <li key={m.id} className="flex h-12 items-center gap-3 border-b border-line px-4 last:border-0">
              <Icon name="building" className="text-muted" />
              <Link to="/$org/workspaces" params={{ org: orgOf(m) }} className="min-w-0 flex-1 truncate font-medium hover:text-accent">{orgOf(m)}</Link>
              <span className="text-sm text-muted max-sm:hidden"><Since at={m.attributes['created-at']} /></span>
              <Button small look="quiet" aria-label={`Leave ${orgOf(m)}`} onClick={() => setLeaving(m)}>Leave</Button>
            </li>
          ))}
        </ul>
      </Panel>
      {leaving && (
        <Confirm
          title={`Leave ${orgOf(leaving)}?`} action="Leave" busy={leave.isPending} error={leave.error} onClose={() => setLeaving(undefined)}
          onConfirm={() => leave.mutate(leaving, { onSuccess: () => setLeaving(undefined) })}
        >
          <p>You lose your access to it at once, and need a new invitation to come back.</p>
        </Confirm>
      )}
    </>
  )
}
