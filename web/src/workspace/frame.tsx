// The frame of a workspace: its name, where it stands, and its parts as tabs. What lives
// in a workspace hangs its routes below workspaceRoute and adds its tab here.
import { Outlet, createRoute } from '@tanstack/react-router'
import { StartButton } from '~/delivery/runs/StartButton'
import { RunStatus } from '~/delivery/status'
import { check, ofWorkspace } from '~/kernel/allowed'
import { orgRoute } from '~/kernel/routing'
import { Badge } from '~/ui/Badge'
import { Page, Tab, Tabs } from '~/ui/Page'
import { useWorkspace, workspaceQuery } from './current'
import { LockButton } from './locks'

/** workspaceRoute is the parent of all screens of a workspace. */
export const workspaceRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/workspaces/$workspace',
  staticData: { crumb: (p) => [{ label: 'Workspaces', to: `/${p.org}/workspaces` }, { label: p.workspace ?? '', to: `/${p.org}/workspaces/${p.workspace}` }] },
  beforeLoad: async ({ context, params, location }) => {
    const { item } = await context.queryClient.ensureQueryData(workspaceQuery(params.org, params.workspace))
    check(ofWorkspace, location.pathname, `/workspaces/${params.workspace}`, item.attributes.permissions)
  },
  component: Frame,
})

function Frame() {
  const { org, workspace: w, run } = useWorkspace()
  const params = { org, workspace: w.attributes.name }
  const can = w.attributes.permissions
  return (
    <Page
      title={w.attributes.name}
      about={w.attributes.description}
      actions={
        <>
          <LockButton />
          <StartButton org={org} workspace={w} />
        </>
      }
      status={
        <>
          {run && <RunStatus status={run.attributes.status} />}
          {w.attributes.locked && <Badge tone="warn" icon="lock">Locked</Badge>}
        </>
      }
      tabs={
        <Tabs label="Workspace">
          <Tab to="/$org/workspaces/$workspace" params={params} activeOptions={{ exact: true }}>Overview</Tab>
          <Tab to="/$org/workspaces/$workspace/runs" params={params}>Runs</Tab>
          <Tab to="/$org/workspaces/$workspace/resources" params={params}>Resources</Tab>
          {can['can-read-state-versions'] && <Tab to="/$org/workspaces/$workspace/states" params={params}>States</Tab>}
          {can['can-read-assessment-results'] && <Tab to="/$org/workspaces/$workspace/health" params={params}>Health</Tab>}
          {can['can-read-variable'] && <Tab to="/$org/workspaces/$workspace/variables" params={params}>Variables</Tab>}
          {can['can-update'] && <Tab to="/$org/workspaces/$workspace/notifications" params={params}>Notifications</Tab>}
          {can['can-update'] && <Tab to="/$org/workspaces/$workspace/access" params={params}>Access</Tab>}
          {can['can-read-settings'] && <Tab to="/$org/workspaces/$workspace/settings" params={params}>Settings</Tab>}
        </Tabs>
      }
    >
      <Outlet />
    </Page>
  )
}
