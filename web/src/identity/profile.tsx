// What belongs to the user alone: name, organizations, tokens, password, second factor, sessions.
import { Outlet, createRoute, redirect } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange, wholeQuery } from '~/kernel/queries'
import { rootRoute } from '~/kernel/routing'
import { useMe } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Id } from '~/ui/Copy'
import { Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Page, Panel, Tab, Tabs } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { Memberships } from './memberships'
import { Security } from './security'
import { Tokens } from './tokens'

export const profileRoute = createRoute({ getParentRoute: () => rootRoute, path: '/profile', staticData: { crumb: () => 'Your settings' }, component: Profile })
const indexRoute = createRoute({ getParentRoute: () => profileRoute, path: '/', beforeLoad: () => { throw redirect({ to: '/profile/tokens', replace: true }) } })
const tokensRoute = createRoute({ getParentRoute: () => profileRoute, path: '/tokens', component: YourTokens })
const accountRoute = createRoute({ getParentRoute: () => profileRoute, path: '/account', component: Account })
const securityRoute = createRoute({ getParentRoute: () => profileRoute, path: '/security', component: Security })
const organizationsRoute = createRoute({ getParentRoute: () => profileRoute, path: '/organizations', component: Memberships })

export const profileRoutes = [indexRoute, tokensRoute, accountRoute, securityRoute, organizationsRoute] as const

function Profile() {
  const me = useMe()
  return (
    <Page
      title={me.attributes.username ?? 'Your settings'}
      about={me.attributes.email}
      status={me.attributes['is-site-admin'] && <Badge tone="accent">Site administrator</Badge>}
      tabs={
        <Tabs label="Your settings">
          <Tab to="/profile/account">Account</Tab>
          <Tab to="/profile/tokens">Tokens</Tab>
          <Tab to="/profile/security">Security</Tab>
          <Tab to="/profile/organizations">Organizations</Tab>
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
      query={wholeQuery('authentication-tokens', '/users/{id}/authentication-tokens', { id })}
      create={(document) => api.create('/users/{id}/authentication-tokens', { id }, document)}
    />
  )
}

function Account() {
  const me = useMe()
  const draft = useDraft({ username: me.attributes.username ?? '', email: me.attributes.email ?? '' })
  const f = draft.values
  const change = useChange(['users'], () => api.update('/account/update', {}, body('users', f)), () => toast('Your account is changed.'))
  const wrong = fieldsOf(change.error)
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Panel title="Name and address" padded>
        <Form change={change} draft={draft} names={{ username: 'user name', email: 'email address' }} action="Save">
          <Field label="User name" help="You log in with it, or with your email address." error={wrong.username}>
            <Input required autoComplete="username" maxLength={60} value={f.username} onChange={(e) => draft.set({ username: e.target.value })} />
          </Field>
          <Field label="Email address" help="For invitations and messages." error={wrong.email}>
            <Input type="email" required autoComplete="email" value={f.email} onChange={(e) => draft.set({ email: e.target.value })} />
          </Field>
        </Form>
      </Panel>
      <Panel title="About" padded>
        <Facts>
          <Fact name="Id"><Id>{me.id}</Id></Fact>
          <Fact name="Logs in by">a password{me.attributes['two-factor']?.verified ? ' and a second factor' : ''}</Fact>
        </Facts>
      </Panel>
    </div>
  )
}
