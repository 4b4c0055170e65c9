// Which teams may do what in a project and all its workspaces.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, type Resource } from '~/kernel/jsonapi'
import { useChange, wholeQuery } from '~/kernel/queries'
import { projectLevels } from '~/organization/permissions'
import { teamsQuery, useTeams } from '~/organization/team'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Levels } from '../access'
import { ProjectElsewhere } from '../elsewhere'
import { CustomMatrix, projectParts, workspacesOfProject, type Parts } from '../custom'
import { projectRoute, useProject } from './frame'

type Access = Resource<'team-projects'>

export const projectAccessRoute = createRoute({ getParentRoute: () => projectRoute, path: '/access', component: AccessPage })

function AccessPage() {
  const { org, project: p, may } = useProject()
  const [editing, setEditing] = useState<Access | 'new'>()
  const [removing, setRemoving] = useState<Access>()
  const named = useQuery(teamsQuery(org))
  const { data, error } = useQuery(wholeQuery('team-projects', '/team-projects', {}, { 'filter[project][id]': p.id }))
  const remove = useChange(['team-projects', 'projects'], (id: string) => api.remove('/team-projects/{access}', { access: id }), () => setRemoving(undefined))
  const nameOf = (a: Access) => named.data?.find((t) => t.id === refOf(a, 'team')?.id)?.attributes.name ?? refOf(a, 'team')?.id ?? ''
  const manages = may['can-manage-teams']
  return (
    <InOrder className="space-y-4">
    <Panel title="Access of teams" actions={manages && <Button small icon="plus" onClick={() => setEditing('new')}>Give access</Button>}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {((!data && !error) || named.isPending) && <SkeletonRows rows={3} />}
      {data?.items.length === 0 && <Empty icon="people" title="No team has access to this project alone"><p>Owners, and teams with rights in the whole organization, have theirs from there.</p></Empty>}
      {data && data.items.length > 0 && !named.isPending && (
        <Table
          label="Access of teams"
          items={data.items}
          keyOf={(a) => a.id}
          columns={[
            { name: 'Team', className: 'sm:w-1/3', cell: (a) => <><span className="font-medium wrap-anywhere">{nameOf(a)}</span><span className="mt-1 block sm:hidden"><Level access={a} /></span></> },
            { name: 'May', className: 'max-sm:hidden', cell: (a) => <Level access={a} /> },
            ...(manages
              ? [{
                  name: <span className="sr-only">Actions</span>, className: 'w-24 text-right whitespace-nowrap max-sm:align-top',
                  cell: (a: Access) => (
                    <span className="inline-flex max-sm:gap-2">
                      <IconButton small icon="pencil" label={`Change the access of ${nameOf(a)}`} onClick={() => setEditing(a)} />
                      <IconButton small icon="trash" label={`Take the access of ${nameOf(a)}`} onClick={() => setRemoving(a)} />
                    </span>
                  ),
                }]
              : []),
          ]}
        />
      )}
      {editing && <Edit org={org} project={p.id} access={editing === 'new' ? undefined : editing} taken={data?.items.map((a) => refOf(a, 'team')?.id ?? '') ?? []} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Take the access of ${nameOf(removing)}?`} action="Take it" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Its members lose what only this access gives them in the project and its workspaces.</p>
        </Confirm>
      )}
    </Panel>
    <ProjectElsewhere org={org} />
    </InOrder>
  )
}

function Level({ access: a }: { access: Access }) {
  const level = projectLevels.find((l) => l.value === a.attributes.access)
  const w = a.attributes['workspace-access']
  const words = a.attributes.access === 'custom' ? `Runs: ${w.runs}, variables: ${w.variables}, state: ${w['state-versions']}${w.create ? ', creates workspaces' : ''}${w.locking ? ', locks' : ''}.` : level?.alone
  return <span className="flex flex-wrap items-center gap-2"><Badge tone="accent">{level?.label ?? a.attributes.access}</Badge><span className="text-sm text-muted">{words}</span></span>
}

const start = { project: { settings: 'read', teams: 'none', 'variable-sets': 'none' }, workspaces: { create: false, move: false, delete: false, locking: false, runs: 'read', variables: 'none', 'state-versions': 'none', 'sentinel-mocks': 'none', 'run-tasks': false, 'policy-overrides': false } }

function Edit({ org, project, access, taken, onClose }: { org: string; project: string; access: Access | undefined; taken: string[]; onClose: () => void }) {
  const teams = useTeams(org).filter((t) => t.attributes.name !== 'owners' && !taken.includes(t.id))
  const [team, setTeam] = useState('')
  const [level, setLevel] = useState<string>(access?.attributes.access ?? 'read')
  const [ofProject, setOfProject] = useState<Parts>(access?.attributes['project-access'] ?? start.project)
  const [inWorkspaces, setInWorkspaces] = useState<Parts>(access?.attributes['workspace-access'] ?? start.workspaces)
  const attributes = { access: level, ...(level === 'custom' && { 'project-access': ofProject, 'workspace-access': inWorkspaces }) }
  const change = useChange(
    ['team-projects', 'projects'],
    () =>
      access
        ? api.update('/team-projects/{access}', { access: access.id }, body('team-projects', attributes, undefined, access.id))
        : api.create('/team-projects', {}, body('team-projects', attributes, { team: { type: 'teams', id: team }, project: { type: 'projects', id: project } })),
    onClose,
  )
  return (
    <Dialog title={access ? 'Change the access' : 'Give a team access'} wide={level === 'custom'} onClose={onClose}>
      <Form action="Save" change={change} onCancel={onClose}>
        {!access && (
          <Field label="Team">
            <Select required value={team} onChange={(e) => setTeam(e.target.value)}>
              <option value="">Choose…</option>
              {teams.map((t) => <option key={t.id} value={t.id}>{t.attributes.name}</option>)}
            </Select>
          </Field>
        )}
        <Levels levels={projectLevels} value={level} onChange={setLevel} />
        {level === 'custom' && (
          <div className="grid gap-x-8 gap-y-3 md:grid-cols-2">
            <section aria-label="The project"><h3 className="text-sm text-muted">The project</h3><CustomMatrix rows={projectParts} parts={ofProject} onChange={setOfProject} /></section>
            <section aria-label="Its workspaces"><h3 className="text-sm text-muted">Its workspaces</h3><CustomMatrix rows={workspacesOfProject} parts={inWorkspaces} onChange={setInWorkspaces} /></section>
          </div>
        )}
      </Form>
    </Dialog>
  )
}
