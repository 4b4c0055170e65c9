import { projectAccessRoute } from './access'
import { projectSettingsRoute } from './settings'
import { projectVarsetsRoute } from './varsets'
import { projectWorkspacesRoute } from './workspaces'

/** projectRoutes are the tabs of a project. */
export const projectRoutes = [projectWorkspacesRoute, projectAccessRoute, projectVarsetsRoute, projectSettingsRoute] as const
