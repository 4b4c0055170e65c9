// The screens of the registry; each is loaded when it is looked at.
import { Outlet, createRoute, redirect } from '@tanstack/react-router'
import { lazyRouteComponent } from '~/kernel/lazy'
import { orgRoute } from '~/kernel/routing'
import { Page, Tab, Tabs } from '~/ui/Page'
import { facetsOf } from './facets'

/** registryRoute is the frame of the lists. */
const registryRoute = createRoute({
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

/** below is the way to a page that is about one thing of a list: "Registry › Modules › vpc". */
function below(p: Record<string, string>, list: string, label: string, name: string, at = '') {
  return [{ label: 'Registry', to: `/${p.org}/registry` }, { label, to: `/${p.org}/registry/${list}` }, { label: name, to: `/${p.org}/registry/${at || 'publish'}` }]
}

const modulesRoute = createRoute({
  getParentRoute: () => registryRoute,
  path: '/modules',
  validateSearch: facetsOf,
  staticData: { crumb: () => 'Modules' },
  component: lazyRouteComponent(() => import('./modules/ModuleList'), 'ModuleList'),
})

const providersRoute = createRoute({ getParentRoute: () => registryRoute, path: '/providers', validateSearch: facetsOf, staticData: { crumb: () => 'Providers' }, component: lazyRouteComponent(() => import('./providers/ProviderList'), 'ProviderList') })
const keysRoute = createRoute({ getParentRoute: () => registryRoute, path: '/keys', staticData: { crumb: () => 'Keys' }, component: lazyRouteComponent(() => import('./Keys'), 'Keys') })
const componentsRoute = createRoute({ getParentRoute: () => registryRoute, path: '/components', staticData: { crumb: () => 'Components' }, component: lazyRouteComponent(() => import('./Components'), 'Components') })

const publishRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/publish',
  staticData: { crumb: (p) => below(p, 'modules', 'Modules', 'Publish a module') },
  component: lazyRouteComponent(() => import('./modules/Publish'), 'Publish'),
})

const moduleRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/modules/$namespace/$name/$provider',
  validateSearch: (s: Record<string, unknown>): { version?: string | undefined; part?: string | undefined } => ({
    ...(typeof s.version === 'string' && { version: s.version }),
    ...(typeof s.part === 'string' && { part: s.part }),
  }),
  staticData: { crumb: (p) => below(p, 'modules', 'Modules', p.name ?? '', `modules/${p.namespace}/${p.name}/${p.provider}`) },
  component: lazyRouteComponent(() => import('./modules/ModulePage'), 'ModulePage'),
})

const providerRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/providers/$registry/$namespace/$name',
  staticData: { crumb: (p) => below(p, 'providers', 'Providers', p.name ?? '', `providers/${p.registry}/${p.namespace}/${p.name}`) },
  component: lazyRouteComponent(() => import('./providers/ProviderPage'), 'ProviderPage'),
})

const componentRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/registry/components/$component',
  validateSearch: (s: Record<string, unknown>): { version?: string | undefined } => (typeof s.version === 'string' ? { version: s.version } : {}),
  staticData: { crumb: (p) => below(p, 'components', 'Components', 'Component configuration', `components/${p.component}`) },
  component: lazyRouteComponent(() => import('./ComponentPage'), 'ComponentPage'),
})

/** registryRoutes are the screens of the registry. */
export const registryRoutes = [registryRoute.addChildren([indexRoute, modulesRoute, providersRoute, keysRoute, componentsRoute]), publishRoute, moduleRoute, providerRoute, componentRoute] as const
