// The settings of an organization: their frame, with a link to each part that the user may see.
import { Outlet, createRoute, redirect } from '@tanstack/react-router'
import { orgRoute } from '~/kernel/routing'
import { useOrganization } from '~/kernel/session'
import { Page, Tab, Tabs } from '~/ui/Page'

export const settingsRoute = createRoute({ getParentRoute: () => orgRoute, path: '/settings', staticData: { crumb: () => 'Organization' }, component: Frame })

export const settingsIndexRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/$org/settings/users', params, replace: true })
  },
})

/** useCan is what the user may do in the organization. */
export function useCan(org: string) {
  return useOrganization(org).attributes.permissions
}

function Frame() {
  const { org } = settingsRoute.useParams()
  const can = useCan(org)
  const params = { org }
  return (
    <Page
      title={org}
      about="People, rights and what the organization shares"
      tabs={
        <Tabs label="Settings of the organization">
          <Tab to="/$org/settings/users" params={params}>People</Tab>
          <Tab to="/$org/settings/teams" params={params}>Teams</Tab>
          <Tab to="/$org/settings/rights" params={params}>Rights</Tab>
          {can['can-read-varsets'] && <Tab to="/$org/settings/varsets" params={params}>Variable sets</Tab>}
          {can['can-update-agent-pools'] && <Tab to="/$org/settings/agents" params={params}>Agents</Tab>}
          {can['can-update-ssh-keys'] && <Tab to="/$org/settings/ssh-keys" params={params}>SSH keys</Tab>}
          {can['can-read-drift'] && <Tab to="/$org/settings/drift" params={params}>Drift</Tab>}
          {can['can-update'] && <Tab to="/$org/settings/security" params={params}>Security</Tab>}
          {can['can-update-api-token'] && <Tab to="/$org/settings/tokens" params={params}>Tokens</Tab>}
          {can['can-read-audit-trail'] && <Tab to="/$org/settings/audit" params={params}>Audit log</Tab>}
          {can['can-update'] && <Tab to="/$org/settings/general" params={params}>General</Tab>}
        </Tabs>
      }
    >
      <Outlet />
    </Page>
  )
}
