// The admin area: the whole server, for site administrators.
import { Outlet, createRoute, notFound } from '@tanstack/react-router'
import { rootRoute } from '~/kernel/routing'
import { pageIn, textIn } from '~/kernel/search'
import { meQuery } from '~/kernel/session'
import { Page, Tab, Tabs } from '~/ui/Page'

export const adminRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/admin',
  staticData: { crumb: () => 'Administration' },
  beforeLoad: async ({ context }) => {
    const me = await context.queryClient.ensureQueryData(meQuery)
    if (me.attributes['is-site-admin'] !== true) throw notFound()
  },
  component: Frame,
})

/** Search is what a list is narrowed to, and the page of it, from 1. */
export type Search = { q?: string | undefined; status?: string | undefined; page?: number | undefined }

/** searchOf reads what every list of the admin area has in its address. */
export function searchOf(s: Record<string, unknown>): Search {
  return { q: textIn(s.q), status: textIn(s.status), page: pageIn(s.page) }
}

function Frame() {
  return (
    <Page
      title="Administration"
      about="The whole server. What you do here is recorded."
      tabs={
        <Tabs label="Administration">
          <Tab to="/admin" activeOptions={{ exact: true }}>Overview</Tab>
          <Tab to="/admin/users">Users</Tab>
          <Tab to="/admin/organizations">Organizations</Tab>
          <Tab to="/admin/workspaces">Workspaces</Tab>
          <Tab to="/admin/runs">Runs</Tab>
          <Tab to="/admin/agents">Agents</Tab>
          <Tab to="/admin/jobs">Failed jobs</Tab>
          <Tab to="/admin/audit">Audit log</Tab>
          <Tab to="/admin/settings">Settings</Tab>
        </Tabs>
      }
    >
      <Outlet />
    </Page>
  )
}
