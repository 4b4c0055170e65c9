// The screens of a workspace's state.
import { createRoute } from '@tanstack/react-router'
import { lazyRouteComponent } from '~/kernel/lazy'
import { workspaceRoute } from '../frame'
import { viewOf, type View } from './views'

const statesOf = (p: Record<string, string>) => ({ label: 'States', to: `/${p.org}/workspaces/${p.workspace}/states` })

const statesRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states',
  staticData: { crumb: () => 'States' },
  component: lazyRouteComponent(() => import('./Versions'), 'Versions'),
})

const stateRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states/$state',
  staticData: { crumb: (p) => [statesOf(p), { label: 'Version', to: `${statesOf(p).to}/${p.state}` }] },
  validateSearch: (s: Record<string, unknown>): { view?: View | undefined } => (s.view === undefined ? {} : { view: viewOf(s.view) }),
  component: lazyRouteComponent(() => import('./Version'), 'VersionScreen'),
})

const compareRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/states/compare',
  validateSearch: (s: Record<string, unknown>): { from?: string | undefined; to?: string | undefined } => ({
    from: typeof s.from === 'string' ? s.from : undefined,
    to: typeof s.to === 'string' ? s.to : undefined,
  }),
  staticData: { crumb: (p) => [statesOf(p), { label: 'Compare', to: `${statesOf(p).to}/compare` }], needsMore: true },
  component: lazyRouteComponent(() => import('./Compare'), 'CompareScreen'),
})

export const stateRoutes = [statesRoute, compareRoute, stateRoute] as const
