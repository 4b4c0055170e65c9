// Everybody who has an account, and what a site administrator may do about it.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { SessionsOf } from '~/identity/sessions'
import * as api from '~/kernel/api'
import { refsOf, type Resource } from '~/kernel/jsonapi'
import { listQuery, useChange } from '~/kernel/queries'
import { useMe } from '~/kernel/session'
import { Avatar } from '~/ui/Avatar'
import { Badge, Tag } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Actions, Confirm, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { Late } from '~/ui/Late'
import { Menu, type Item } from '~/ui/Menu'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { toast } from '~/ui/Toast'
import { adminRoute, searchOf, type Search } from './frame'

type User = Resource<'users'>

export const adminUsersRoute = createRoute({ getParentRoute: () => adminRoute, path: '/users', validateSearch: searchOf, component: Users })

const nameOf = (u: User) => u.attributes.username ?? u.attributes.email ?? u.id

/** What can be done to an account: the address, what it is called, and what it means. */
const doings = {
  suspend: { path: '/admin/users/{id}/actions/suspend', action: 'Suspend', title: (n: string) => `Suspend ${n}?`, means: 'They cannot log in, and their tokens stop working, until you lift it.', done: 'is suspended' },
  unsuspend: { path: '/admin/users/{id}/actions/unsuspend', action: 'Lift the suspension', title: (n: string) => `Lift the suspension of ${n}?`, means: 'They can log in again, and their tokens work.', done: 'can log in again' },
  grant: { path: '/admin/users/{id}/actions/grant_admin', action: 'Make an administrator', title: (n: string) => `Make ${n} a site administrator?`, means: 'They may do everything on this server, in every organization.', done: 'is a site administrator' },
  revoke: { path: '/admin/users/{id}/actions/revoke_admin', action: 'Take it away', title: (n: string) => `Take the administration from ${n}?`, means: 'They keep what they have in their organizations.', done: 'is no administrator any more' },
  factor: { path: '/admin/users/{id}/actions/disable_two_factor', action: 'Turn it off', title: (n: string) => `Turn off the second factor of ${n}?`, means: 'A password suffices then: do it only for whom you know to have lost their device.', done: 'logs in without a second factor' },
} as const

type Doing = keyof typeof doings | 'delete' | 'sessions'

