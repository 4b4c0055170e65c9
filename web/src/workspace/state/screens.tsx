// The screens of a workspace's state.
import { createRoute, useNavigate } from '@tanstack/react-router'
import { NotFound } from '~/ui/Failure'
import { workspaceRoute } from '../frame'
import { Compare } from './Compare'
import { Version, viewOf, type View } from './Version'
import { Versions } from './Versions'

export const statesRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states',
  staticData: { crumb: () => 'States' },
  component: Versions,
})

export const stateRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states/$state',
  validateSearch: (s: Record<string, unknown>): { view?: View | undefined } => (s.view === undefined ? {} : { view: viewOf(s.view) }),
  component: function Screen() {
    const { state } = stateRoute.useParams()
    const { view } = stateRoute.useSearch()
    const navigate = useNavigate({ from: stateRoute.fullPath })
    return <Version key={state} id={state} view={viewOf(view)} onView={(v) => void navigate({ search: { view: v === 'resources' ? undefined : v }, replace: true })} />
  },
})

export const compareRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states/compare',
  validateSearch: (s: Record<string, unknown>): { from?: string | undefined; to?: string | undefined } => ({
    from: typeof s.from === 'string' ? s.from : undefined,
    to: typeof s.to === 'string' ? s.to : undefined,
  }),
  staticData: { crumb: () => 'Compare' },
  component: function Screen() {
    const { from, to } = compareRoute.useSearch()
    return from && to ? <Compare key={`${from} ${to}`} from={from} to={to} /> : <NotFound />
  },
})

export const stateRoutes = [statesRoute, compareRoute, stateRoute] as const
