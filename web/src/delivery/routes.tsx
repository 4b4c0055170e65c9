// The screens of runs.
import { createRoute, redirect } from '@tanstack/react-router'
import { lazyRouteComponent } from '~/kernel/lazy'
import { queryClient } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { refOf } from '~/kernel/jsonapi'
import { runQuery } from './runs/queries'
import { orgRunsRoute, runsRoute } from './runs/screens'

/** runRoute is the page of a run. */
const runRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/workspaces/$workspace/runs/$run',
  staticData: {
    crumb: (p) => {
      const workspace = `/${p.org}/workspaces/${p.workspace}`
      return [{ label: 'Workspaces', to: `/${p.org}/workspaces` }, { label: p.workspace ?? '', to: workspace }, { label: 'Runs', to: `${workspace}/runs` }, { label: '', to: `${workspace}/runs/${p.run}` }]
    },
  },
  loader: ({ params }) => void queryClient.prefetchQuery(runQuery(params.run)),
  component: lazyRouteComponent(() => import('./runs/RunPage'), 'RunScreen'),
})

/** printedRunRoute is the address of a run that command lines print. */
const printedRunRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/$workspace/runs/$run',
  beforeLoad: ({ params, location }) => {
    throw redirect({ to: '/$org/workspaces/$workspace/runs/$run', params, hash: location.hash, replace: true })
  },
})

/** foundRunRoute is the address of a run of which only the id is known. */
const foundRunRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/runs/$run',
  beforeLoad: async ({ params, location }) => {
    const { item, included } = await queryClient.ensureQueryData(runQuery(params.run))
    const workspace = included.get('workspaces', refOf(item, 'workspace')?.id)?.attributes.name ?? '-'
    throw redirect({ to: '/$org/workspaces/$workspace/runs/$run', params: { ...params, workspace }, hash: location.hash, replace: true })
  },
})

/** Routes of an organization, and those inside the frame of a workspace. */
export const deliveryRoutes = [orgRunsRoute, runRoute, printedRunRoute, foundRunRoute] as const
export const workspaceDeliveryRoutes = [runsRoute] as const
