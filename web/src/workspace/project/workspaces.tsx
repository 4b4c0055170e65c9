// The workspaces of a project, and how others are moved into it.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { RunStatus } from '~/delivery/status'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { refOf } from '~/kernel/jsonapi'
import { listQuery, polling, useChange } from '~/kernel/queries'
import { Button, LinkButton } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import type { Pick } from '~/ui/Picker'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { toast } from '~/ui/Toast'
import { WorkspacePicker } from '../picking'
import { projectRoute, useProject } from './frame'

export const projectWorkspacesRoute = createRoute({ getParentRoute: () => projectRoute, path: '/', component: Workspaces })

function Workspaces() {
  const { org, project: p, may } = useProject()
  const [moving, setMoving] = useState(false)
  const { data, error } = useQuery({
    ...listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org }, { 'filter[project][id]': p.id, include: 'current-run', 'page[size]': 50, 'fields[workspaces]': 'name,resource-count,current-run', 'fields[runs]': 'status' }),
    ...polling,
  })
  const move = may['can-move-workspace'] && <Button small icon="plus" onClick={() => setMoving(true)}>Move workspaces here</Button>
  return (
    <Panel title={data ? count(data.pagination.total, 'workspace') : 'Workspaces'} actions={move}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!data && !error && <SkeletonRows rows={4} />}
      {data?.items.length === 0 && <Empty icon="workspace" title="No workspaces here" actions={may['can-create-workspace'] && <LinkButton to="/$org/start" params={{ org }} look="primary">Connect a workspace</LinkButton>}><p>A configuration chooses its project when its workspace is made, or the workspace is moved here.</p></Empty>}
      {data && data.items.length > 0 && (
        <Table
          label="Workspaces"
          items={data.items}
          keyOf={(w) => w.id}
          columns={[
            { name: 'Name', cell: (w) => <Link to="/$org/workspaces/$workspace" params={{ org, workspace: w.attributes.name }} className="font-medium hover:text-accent">{w.attributes.name}</Link> },
            { name: 'Manages', className: 'w-32 max-sm:hidden', cell: (w) => <span className="text-muted tabular">{count(w.attributes['resource-count'], 'resource')}</span> },
            { name: 'Current run', className: 'w-44', cell: (w) => <RunStatus status={data.included.get('runs', refOf(w, 'current-run')?.id)?.attributes.status} /> },
          ]}
        />
      )}
      {data && data.pagination.next !== null && <p className="border-t border-line px-4 py-2.5 text-center"><Link to="/$org/workspaces" params={{ org }} search={{ project: p.id }} className="text-accent hover:underline">All {data.pagination.total} in the list of workspaces</Link></p>}
      {moving && <Move org={org} project={p.id} name={p.attributes.name} present={data?.items.map((w) => w.id) ?? []} onClose={() => setMoving(false)} />}
    </Panel>
  )
}

function Move({ org, project, name, present, onClose }: { org: string; project: string; name: string; present: string[]; onClose: () => void }) {
  const [chosen, setChosen] = useState<Pick[]>([])
  const change = useChange(
    ['workspaces', 'projects'],
    () => api.send('POST', api.address('/projects/{id}/relationships/workspaces', { id: project }), { data: chosen.map((c) => ({ type: 'workspaces', id: c.id })) }),
    () => {
      onClose()
      toast(`${count(chosen.length, 'workspace')} moved to ${name}.`)
    },
  )
  return (
    <FormDialog title={`Move workspaces to ${name}`} action="Move" change={change} disabled={chosen.length === 0} onClose={onClose}>
      <p className="text-muted">They leave the projects that they are in, and with these the access, variable sets and defaults from there.</p>
      <WorkspacePicker org={org} chosen={chosen} without={present} onChange={setChosen} />
    </FormDialog>
  )
}
