// The lists of runs as screens.
import { createRoute, useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { useCommands } from '~/kernel/keyboard'
import { orgRoute } from '~/kernel/routing'
import { Button, LinkButton } from '~/ui/Button'
import { Empty } from '~/ui/Failure'
import { Page } from '~/ui/Page'
import { useWorkspace } from '~/workspace/current'
import { workspaceRoute } from '~/workspace/frame'
import { RunList, filterOf, type Filter } from './RunList'
import { StartRun } from './StartRun'

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
    <>
      <div className="mb-4 flex justify-end max-sm:justify-start"><StartButton /></div>
      <RunList
        org={org}
        workspace={{ id: workspace.id, name: workspace.attributes.name }}
        filter={filter}
        onFilter={onFilter}
        empty={<Empty icon="run" title="No run yet" actions={<LinkButton to="/$org/start" params={{ org }}>How to start one from the command line</LinkButton>}><p>A run plans and applies a configuration. Start one with <code className="font-mono">tofu apply</code> in a folder that is connected to this workspace.</p></Empty>}
      />
    </>
  )
}

/** StartButton opens the dialog that starts a run in the workspace of the page. */
export function StartButton() {
  const { org, workspace } = useWorkspace()
  const [open, setOpen] = useState(false)
  const may = workspace.attributes.permissions['can-queue-run']
  useCommands(useMemo(() => (may ? [{ id: 'start-run', title: `Start a run in ${workspace.attributes.name}`, keys: 'n', group: 'Workspace', run: () => setOpen(true) }] : []), [may, workspace.attributes.name]))
  if (!may) return null
  return (
    <>
      <Button look="primary" icon="run" onClick={() => setOpen(true)} title="Start a run (N)">Start a run</Button>
      {open && <StartRun org={org} workspace={workspace} onClose={() => setOpen(false)} />}
    </>
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
