// The screens of drift; each is loaded when it is looked at.
import { Outlet, createRoute } from '@tanstack/react-router'
import { lazyRouteComponent } from '~/kernel/lazy'
import { orgRoute } from '~/kernel/routing'
import { pageIn, textIn } from '~/kernel/search'
import { useOrganization } from '~/kernel/session'
import { profileRoute } from '~/identity/profile'
import { settingsRoute } from '~/organization/frame'
import { Page, Tab, Tabs } from '~/ui/Page'
import { workspaceRoute } from '~/workspace/frame'
import { dimensions, ranges } from './dimensions'

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
            <Tab to="/$org/drift" params={{ org }} activeOptions={{ exact: true, includeSearch: false }}>Overview</Tab>
            <Tab to="/$org/drift/findings" params={{ org }} activeOptions={{ includeSearch: false }}>Findings</Tab>
            <Tab to="/$org/drift/episodes" params={{ org }} activeOptions={{ includeSearch: false }}>Episodes</Tab>
            <Tab to="/$org/drift/workspaces" params={{ org }} activeOptions={{ includeSearch: false }}>Workspaces</Tab>
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

/** FindingFilter, EpisodeFilter, FleetFilter and ScanFilter are what the lists are narrowed to, by their addresses. */
export type FindingFilter = {
  q?: string | undefined
  severity?: string | undefined
  kind?: string | undefined
  status?: string | undefined
  provider?: string | undefined
  workspace?: string | undefined
  schedule?: string | undefined
  assignee?: string | undefined
  seen?: string | undefined
  target?: string | undefined
  cause?: string | undefined
  sort?: string | undefined
  group?: string | undefined
}
export type EpisodeFilter = { q?: string | undefined; severity?: string | undefined; status?: string | undefined; assignee?: string | undefined; seen?: string | undefined; sort?: string | undefined; page?: number | undefined }
export type FleetFilter = { q?: string | undefined; health?: string | undefined; drifted?: string | undefined; checks?: string | undefined; sort?: string | undefined }
export type ScanFilter = { status?: string | undefined; reason?: string | undefined; severity?: string | undefined; drifted?: string | undefined; schedule?: string | undefined; workspace?: string | undefined; sort?: string | undefined; page?: number | undefined }

/** chosen reads the named texts of the address. */
function chosen<K extends string>(s: Record<string, unknown>, ...names: K[]): Partial<Record<K, string | undefined>> {
  return Object.fromEntries(names.map((n) => [n, textIn(s[n])])) as Partial<Record<K, string | undefined>>
}

const overviewRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/',
  validateSearch: (s: Record<string, unknown>): { by?: string | undefined; days?: number | undefined } => ({ by: String(s.by) in dimensions ? String(s.by) : undefined, days: String(s.days) in ranges ? Number(s.days) : undefined }),
  component: lazyRouteComponent(() => import('./Overview'), 'Overview'),
})
const findingsRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/findings',
  validateSearch: (s: Record<string, unknown>): FindingFilter => chosen(s, 'q', 'severity', 'kind', 'status', 'provider', 'workspace', 'schedule', 'assignee', 'seen', 'target', 'cause', 'sort', 'group'),
  component: lazyRouteComponent(() => import('./Findings'), 'Findings'),
})
const episodesRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/episodes',
  validateSearch: (s: Record<string, unknown>): EpisodeFilter => ({ ...chosen(s, 'q', 'severity', 'status', 'assignee', 'seen', 'sort'), page: pageIn(s.page) }),
  component: lazyRouteComponent(() => import('./Episodes'), 'Episodes'),
})
const fleetRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/workspaces',
  validateSearch: (s: Record<string, unknown>): FleetFilter => chosen(s, 'q', 'health', 'drifted', 'checks', 'sort'),
  component: lazyRouteComponent(() => import('./Fleet'), 'Fleet'),
})
const scansRoute = createRoute({
  getParentRoute: () => driftRoute,
  path: '/scans',
  validateSearch: (s: Record<string, unknown>): ScanFilter => ({ ...chosen(s, 'status', 'reason', 'severity', 'drifted', 'schedule', 'workspace', 'sort'), page: pageIn(s.page) }),
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
  staticData: { crumb: (p) => [{ label: 'Drift', to: `/${p.org}/drift` }, { label: 'Findings', to: `/${p.org}/drift/findings` }] },
  component: lazyRouteComponent(() => import('./FindingPage'), 'FindingPage'),
})
const episodeRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/episodes/$episode',
  staticData: { crumb: (p) => [{ label: 'Drift', to: `/${p.org}/drift` }, { label: 'Episodes', to: `/${p.org}/drift/episodes` }] },
  component: lazyRouteComponent(() => import('./EpisodePage'), 'EpisodePage'),
})
const scanRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/drift/scans/$scan',
  staticData: { crumb: (p) => [{ label: 'Drift', to: `/${p.org}/drift` }, { label: 'Scans', to: `/${p.org}/drift/scans` }] },
  component: lazyRouteComponent(() => import('./ScanPage'), 'ScanPage'),
})

const healthRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/health',
  staticData: { crumb: () => 'Health' },
  component: lazyRouteComponent(() => import('./HealthTab'), 'HealthTab'),
})

export const driftRoutes = [
  driftRoute.addChildren([overviewRoute, findingsRoute, episodesRoute, fleetRoute, scansRoute, ignoredRoute, schedulesRoute, repositoriesRoute, connectionsRoute, alertsRoute]),
  findingRoute, episodeRoute, scanRoute, alertRoute, scheduleRoute,
] as const
export const workspaceDriftRoutes = [healthRoute] as const
export const settingsDriftRoutes = [settingsDriftRoute] as const
export const profileDriftRoutes = [profileDriftRoute] as const
