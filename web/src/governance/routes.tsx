// Where notifications are kept: a tab of a workspace, and a page of a project.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { readQuery } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { Failure } from '~/ui/Failure'
import { Page } from '~/ui/Page'
import { useWorkspace } from '~/workspace/current'
import { workspaceRoute } from '~/workspace/frame'
import { Notifications } from './Notifications'

const workspaceNotificationsRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/notifications', staticData: { crumb: () => 'Notifications' }, component: OfWorkspace })

function OfWorkspace() {
  const { org, workspace: w } = useWorkspace()
  return <Notifications org={org} place={{ kind: 'workspaces', id: w.id }} about="Tell a chat, a webhook or people when a run needs somebody, fails or is done, and when something drifts." />
}

const projectNotificationsRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/projects/$project/notifications',
  staticData: { crumb: (p) => [{ label: 'Projects', to: `/${p.org}/projects` }, { label: 'Notifications', to: `/${p.org}/projects/${p.project}/notifications` }] },
  component: OfProject,
})

function OfProject() {
  const { org, project } = projectNotificationsRoute.useParams()
  const { data, error } = useQuery(readQuery('projects', '/projects/{id}', { id: project }))
  return (
    <Page title={data ? `Notifications of ${data.item.attributes.name}` : 'Notifications'} about="Of all workspaces in the project, those of tomorrow too.">
      {error ? <Failure error={error} /> : <Notifications org={org} place={{ kind: 'projects', id: project }} about="Tell a chat, a webhook or people of the runs and the drift of every workspace in the project." />}
    </Page>
  )
}

export const workspaceGovernanceRoutes = [workspaceNotificationsRoute] as const
export const governanceRoutes = [projectNotificationsRoute] as const
