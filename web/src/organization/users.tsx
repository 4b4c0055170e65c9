// The people of an organization, and invitations to it.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, refsOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, listQuery, useChange } from '~/kernel/queries'
import { pageIn, textIn } from '~/kernel/search'
import { useMe } from '~/kernel/session'
import { Avatar } from '~/ui/Avatar'
import { Badge, Tag } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { toast } from '~/ui/Toast'
import { settingsRoute, useCan } from './frame'

type Membership = Resource<'organization-memberships'>
type Search = { q?: string | undefined; page?: number | undefined }

export const usersRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/users',
  validateSearch: (s: Record<string, unknown>): Search => ({ q: textIn(s.q), page: pageIn(s.page) }),
  component: Users,
})

function Users() {
  const { org } = usersRoute.useParams()
  const { q, page } = usersRoute.useSearch()
  const navigate = usersRoute.useNavigate()
  const can = useCan(org)
  const me = useMe()
  const [inviting, setInviting] = useState(false)
  const [removing, setRemoving] = useState<Membership>()
  const { data, error, refetch } = useQuery(
    listQuery('organization-memberships', '/organizations/{organization}/organization-memberships', { organization: org }, { include: 'user,teams', q, 'page[size]': 50, 'page[number]': page }),
  )
  const remove = useChange(['organization-memberships', 'teams'], (m: Membership) => api.remove('/organization-memberships/{membership}', { membership: m.id }), () => setRemoving(undefined))
  const userOf = (m: Membership) => data?.included.get('users', refOf(m, 'user')?.id)
  const nameOf = (m: Membership) => userOf(m)?.attributes.username ?? m.attributes.email
  const teamsOf = (m: Membership) => refsOf(m, 'teams').map((t) => data?.included.get('teams', t.id)?.attributes.name ?? t.id)
  return (
    <>
      <div className="mb-4 flex gap-2">
        <Late label="Search by name or email" className="flex-1" value={q} onChange={(text) => void navigate({ search: { q: text }, replace: true })} />
        {can['can-manage-users'] && <Button look="primary" icon="plus" onClick={() => setInviting(true)}>Invite</Button>}
      </div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel>
        {!data && !error && <SkeletonRows rows={5} />}
        {data?.items.length === 0 && <Empty icon="people" title="Nobody has this name or address" actions={<Button onClick={() => void navigate({ search: {} })}>Show everybody</Button>} />}
        {data && data.items.length > 0 && (
          <Table
            label="People"
            items={data.items}
            keyOf={(m) => m.id}
            columns={[
              {
                name: 'Person',
                cell: (m) => (
                  <span className="flex min-w-0 items-center gap-2.5">
                    <Avatar name={nameOf(m)} />
                    <span className="min-w-0">
                      <Name org={org} membership={m}>{nameOf(m)}{refOf(m, 'user')?.id === me.id && <span className="font-normal text-muted"> (you)</span>}</Name>
                      {nameOf(m) !== m.attributes.email && <span className="block truncate text-sm text-muted">{m.attributes.email}</span>}
                      <span className="mt-1 block md:hidden"><Teams names={teamsOf(m)} /></span>
                    </span>
                  </span>
                ),
              },
              { name: 'Teams', className: 'max-md:hidden', cell: (m) => <Teams names={teamsOf(m)} /> },
              { name: 'Status', className: 'w-32', cell: (m) => (m.attributes.status === 'active' ? <Badge tone="ok" icon="check">Member</Badge> : <Badge tone="warn" icon="clock">Invited</Badge>) },
              ...(can['can-manage-users']
                ? [{ name: <span className="sr-only">Actions</span>, className: 'w-14 text-right', cell: (m: Membership) => <IconButton small icon="trash" label={`Remove ${nameOf(m)}`} onClick={() => setRemoving(m)} /> }]
                : []),
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="person" many="people" onPage={(to) => void navigate({ search: { q, page: to } })} />}
      {inviting && <Invite org={org} onClose={() => setInviting(false)} />}
      {removing && (
        <Confirm title={`Remove ${nameOf(removing)}?`} action="Remove" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing)} onClose={() => setRemoving(undefined)}>
          <p>They leave all teams and lose their access to {org} at once. Their account stays.</p>
        </Confirm>
      )}
    </>
  )
}

function Teams({ names }: { names: string[] }) {
  if (names.length === 0) return <span className="text-sm text-faint">no team</span>
  return <span className="flex flex-wrap gap-1">{names.map((n) => <Tag key={n}>{n}</Tag>)}</span>
}

function Invite({ org, onClose }: { org: string; onClose: () => void }) {
  const teams = useQuery(allQuery('teams', '/organizations/{organization}/teams', { organization: org }))
  const [email, setEmail] = useState('')
  const [chosen, setChosen] = useState<string[]>([])
  const change = useChange(
    ['organization-memberships', 'teams'],
    () => api.create('/organizations/{organization}/organization-memberships', { organization: org }, body('organization-memberships', { email }, { teams: chosen.map((id) => ({ type: 'teams', id })) })),
    () => {
      onClose()
      toast(`${email} is invited.`)
    },
  )
  return (
    <FormDialog title="Invite a person" action="Invite" change={change} onClose={onClose}>
      <Field label="Email address" error={fieldsOf(change.error).email} help={<>A person who has an account here with this address finds the invitation there. For somebody new, the operator of the server makes a link with which they sign up: <code className="font-mono wrap-anywhere">plumbline admin account-link --email {email || '…'}</code></>}>
        <Input type="email" required autoFocus value={email} onChange={(e) => setEmail(e.target.value)} />
      </Field>
      <fieldset>
        <legend className="mb-1.5 font-medium">Teams</legend>
        <div className="max-h-48 space-y-2 overflow-y-auto">
          {teams.data?.map((t) => (
            <Choice key={t.id} label={t.attributes.name} checked={chosen.includes(t.id)} onChange={(e) => setChosen(e.target.checked ? [...chosen, t.id] : chosen.filter((c) => c !== t.id))} />
          ))}
        </div>
      </fieldset>
    </FormDialog>
  )
}

/** Name leads to what a member may do; who is only invited may nothing yet. */
function Name({ org, membership: m, children }: { org: string; membership: Membership; children: ReactNode }) {
  if (m.attributes.status !== 'active') return <span className="block truncate font-medium">{children}</span>
  return <Link to="/$org/settings/rights" params={{ org }} search={{ person: m.id }} className="block truncate font-medium hover:text-accent">{children}</Link>
}
