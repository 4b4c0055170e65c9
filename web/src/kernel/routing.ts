// The routes that all others hang below: the page itself, an organization, a workspace.
import { createRootRouteWithContext, createRoute, redirect } from '@tanstack/react-router'
import { check, ofOrganization } from './allowed'
import type { queryClient } from './queries'
import { lastOrganization, meQuery, organizationQuery, organizationsQuery } from './session'

/** Crumb names a route in the path at the top of the page, or several with their addresses. One without a label is called as the screen. */
export type Crumb = (params: Record<string, string>) => string | { label: string; to: string }[]

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    crumb?: Crumb
    /** The screen shows nothing without what is behind the path of its address, so it is not offered by itself. */
    needsMore?: true
  }
}

/** rootRoute is the frame of every screen (app.tsx says which frame); below it, the user is known. */
export const rootRoute = createRootRouteWithContext<{ queryClient: typeof queryClient }>()({
  beforeLoad: ({ context }) => context.queryClient.ensureQueryData(meQuery).then(() => undefined),
})

/** homeRoute leads to the organization that was open last. */
export const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: async ({ context }) => {
    const all = await context.queryClient.ensureQueryData(organizationsQuery)
    const names = all.map((o) => o.id)
    const last = lastOrganization.get()
    const org = last && names.includes(last) ? last : names[0]
    throw org ? redirect({ to: '/$org/workspaces', params: { org }, replace: true }) : redirect({ to: '/organizations', replace: true })
  },
})

/** orgRoute is the parent of all screens of an organization. */
export const orgRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/$org',
  beforeLoad: async ({ context, params, location }) => {
    const organization = await context.queryClient.ensureQueryData(organizationQuery(params.org))
    lastOrganization.set(params.org)
    check(ofOrganization, location.pathname, `/${params.org}`, organization.attributes.permissions)
  },
})

/** orgHomeRoute is an organization without more. */
export const orgHomeRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/$org/workspaces', params, replace: true })
  },
})
