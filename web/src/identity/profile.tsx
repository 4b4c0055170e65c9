// What belongs to the user alone: tokens, password, second factor.
import { Outlet, createRoute, redirect } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, useChange } from '~/kernel/queries'
import { rootRoute } from '~/kernel/routing'
import { useMe } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Page, Panel, Tab, Tabs } from '~/ui/Page'
import { Id } from '~/ui/Copy'
import { toast } from '~/ui/Toast'
import { Tokens } from './tokens'

export const profileRoute = createRoute({ getParentRoute: () => rootRoute, path: '/profile', staticData: { crumb: () => 'Your settings' }, component: Profile })
const indexRoute = createRoute({ getParentRoute: () => profileRoute, path: '/', beforeLoad: () => { throw redirect({ to: '/profile/tokens', replace: true }) } })
const tokensRoute = createRoute({ getParentRoute: () => profileRoute, path: '/tokens', component: YourTokens })
const securityRoute = createRoute({ getParentRoute: () => profileRoute, path: '/security', component: Security })

export const profileRoutes = [indexRoute, tokensRoute, securityRoute] as const

function Profile() {
  const me = useMe()
  return (
    <Page
      title={me.attributes.username ?? 'Your settings'}
      about={me.attributes.email}
      status={me.attributes['is-site-admin'] && <Badge tone="accent">Site administrator</Badge>}
      tabs={
        <Tabs label="Your settings">
          <Tab to="/profile/tokens">Tokens</Tab>
          <Tab to="/profile/security">Security</Tab>
          <Tab to="/profile/drift">Drift API</Tab>
        </Tabs>
      }
    >
      <Outlet />
    </Page>
  )
}

function YourTokens() {
  const id = useMe().id
  return (
    <Tokens
      title="Your tokens"
      can="Whoever has a token of yours can do what you can do. Command lines get one by themselves: tofu login."
      query={listQuery('authentication-tokens', '/users/{id}/authentication-tokens', { id }, { 'page[size]': 100 })}
      create={(document) => api.create('/users/{id}/authentication-tokens', { id }, document)}
    />
  )
}

function Security() {
  const me = useMe()
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Password />
      <div className="space-y-4">
        <Panel title="Second factor" padded>
          <p className="mb-3 text-muted">
            {me.attributes['two-factor']?.verified ? 'On: a login needs a code of your authenticator app.' : 'Off. With it, a login also needs a code of an authenticator app.'}
          </p>
          <a href="/app/settings/security" className="inline-flex h-8 items-center rounded-md border border-line bg-surface px-3 shadow-low hover:border-line-strong hover:bg-hover">
            {me.attributes['two-factor']?.verified ? 'Turn it off' : 'Set it up'}
          </a>
        </Panel>
        <Panel title="Account" padded>
          <Facts>
            <Fact name="User name">{me.attributes.username}</Fact>
            <Fact name="Email">{me.attributes.email}</Fact>
            <Fact name="Id"><Id>{me.id}</Id></Fact>
          </Facts>
        </Panel>
      </div>
    </div>
  )
}

function Password() {
  const none = { current: '', fresh: '', again: '' }
  const [p, setP] = useState(none)
  const change = useChange(
    [],
    () => api.send('PATCH', api.address('/account/password'), body('users', { current_password: p.current, password: p.fresh, password_confirmation: p.again })),
    () => {
      setP(none)
      toast('The password is changed. Your other browsers are logged out.')
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <Panel title="Password" padded>
      <Form action="Change the password" change={change} shows={['current_password', 'password', 'password_confirmation']}>
        <Field label="Present password" error={wrong.current_password}>
          <Input type="password" autoComplete="current-password" required value={p.current} onChange={(e) => setP({ ...p, current: e.target.value })} />
        </Field>
        <Field label="New password" help="At least 10 characters. Tokens keep working." error={wrong.password}>
          <Input type="password" autoComplete="new-password" required minLength={10} value={p.fresh} onChange={(e) => setP({ ...p, fresh: e.target.value })} />
        </Field>
        <Field label="New password again" error={wrong.password_confirmation}>
          <Input type="password" autoComplete="new-password" required value={p.again} onChange={(e) => setP({ ...p, again: e.target.value })} />
        </Field>
      </Form>
    </Panel>
  )
}
