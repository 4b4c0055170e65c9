// The variables of a workspace, and those that it gets from sets.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { allQuery } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { InOrder } from '~/ui/InOrder'
import { Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Badge } from '~/ui/Badge'
import { useWorkspace } from './current'
import { workspaceRoute } from './frame'
import { VariablesPanel } from './variableForm'

export const variablesRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/variables', component: Variables })

function Variables() {
  const { workspace: w, org } = useWorkspace()
  const params = { workspace: w.id }
  const vars = useQuery(allQuery('vars', '/workspaces/{workspace}/vars', params))
  const sets = useQuery(allQuery('varsets', '/workspaces/{workspace}/varsets', params))
  return (
    <InOrder className="space-y-5">
      {vars.error && <Failure error={vars.error} retry={() => void vars.refetch()} />}
      <VariablesPanel
        title="Variables"
        list={vars.data}
        mayChange={w.attributes.permissions['can-update-variable']}
        create={(document) => api.create('/workspaces/{workspace}/vars', params, document)}
        update={(id, document) => api.update('/workspaces/{workspace}/vars/{id}', { ...params, id }, document)}
        remove={(id) => api.remove('/workspaces/{workspace}/vars/{id}', { ...params, id })}
        empty="Values for the input variables of the configuration, and for the environment of its runs."
      />
      <Panel title="Variable sets">
        {sets.error && <div className="p-4"><Failure error={sets.error} retry={() => void sets.refetch()} /></div>}
        {!sets.data && !sets.error && <SkeletonRows rows={2} />}
        {sets.data?.length === 0 && <p className="px-4 py-3 text-muted">No set applies to this workspace.</p>}
        <ul>
          {sets.data?.map((s) => (
            <li key={s.id} className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2 last:border-0">
              <TextLink to="/$org/settings/varsets/$varset" params={{ org, varset: s.id }}>{s.attributes.name}</TextLink>
              {s.attributes.global && <Badge tone="info">Everywhere</Badge>}
              {s.attributes.priority && <Badge tone="warn">Wins over variables of the workspace</Badge>}
              <span className="ml-auto text-sm text-muted">{count(s.attributes['var-count'], 'variable')}</span>
            </li>
          ))}
        </ul>
      </Panel>
    </InOrder>
  )
}
