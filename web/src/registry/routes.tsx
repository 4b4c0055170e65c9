// The screens of the registry; each is loaded when it is looked at.
import { Outlet, createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { orgRoute } from '~/kernel/routing'
import { Page, Tab, Tabs } from '~/ui/Page'

/** registryRoute is the frame of the lists. */
export const registryRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry',
  staticData: { crumb: () => 'Registry' },
  component: function Frame() {
    const { org } = registryRoute.useParams()
    return (
      <Page
        title="Registry"
        tabs={
          <Tabs label="Registry">
            <Tab to="/$org/registry/modules" params={{ org }}>Modules</Tab>
            <Tab to="/$org/registry/providers" params={{ org }}>Providers</Tab>
            <Tab to="/$org/registry/keys" params={{ org }}>Keys</Tab>
            <Tab to="/$org/registry/components" params={{ org }}>Components</Tab>
          </Tabs>
        }
      >
        <Outlet />
      </Page>
    )
  },
})

const indexRoute = createRoute({
  getParentRoute: () => registryRoute,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/$org/registry/modules', params, replace: true })
  },
})

export const modulesRoute = createRoute({
  getParentRoute: () => registryRoute,
  path: '/modules',
  validateSearch: (s: Record<string, unknown>): { q?: string | undefined } => (typeof s.q === 'string' && s.q !== '' ? { q: s.q } : {}),
  component: lazyRouteComponent(() => import('./modules/ModuleList'), 'ModuleList'),
})

const providersRoute = createRoute({ getParentRoute: () => registryRoute, path: '/providers', component: lazyRouteComponent(() => import('./providers/ProviderList'), 'ProviderList') })
const keysRoute = createRoute({ getParentRoute: () => registryRoute, path: '/keys', component: lazyRouteComponent(() => import('./Keys'), 'Keys') })
const componentsRoute = createRoute({ getParentRoute: () => registryRoute, path: '/components', component: lazyRouteComponent(() => import('./Components'), 'Components') })

export const publishRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/publish',
  staticData: { crumb: () => 'Publish a module' },
  component: lazyRouteComponent(() => import('./modules/Publish'), 'Publish'),
})

export const moduleRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/modules/$namespace/$name/$provider',
  validateSearch: (s: Record<string, unknown>): { version?: string | undefined; part?: string | undefined } => ({
    ...(typeof s.version === 'string' && { version: s.version }),
    ...(typeof s.part === 'string' && { part: s.part }),
  }),
  staticData: { crumb: (p) => `${p.name}` },
  component: lazyRouteComponent(() => import('./modules/ModulePage'), 'ModulePage'),
})

export const providerRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/providers/$registry/$namespace/$name',
  staticData: { crumb: (p) => `${p.name}` },
  component: lazyRouteComponent(() => import('./providers/ProviderPage'), 'ProviderPage'),
})

export const registryRoutes = [registryRoute.addChildren([indexRoute, modulesRoute, providersRoute, keysRoute, componentsRoute]), publishRoute, moduleRoute, providerRoute] as const
