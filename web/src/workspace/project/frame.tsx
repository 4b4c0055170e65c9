// The frame of a project: its name and its parts as tabs.
import { useSuspenseQuery } from '@tanstack/react-query'
import { Outlet, createRoute } from '@tanstack/react-router'
import { refOf } from '~/kernel/jsonapi'
import { readQuery } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Page, Tab, Tabs } from '~/ui/Page'

const projectQuery = (id: string) => readQuery('projects', '/projects/{id}', { id })

export const projectRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/projects/$project',
  staticData: { crumb: (p) => [{ label: 'Projects', to: `/${p.org}/projects` }, { label: '', to: `/${p.org}/projects/${p.project}` }] },
  loader: ({ context, params }) => context.queryClient.ensureQueryData(projectQuery(params.project)),
  component: Frame,
})

/** useProject is the project that the page is about. */
export function useProject() {
  const { org, project } = projectRoute.useParams()
  const item = useSuspenseQuery(projectQuery(project)).data.item
  return { org, project: item, may: item.attributes.permissions }
}

function Frame() {
  const { org, project: p, may } = useProject()
  const params = { org, project: p.id }
  const organization = useOrganization(org)
  const isDefault = refOf(organization, 'default-project')?.id === p.id
  return (
    <Page
      title={p.attributes.name}
      about={p.attributes.description}
      status={isDefault && <Badge title="Workspaces that name no project are here.">default</Badge>}
      tabs={
        <Tabs label="Project">
          <Tab to="/$org/projects/$project" params={params} activeOptions={{ exact: true }}>Workspaces</Tab>
          {may['can-read-teams'] && <Tab to="/$org/projects/$project/access" params={params}>Access</Tab>}
          {(may['can-manage-varsets'] || organization.attributes.permissions['can-read-varsets']) && <Tab to="/$org/projects/$project/varsets" params={params}>Variable sets</Tab>}
          {may['can-update'] && <Tab to="/$org/projects/$project/notifications" params={params}>Notifications</Tab>}
          {may['can-update'] && <Tab to="/$org/projects/$project/settings" params={params}>Settings</Tab>}
        </Tabs>
      }
    >
      <Outlet />
    </Page>
  )
}
