// Every route of the UI, by capability.
import { createRouter } from '@tanstack/react-router'
import { queryClient } from './kernel/queries'
import { homeRoute, orgRoute, rootRoute } from './kernel/routing'
import { parseSearch, stringifySearch } from './kernel/search'
import { deliveryRoutes, workspaceDeliveryRoutes } from './delivery/routes'
import { organizationsRoute } from './identity/organizations'
import { registryRoutes } from './registry/routes'
import { workspaceRoute } from './workspace/frame'
import { stateRoutes } from './workspace/state/screens'
import { workspacesRoute } from './workspace/list'
import { overviewRoute } from './workspace/overview'
import { startRoute } from './workspace/start'

const routeTree = rootRoute.addChildren([
  homeRoute,
  organizationsRoute,
  orgRoute.addChildren([
    startRoute,
    workspacesRoute,
    workspaceRoute.addChildren([overviewRoute, ...workspaceDeliveryRoutes, ...stateRoutes]),
    ...deliveryRoutes,
    ...registryRoutes,
  ]),
])

export const router = createRouter({
  routeTree,
  basepath: '/app',
  context: { queryClient },
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
