// A workspace at a glance.
import { createRoute } from '@tanstack/react-router'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Id } from '~/ui/Copy'
import { Time } from '~/ui/Time'
import { useWorkspace, workspaceRoute } from './frame'

export const overviewRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/', component: Overview })

function Overview() {
  const { workspace: w, project } = useWorkspace()
  const a = w.attributes
  return (
    <Panel title="About" padded>
      <Facts>
        <Fact name="Id"><Id>{w.id}</Id></Fact>
        <Fact name="Project">{project?.attributes.name}</Fact>
        <Fact name="Execution">{a['execution-mode']}</Fact>
        <Fact name="Engine">{a.engine || 'as the server prefers'} {a['terraform-version']}</Fact>
        <Fact name="Resources">{a['resource-count']}</Fact>
        <Fact name="Changed"><Time at={a['latest-change-at']} /></Fact>
      </Facts>
    </Panel>
  )
}
