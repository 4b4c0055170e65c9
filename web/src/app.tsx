// Every route of the UI, by capability.
import { createRouter } from '@tanstack/react-router'
import { queryClient } from './kernel/queries'
import { homeRoute, orgHomeRoute, orgRoute, rootRoute } from './kernel/routing'
import { parseSearch, stringifySearch } from './kernel/search'
import { Opening, Pending } from './shell/Pending'
import { RouteError } from './shell/RouteError'
import { Shell } from './shell/Shell'
import { NotFound } from './ui/Failure'
import { adminRoutes } from './admin/routes'
import { deliveryRoutes, workspaceDeliveryRoutes } from './delivery/routes'
import { driftRoutes, profileDriftRoutes, settingsDriftRoutes, workspaceDriftRoutes } from './drift/routes'
import { projectGovernanceRoutes, workspaceGovernanceRoutes } from './governance/routes'
import { organizationsRoute } from './identity/organizations'
import { registryRoutes } from './registry/routes'
import { profileRoute, profileRoutes } from './identity/profile'
import { agentsRoute } from './organization/agents'
import { auditRoute } from './organization/audit'
import { settingsIndexRoute, settingsRoute } from './organization/frame'
import { generalRoute } from './organization/general'
import { keysRoute } from './organization/keys'
import { rightsRoute } from './organization/matrix'
import { organizationSecurityRoute } from './organization/security'
import { teamRoute } from './organization/team'
import { teamsRoute } from './organization/teams'
import { organizationTokensRoute } from './organization/tokens'
import { usersRoute } from './organization/users'
import { varsetRoute, varsetsRoute } from './organization/varsets'
import { accessRoute } from './workspace/access'
import { workspaceRoute } from './workspace/frame'
import { stateRoutes } from './workspace/state/screens'
import { workspacesRoute } from './workspace/list'
import { overviewRoute } from './workspace/overview'
import { projectRoute } from './workspace/project/frame'
import { projectRoutes } from './workspace/project/routes'
import { projectsRoute } from './workspace/projects'
import { resourcesRoute } from './workspace/resources'
import { settingsRoute as workspaceSettingsRoute } from './workspace/settings'
import { startRoute } from './workspace/start'
import { variablesRoute } from './workspace/variables'

const routeTree = rootRoute.update({ component: Shell, pendingComponent: Opening, pendingMs: 0 }).addChildren([
  homeRoute,
  organizationsRoute,
  profileRoute.addChildren([...profileRoutes, ...profileDriftRoutes]),
  adminRoutes,
  orgRoute.addChildren([
    orgHomeRoute,
    startRoute,
    workspacesRoute,
    projectsRoute,
    projectRoute.addChildren([...projectRoutes, ...projectGovernanceRoutes]),
    workspaceRoute.addChildren([overviewRoute, resourcesRoute, ...workspaceDeliveryRoutes, ...stateRoutes, ...workspaceDriftRoutes, ...workspaceGovernanceRoutes, variablesRoute, accessRoute, workspaceSettingsRoute]),
    settingsRoute.addChildren([settingsIndexRoute, usersRoute, teamsRoute, teamRoute, rightsRoute, varsetsRoute, varsetRoute, agentsRoute, keysRoute, ...settingsDriftRoutes, organizationSecurityRoute, organizationTokensRoute, auditRoute, generalRoute]),
    ...deliveryRoutes,
    ...registryRoutes,
    ...driftRoutes,
  ]),
])

/** router leads from addresses to screens. */
export const router = createRouter({
  routeTree,
  basepath: '/app',
  context: { queryClient },
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: () => <NotFound />,
  // A screen that comes at once takes the place of the one before; only a slow one shows that it is coming.
  defaultPendingComponent: Pending,
  defaultPendingMs: 300,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  parseSearch,
  stringifySearch,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
