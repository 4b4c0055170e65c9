// The routes that all others hang below: the page itself, an organization, a workspace.
import { createRootRouteWithContext, createRoute, redirect } from '@tanstack/react-router'
import { Shell } from '~/shell/Shell'
import { Failure, Forbidden, NotFound } from '~/ui/Failure'
import { check, ofOrganization } from './allowed'
import { Problem, isMissing } from './problem'
import { queryClient } from './queries'
import { lastOrganization, meQuery, organizationQuery, organizationsQuery } from './session'

export type Context = { queryClient: typeof queryClient }

/** RouteError is what a screen shows that could not be loaded. */
export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  if (isMissing(error)) return <NotFound />
  if (error instanceof Problem && error.status === 403) return <Forbidden error={error} />
  return <div className="mx-auto max-w-2xl p-6 pt-16"><Failure error={error} retry={reset} /></div>
}

/** rootRoute is the frame of every screen; below it, the user is known. */
export const rootRoute = createRootRouteWithContext<Context>()({
  beforeLoad: ({ context }) => context.queryClient.ensureQueryData(meQuery).then(() => undefined),
  component: Shell,
  notFoundComponent: () => <NotFound />,
  errorComponent: RouteError,
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
