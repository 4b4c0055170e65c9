// Where notifications are kept: a tab of a workspace, and of a project.
import { createRoute } from '@tanstack/react-router'
import { useWorkspace } from '~/workspace/current'
import { workspaceRoute } from '~/workspace/frame'
import { projectRoute, useProject } from '~/workspace/project/frame'
import { Notifications } from './Notifications'

const workspaceNotificationsRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/notifications', staticData: { crumb: () => 'Notifications' }, component: OfWorkspace })

function OfWorkspace() {
  const { org, workspace: w } = useWorkspace()
  return <Notifications org={org} place={{ kind: 'workspaces', id: w.id }} about="Tell a chat, a webhook or people when a run needs somebody, fails or is done, and when something drifts." />
}

const projectNotificationsRoute = createRoute({ getParentRoute: () => projectRoute, path: '/notifications', staticData: { crumb: () => 'Notifications' }, component: OfProject })

function OfProject() {
  const { org, project: p } = useProject()
  return <Notifications org={org} place={{ kind: 'projects', id: p.id }} about="Tell a chat, a webhook or people of the runs and the drift of every workspace in the project, also of those that are added later." />
}

export const workspaceGovernanceRoutes = [workspaceNotificationsRoute] as const
export const projectGovernanceRoutes = [projectNotificationsRoute] as const
