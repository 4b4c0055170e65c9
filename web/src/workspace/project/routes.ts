import { projectAccessRoute } from './access'
import { projectRoute } from './frame'
import { projectSettingsRoute } from './settings'
import { projectVarsetsRoute } from './varsets'
import { projectWorkspacesRoute } from './workspaces'

/** projectRoutes are a project with its tabs. */
export const projectRoutes = projectRoute.addChildren([projectWorkspacesRoute, projectAccessRoute, projectVarsetsRoute, projectSettingsRoute])
