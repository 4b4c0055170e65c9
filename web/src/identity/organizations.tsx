// The organizations of the user, and how to make one.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { rootRoute } from '~/kernel/routing'
import { organizationsQuery, useMe } from '~/kernel/session'
import { useSite } from '~/kernel/site'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { Page, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Words } from '~/ui/Words'
import { Invitations } from './memberships'

export const organizationsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/organizations',
  staticData: { crumb: () => 'Organizations' },
  component: Organizations,
})

function Organizations() {
  const { data, error, refetch } = useQuery(organizationsQuery)
  const [creating, setCreating] = useState(false)
  const mayCreate = useMe().attributes.permissions['can-create-organizations']
  const words = useSite()?.['new-user']
  const button = mayCreate && <Button look="primary" icon="plus" onClick={() => setCreating(true)}>New organization</Button>
  return (
    <Page title="Organizations" about="Workspaces, people and permissions live in an organization." actions={data?.length !== 0 && button}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      <Invitations />
      <Panel>
        {!data && !error && <SkeletonRows rows={3} />}
        {data?.length === 0 && (
          <Empty icon="building" title="You belong to no organization yet" actions={button}>
            <p>{mayCreate ? 'Make one, or wait for an invitation to one that exists.' : 'Ask an owner of yours to invite you by your email address.'}</p>
            {words && <Words html={words} />}
          </Empty>
        )}
        <ul>
          {data?.map((o) => (
            <li key={o.id} className="relative flex h-14 items-center gap-3 border-b border-line px-4 last:border-0 hover:bg-hover">
              <Icon name="building" className="text-muted" />
              <Link to="/$org/workspaces" params={{ org: o.id }} className="min-w-0 flex-1 truncate font-medium after:absolute after:inset-0 hover:text-accent">{o.id}</Link>
              <span className="truncate text-sm text-muted max-sm:hidden">{o.attributes.email}</span>
              <Icon name="right" className="text-faint" />
            </li>
          ))}
        </ul>
      </Panel>
      {creating && <Create onClose={() => setCreating(false)} />}
    </Page>
  )
}

function Create({ onClose }: { onClose: () => void }) {
  const me = useMe()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [email, setEmail] = useState(me.attributes.email ?? '')
  const create = useChange(['organizations'], () => api.create('/organizations', {}, body('organizations', { name, email })), ({ item }) => void navigate({ to: '/$org/start', params: { org: item.id } }))
  const wrong = fieldsOf(create.error)
  return (
    <FormDialog title="New organization" action="Create" change={create} onClose={onClose}>
      <Field label="Name" help="Part of every configuration: letters, digits, - and _." error={wrong.name}>
        <Input value={name} onChange={(e) => setName(e.target.value)} required autoFocus pattern="[A-Za-z0-9_\-]+" maxLength={40} />
      </Field>
      <Field label="Email address" help="For messages about the organization." error={wrong.email}>
        <Input type="email" value={email} onChange={(e) => setEmail(e.target.value)} required />
      </Field>
    </FormDialog>
  )
}
