// Which teams may do what in a workspace.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, type Resource } from '~/kernel/jsonapi'
import { useChange, wholeQuery } from '~/kernel/queries'
import { workspaceLevels } from '~/organization/permissions'
import { teamsQuery, useTeams } from '~/organization/team'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Select } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { CustomMatrix, workspaceParts, type Parts } from './custom'
import { useWorkspace } from './current'
import { WorkspaceElsewhere } from './elsewhere'
import { workspaceRoute } from './frame'

type Access = Resource<'team-workspaces'>

export const accessRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/access', component: AccessPage })

function AccessPage() {
  const { org, workspace: w, project } = useWorkspace()
  const [editing, setEditing] = useState<Access | 'new'>()
  const [removing, setRemoving] = useState<Access>()
  const named = useQuery(teamsQuery(org))
  const { data, error } = useQuery(wholeQuery('team-workspaces', '/team-workspaces', {}, { 'filter[workspace][id]': w.id }))
  const remove = useChange(['team-workspaces'], (id: string) => api.remove('/team-workspaces/{access}', { access: id }), () => setRemoving(undefined))
  const nameOf = (a: Access) => named.data?.find((t) => t.id === refOf(a, 'team')?.id)?.attributes.name ?? refOf(a, 'team')?.id ?? ''
  return (
    <InOrder className="space-y-4">
    <Panel title="Access of teams" actions={<Button small icon="plus" onClick={() => setEditing('new')}>Give access</Button>}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {((!data && !error) || named.isPending) && <SkeletonRows rows={3} />}
      {data?.items.length === 0 && <Empty icon="people" title="No team has access to this workspace alone"><p>Owners, and teams with rights in the project or the whole organization, have theirs from there.</p></Empty>}
      {data && data.items.length > 0 && !named.isPending && (
        <Table
          label="Access of teams"
          items={data.items}
          keyOf={(a) => a.id}
          columns={[
            { name: 'Team', className: 'sm:w-1/3', cell: (a) => <><span className="font-medium wrap-anywhere">{nameOf(a)}</span><span className="mt-1 block sm:hidden"><Level access={a} /></span></> },
            { name: 'May', className: 'max-sm:hidden', cell: (a) => <Level access={a} /> },
            {
              name: <span className="sr-only">Actions</span>, className: 'w-24 text-right whitespace-nowrap max-sm:align-top',
              cell: (a) => (
                <span className="inline-flex max-sm:gap-2">
                  <IconButton small icon="pencil" label={`Change the access of ${nameOf(a)}`} onClick={() => setEditing(a)} />
                  <IconButton small icon="trash" label={`Take the access of ${nameOf(a)}`} onClick={() => setRemoving(a)} />
                </span>
              ),
            },
          ]}
        />
      )}
      {editing && <Edit org={org} workspace={w.id} access={editing === 'new' ? undefined : editing} taken={data?.items.map((a) => refOf(a, 'team')?.id ?? '') ?? []} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Take the access of ${nameOf(removing)}?`} action="Take it" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Its members lose what only this access gives them in the workspace.</p>
        </Confirm>
      )}
    </Panel>
    <WorkspaceElsewhere org={org} project={project} />
    </InOrder>
  )
}

function Level({ access: a }: { access: Access }) {
  const level = workspaceLevels.find((l) => l.value === a.attributes.access)
  const words =
    a.attributes.access === 'custom'
      ? `Runs: ${a.attributes.runs}, variables: ${a.attributes.variables}, state: ${a.attributes['state-versions']}${a.attributes['workspace-locking'] ? ', locks' : ''}.`
      : level?.alone
  return <span className="flex flex-wrap items-center gap-2"><Badge tone="accent">{level?.label ?? a.attributes.access}</Badge><span className="text-sm text-muted">{words}</span></span>
}

function Edit({ org, workspace, access, taken, onClose }: { org: string; workspace: string; access: Access | undefined; taken: string[]; onClose: () => void }) {
  const teams = useTeams(org)
  const [team, setTeam] = useState('')
  const [level, setLevel] = useState<string>(access?.attributes.access ?? 'read')
  const [own, setOwn] = useState<Parts>(() => Object.fromEntries(workspaceParts.map((r) => [r.name, (access?.attributes as Parts | undefined)?.[r.name] ?? (r.name === 'runs' ? 'read' : r.options[0]?.value === 'false' ? false : 'none')])))
  const attributes = { access: level, ...(level === 'custom' && own) }
  const change = useChange(
    ['team-workspaces'],
    () =>
      access
        ? api.update('/team-workspaces/{access}', { access: access.id }, body('team-workspaces', attributes, undefined, access.id))
        : api.create('/team-workspaces', {}, body('team-workspaces', attributes, { team: { type: 'teams', id: team }, workspace: { type: 'workspaces', id: workspace } })),
    onClose,
  )
  return (
    <FormDialog title={access ? 'Change the access' : 'Give a team access'} action="Save" change={change} onClose={onClose}>
      {!access && (
        <Field label="Team">
          <Select required value={team} onChange={(e) => setTeam(e.target.value)}>
            <option value="">Choose…</option>
            {teams.filter((t) => t.attributes.name !== 'owners' && !taken.includes(t.id)).map((t) => <option key={t.id} value={t.id}>{t.attributes.name}</option>)}
          </Select>
        </Field>
      )}
      <Levels levels={workspaceLevels} value={level} onChange={setLevel} />
      {level === 'custom' && (
        <CustomMatrix rows={workspaceParts} parts={own} onChange={setOwn} />
      )}
    </FormDialog>
  )
}

/** Levels is the choice among named sets of rights. */
export function Levels({ levels, value, onChange }: { levels: readonly { value: string; label: string; help: string }[]; value: string; onChange: (v: string) => void }) {
  return (
    <fieldset className="space-y-1">
      <legend className="mb-1.5 font-medium">May</legend>
      {levels.map((l) => (
        <label key={l.value} className="flex cursor-pointer items-baseline gap-2.5 rounded-md px-2 py-1.5 hover:bg-hover has-checked:bg-accent-soft">
          <input type="radio" name="level" className="accent-accent" checked={value === l.value} onChange={() => onChange(l.value)} />
          <span className="w-16 font-medium">{l.label}</span>
          <span className="text-sm text-muted">{l.help}</span>
        </label>
      ))}
    </fieldset>
  )
}
