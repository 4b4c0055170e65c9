import { adminAgentsRoute } from './agents'
import { adminAuditRoute } from './audit'
import { adminRoute } from './frame'
import { adminJobsRoute } from './jobs'
import { adminOrganizationsRoute } from './organizations'
import { adminOverviewRoute } from './overview'
import { adminRunsRoute } from './runs'
import { adminSettingsRoute } from './settings'
import { adminUsersRoute } from './users'
import { adminWorkspacesRoute } from './workspaces'

/** adminRoutes are the admin area. */
export const adminRoutes = adminRoute.addChildren([adminOverviewRoute, adminUsersRoute, adminOrganizationsRoute, adminWorkspacesRoute, adminRunsRoute, adminAgentsRoute, adminJobsRoute, adminAuditRoute, adminSettingsRoute])