function Users() {
  const search = adminUsersRoute.useSearch()
  const navigate = adminUsersRoute.useNavigate()
  const me = useMe()
  const [doing, setDoing] = useState<{ what: Doing; user: User }>()
  const filter = search.status === 'admin' ? { 'filter[admin]': true } : search.status === 'suspended' ? { 'filter[suspended]': true } : {}
  const { data, error, refetch } = useQuery(listQuery('users', '/admin/users', {}, { q: search.q, ...filter, 'page[size]': 50, 'page[number]': search.page }))
  const set = (change: Search) => void navigate({ search: (was: Search) => ({ ...was, page: undefined, ...change }), replace: true })
  const menu = (u: User): Item[] => {
    const a = u.attributes
    const open = (what: Doing) => () => setDoing({ what, user: u })
    return [
      { label: 'Sessions…', icon: 'user', onSelect: open('sessions') },
      ...(a['two-factor']?.enabled ? [{ label: 'Turn off the second factor…', icon: 'unlock' as const, onSelect: open('factor') }] : []),
      ...(u.id === me.id ? [] : [
        a['is-site-admin'] ? { label: 'Take the administration…', onSelect: open('revoke') } : { label: 'Make an administrator…', disabled: !a['is-confirmed'], onSelect: open('grant') },
        a['is-suspended'] ? { label: 'Lift the suspension…', separate: true, onSelect: open('unsuspend') } : { label: 'Suspend…', separate: true, danger: true, onSelect: open('suspend') },
        { label: 'Delete…', icon: 'trash' as const, danger: true, onSelect: open('delete') },
      ]),
    ]
  }
  return (
    <>
      <div className="mb-4 flex gap-2">
        <Late label="Search by name or email" className="flex-1" value={search.q} onChange={(q) => set({ q })} />
        <Select aria-label="Which" className="w-44!" value={search.status ?? ''} onChange={(e) => set({ status: e.target.value || undefined })}>
          <option value="">Everybody</option>
          <option value="admin">Administrators</option>
          <option value="suspended">Suspended</option>
        </Select>
      </div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel className="overflow-visible!">
        {!data && !error && <SkeletonRows rows={8} />}
        {data?.items.length === 0 && <Empty icon="user" title="Nobody" actions={<Button onClick={() => void navigate({ search: {} })}>Show everybody</Button>} />}
        {data && data.items.length > 0 && (
          <Table
            label="Users"
            className="overflow-x-visible!"
            items={data.items}
            keyOf={(u) => u.id}
            columns={[
              {
                name: 'Person',
                className: 'max-sm:max-w-60',
                cell: (u) => (
                  <span className="flex min-w-0 items-center gap-2.5">
                    <Avatar name={nameOf(u)} />
                    <span className="min-w-0">
                      <span className="block truncate font-medium">{nameOf(u)}{u.id === me.id && <span className="font-normal text-muted"> (you)</span>}</span>
                      <span className="block truncate text-sm text-muted">{u.attributes.email}</span>
                      <span className="mt-1 block sm:hidden"><State user={u} /></span>
                    </span>
                  </span>
                ),
              },
              { name: 'Organizations', className: 'max-md:hidden', cell: (u) => <span className="flex flex-wrap gap-1">{refsOf(u, 'organizations').slice(0, 4).map((o) => <Tag key={o.id}>{o.id}</Tag>)}{refsOf(u, 'organizations').length > 4 && <Tag>+{refsOf(u, 'organizations').length - 4}</Tag>}</span> },
              { name: 'State', className: 'w-56 max-sm:hidden', cell: (u) => <State user={u} /> },
              { name: <span className="sr-only">Actions</span>, className: 'w-14 text-right', cell: (u) => <Menu align="end" label={`What to do with ${nameOf(u)}`} className="inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text" trigger={<Icon name="more" />} items={menu(u)} /> },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="user" onPage={(page) => void navigate({ search: { ...search, page } })} />}
      {doing?.what === 'sessions' && <Sessions user={doing.user} onClose={() => setDoing(undefined)} />}
      {doing && doing.what !== 'sessions' && <Ask what={doing.what} user={doing.user} onClose={() => setDoing(undefined)} />}
    </>
  )
}

function State({ user: { attributes: a } }: { user: User }) {
  return (
    <span className="flex flex-wrap gap-1">
      {a['is-site-admin'] && <Badge tone="accent">administrator</Badge>}
      {a['is-suspended'] && <Badge tone="bad" icon="stop">suspended</Badge>}
      {a['is-confirmed'] === false && <Badge tone="warn" icon="clock">invited</Badge>}
      {a['two-factor']?.verified && <Badge tone="ok" icon="lock">second factor</Badge>}
    </span>
  )
}

function Ask({ what, user, onClose }: { what: Exclude<Doing, 'sessions'>; user: User; onClose: () => void }) {
  const name = nameOf(user)
  const d = what === 'delete' ? { action: 'Delete for ever', title: (n: string) => `Delete ${n}?`, means: 'Their account, tokens and memberships go. What they made in organizations stays.', done: 'is deleted' } : doings[what]
  const change = useChange(['users'], () => (what === 'delete' ? api.send('DELETE', api.address('/admin/users/{id}', { id: user.id })) : api.send('POST', api.address(doings[what].path, { id: user.id }))), () => {
    onClose()
    toast(`${name} ${d.done}.`)
  })
  return (
    <Confirm title={d.title(name)} action={d.action} look={what === 'unsuspend' || what === 'grant' ? 'primary' : 'danger'} busy={change.isPending} error={change.error} onConfirm={() => change.mutate(undefined)} onClose={onClose} {...(what === 'delete' && { typed: name })}>
      <p>{d.means}</p>
    </Confirm>
  )
}

function Sessions({ user, onClose }: { user: User; onClose: () => void }) {
  const end = useChange(['sessions'], () => api.remove('/admin/users/{id}/sessions', { id: user.id }), () => toast(`${nameOf(user)} is logged out.`))
  return (
    <Dialog title={`Where ${nameOf(user)} is logged in`} wide onClose={onClose}>
      <SessionsOf query={listQuery('sessions', '/admin/users/{id}/sessions', { id: user.id })} />
      {end.error && <Failure error={end.error} className="mt-3" />}
      <Actions>
        <Button onClick={onClose}>Close</Button>
        <Button look="danger" busy={end.isPending} onClick={() => end.mutate(undefined)}>Log out everywhere</Button>
      </Actions>
    </Dialog>
  )
}
