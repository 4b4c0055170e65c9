// The workspace that the page is about.
import { queryOptions, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { refOf } from '~/kernel/jsonapi'
import { polling } from '~/kernel/queries'

/** workspaceQuery is a workspace by its name, with what all its screens show of it. */
export const workspaceQuery = (org: string, name: string) =>
  queryOptions({
    queryKey: ['workspaces', 'read', org, name],
    queryFn: ({ signal }) => api.read('/organizations/{organization}/workspaces/{name}', { organization: org, name }, { include: 'current-run.created-by,current-state-version,project,locked-by,readme,effective-tag-bindings' }, signal),
    ...polling,
  })

/** useWorkspace is the workspace that the page is about, with its current run and project. */
export function useWorkspace() {
  const { org, workspace } = useParams({ from: '/$org/workspaces/$workspace' })
  const { item, included } = useSuspenseQuery(workspaceQuery(org, workspace)).data
  return {
    org,
    workspace: item,
    run: included.get('runs', refOf(item, 'current-run')?.id),
    project: included.get('projects', refOf(item, 'project')?.id),
    included,
  }
}
