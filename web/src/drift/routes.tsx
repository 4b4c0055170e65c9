// The screens of drift; each is loaded when it is looked at.
import { Outlet, createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { orgRoute } from '~/kernel/routing'
import { useOrganization } from '~/kernel/session'
import { profileRoute } from '~/identity/profile'
import { settingsRoute } from '~/organization/frame'
import { Page, Tab, Tabs } from '~/ui/Page'
import { workspaceRoute } from '~/workspace/frame'
import { pageIn, text } from './parts'

/** driftRoute is the frame of the lists. */
const driftRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift',
  staticData: { crumb: () => 'Drift' },
  component: function Frame() {
    const { org } = driftRoute.useParams()
    const may = useOrganization(org).attributes.permissions
    return (
      <Page
        title="Drift"
        tabs={
          <Tabs label="Drift">
            <Tab to="/$org/drift" params={{ org }} activeOptions={{ exact: true }}>Overview</Tab>
            <Tab to="/$org/drift/findings" params={{ org }} activeOptions={{ includeSearch: false }}>Findings</Tab>
            <Tab to="/$org/drift/scans" params={{ org }} activeOptions={{ includeSearch: false }}>Scans</Tab>
            <Tab to="/$org/drift/ignored" params={{ org }}>Ignored</Tab>
            {may['can-read-drift'] && <ConfigurationTabs org={org} />}
          </Tabs>
        }
      >
        <Outlet />
      </Page>
    )
  },
})

function ConfigurationTabs({ org }: { org: string }) {
  return (
    <>
      <Tab to="/$org/drift/schedules" params={{ org }}>Schedules</Tab>
      <Tab to="/$org/drift/repositories" params={{ org }}>Repositories</Tab>
      <Tab to="/$org/drift/connections" params={{ org }}>Connections</Tab>
      <Tab to="/$org/drift/alerts" params={{ org }}>Alerts</Tab>
    </>
  )
}

export type FindingFilter = { q?: string | undefined; severity?: string | undefined; kind?: string | undefined; status?: string | undefined; page?: number | undefined }

const overviewRoute = createRoute({ getParentRoute: () => driftRoute, path: '/', component: lazyRouteComponent(() => import('./Overview'), 'Overview') })
const findingsRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/findings',
  validateSearch: (s: Record<string, unknown>): FindingFilter => ({ q: text(s.q), severity: text(s.severity), kind: text(s.kind), status: text(s.status), page: pageIn(s.page) }),
  component: lazyRouteComponent(() => import('./Findings'), 'Findings'),
})
const scansRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/scans',
  validateSearch: (s: Record<string, unknown>): { status?: string | undefined; schedule?: string | undefined; page?: number | undefined } => ({ status: text(s.status), schedule: text(s.schedule), page: pageIn(s.page) }),
  component: lazyRouteComponent(() => import('./Scans'), 'Scans'),
})
const ignoredRoute = createRoute({ getParentRoute: () => driftRoute, path: '/ignored', component: lazyRouteComponent(() => import('./Ignored'), 'Ignored') })
const schedulesRoute = createRoute({ getParentRoute: () => driftRoute, path: '/schedules', component: lazyRouteComponent(() => import('./Schedules'), 'Schedules') })
const repositoriesRoute = createRoute({ getParentRoute: () => driftRoute, path: '/repositories', component: lazyRouteComponent(() => import('./Repositories'), 'Repositories') })
const connectionsRoute = createRoute({ getParentRoute: () => driftRoute, path: '/connections', component: lazyRouteComponent(() => import('./Connections'), 'Connections') })
const alertsRoute = createRoute({ getParentRoute: () => driftRoute, path: '/alerts', component: lazyRouteComponent(() => import('./alerts/AlertList'), 'AlertList') })

const alertRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/alerts/$alert',
  staticData: { crumb: (p) => [{ label: 'Drift', to: `/${p.org}/drift` }, { label: 'Alerts', to: `/${p.org}/drift/alerts` }] },
  component: lazyRouteComponent(() => import('./alerts/AlertPage'), 'AlertPage'),
})
const scheduleRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/schedules/$schedule',
  staticData: { crumb: (p) => [{ label: 'Drift', to: `/${p.org}/drift` }, { label: 'Schedules', to: `/${p.org}/drift/schedules` }] },
  component: lazyRouteComponent(() => import('./schedules/SchedulePage'), 'SchedulePage'),
})
const settingsDriftRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/drift', component: lazyRouteComponent(() => import('./settings/DriftSettings'), 'DriftSettings') })
const profileDriftRoute = createRoute({ getParentRoute: () => profileRoute, path: '/drift', component: lazyRouteComponent(() => import('./settings/YourKeys'), 'YourKeys') })

const findingRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/findings/$finding',
  staticData: { crumb: () => 'Finding' },
  component: lazyRouteComponent(() => import('./FindingPage'), 'FindingPage'),
})
const episodeRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/episodes/$episode',
  staticData: { crumb: () => 'Episode' },
  component: lazyRouteComponent(() => import('./EpisodePage'), 'EpisodePage'),
})
const scanRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/scans/$scan',
  staticData: { crumb: () => 'Scan' },
  component: lazyRouteComponent(() => import('./ScanPage'), 'ScanPage'),
})

const healthRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/health',
  staticData: { crumb: () => 'Health' },
  component: lazyRouteComponent(() => import('./HealthTab'), 'HealthTab'),
})

export const driftRoutes = [
  driftRoute.addChildren([overviewRoute, findingsRoute, scansRoute, ignoredRoute, schedulesRoute, repositoriesRoute, connectionsRoute, alertsRoute]),
  findingRoute, episodeRoute, scanRoute, alertRoute, scheduleRoute,
] as const
export const workspaceDriftRoutes = [healthRoute] as const
export const settingsDriftRoutes = [settingsDriftRoute] as const
export const profileDriftRoutes = [profileDriftRoute] as const
