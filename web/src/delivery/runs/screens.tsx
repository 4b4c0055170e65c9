// The lists of runs as screens.
import { createRoute, useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import { orgRoute } from '~/kernel/routing'
import { LinkButton } from '~/ui/Button'
import { Empty } from '~/ui/Failure'
import { Page } from '~/ui/Page'
import { useWorkspace } from '~/workspace/current'
import { workspaceRoute } from '~/workspace/frame'
import { RunList, filterOf, type Filter } from './RunList'

/** runsRoute is the list of the runs of a workspace. */
export const runsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: '/runs',
  validateSearch: filterOf,
  staticData: { crumb: () => 'Runs' },
  component: Runs,
})

function Runs() {
  const { org, workspace } = useWorkspace()
  const filter = runsRoute.useSearch()
  const navigate = useNavigate({ from: runsRoute.fullPath })
  const onFilter = useCallback((change: Filter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true }), [navigate])
  return (
    <RunList
      org={org}
      workspace={{ id: workspace.id, name: workspace.attributes.name }}
      filter={filter}
      onFilter={onFilter}
      empty={<Empty icon="run" title="No run yet" actions={<LinkButton to="/$org/start" params={{ org }}>How to start one from the command line</LinkButton>}><p>A run plans and applies a configuration. Start one with <code className="font-mono">tofu apply</code> in a folder that is connected to this workspace.</p></Empty>}
    />
  )
}

/** orgRunsRoute is the list of all runs of an organization. */
export const orgRunsRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/runs',
  validateSearch: filterOf,
  staticData: { crumb: () => 'Runs' },
  component: OrgRuns,
})

function OrgRuns() {
  const { org } = orgRunsRoute.useParams()
  const filter = orgRunsRoute.useSearch()
  const navigate = useNavigate({ from: orgRunsRoute.fullPath })
  const onFilter = useCallback((change: Filter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true }), [navigate])
  return (
    <Page title="Runs" about="Of all workspaces, in the last twelve months.">
      <RunList
        org={org}
        filter={filter}
        onFilter={onFilter}
        empty={<Empty icon="run" title="No run yet" actions={<LinkButton to="/$org/start" params={{ org }} look="primary">Connect a workspace</LinkButton>}><p>Runs plan and apply configurations.</p></Empty>}
      />
    </Page>
  )
}
