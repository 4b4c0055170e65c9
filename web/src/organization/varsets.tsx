// Sets of variables that several workspaces share.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, refsOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { VariablesPanel } from '~/workspace/variableForm'
import { settingsRoute, useCan } from './frame'

type Set = Resource<'varsets'>

export const varsetsRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/varsets', component: Varsets })
export const varsetRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/varsets/$varset', component: Varset })

function Varsets() {
  const { org } = varsetsRoute.useParams()
  const can = useCan(org)
  const navigate = varsetsRoute.useNavigate()
  const [creating, setCreating] = useState(false)
  const { data, error } = useQuery(allQuery('varsets', '/organizations/{organization}/varsets', { organization: org }))
  const button = can['can-manage-varsets'] && <Button small icon="plus" onClick={() => setCreating(true)}>New set</Button>
  return (
    <Panel title="Variable sets" actions={button}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.length === 0 && <Empty icon="variable" title="No variable sets"><p>Credentials and settings that many workspaces need are kept once, in a set.</p></Empty>}
      {data && data.length > 0 && (
        <Table
          label="Variable sets"
          items={data}
          keyOf={(s) => s.id}
          columns={[
            {
              name: 'Set',
              cell: (s) => (
                <div>
                  <Link to="/$org/settings/varsets/$varset" params={{ org, varset: s.id }} className="font-medium hover:text-accent">{s.attributes.name}</Link>
                  <p className="text-sm text-muted">{s.attributes.description}</p>
                </div>
              ),
            },
            { name: 'Variables', className: 'w-28 max-sm:hidden', cell: (s) => s.attributes['var-count'] },
            { name: 'Applies to', className: 'w-64', cell: (s) => <Applies set={s} /> },
          ]}
        />
      )}
      {creating && <Edit org={org} onClose={() => setCreating(false)} onSaved={(s) => void navigate({ to: '/$org/settings/varsets/$varset', params: { org, varset: s.id } })} />}
    </Panel>
  )
}

function Applies({ set: s }: { set: Set }) {
  const a = s.attributes
  return (
    <span className="flex flex-wrap gap-1">
      {a.global ? <Badge tone="info">everywhere</Badge> : <Badge>{[count(a['workspace-count'], 'workspace'), count(a['project-count'], 'project')].join(', ')}</Badge>}
      {a.priority && <Badge tone="warn">wins</Badge>}
    </span>
  )
}

function Varset() {
  const { org, varset: id } = varsetRoute.useParams()
  const navigate = varsetRoute.useNavigate()
  const { data, error } = useQuery(readQuery('varsets', '/varsets/{id}', { id }, { include: 'workspaces,projects' }))
  const vars = useQuery(allQuery('vars', '/varsets/{varset}/relationships/vars', { varset: id }))
  const [open, setOpen] = useState<'edit' | 'delete'>()
  const remove = useChange(['varsets'], () => api.remove('/varsets/{id}', { id }), () => navigate({ to: '/$org/settings/varsets', params: { org } }))
  if (error) return <Failure error={error} />
  if (!data) return <Panel><SkeletonRows /></Panel>
  const set = data.item
  const may = set.attributes.permissions['can-update']
  const names = [...refsOf(set, 'projects').map((r) => data.included.get('projects', r.id)?.attributes.name), ...refsOf(set, 'workspaces').map((r) => data.included.get('workspaces', r.id)?.attributes.name)]
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <div className="flex items-center gap-3"><h2 className="text-xl">{set.attributes.name}</h2><Applies set={set} /></div>
          <p className="text-muted">{set.attributes.description}</p>
          {names.length > 0 && <p className="text-sm text-muted">{names.filter(Boolean).join(', ')}</p>}
        </div>
        {may && (
          <span className="flex gap-2">
            <Button icon="pencil" onClick={() => setOpen('edit')}>Change</Button>
            <Button look="danger" icon="trash" onClick={() => setOpen('delete')}>Delete</Button>
          </span>
        )}
      </div>
      <VariablesPanel
        title="Variables"
        list={vars.data}
        mayChange={may}
        create={(document) => api.create('/varsets/{varset}/relationships/vars', { varset: id }, document)}
        update={(v, document) => api.update('/varsets/{varset}/relationships/vars/{id}', { varset: id, id: v }, document)}
        remove={(v) => api.remove('/varsets/{varset}/relationships/vars/{id}', { varset: id, id: v })}
        empty="Every workspace that the set applies to gets its variables."
      />
      {open === 'edit' && <Edit org={org} set={set} onClose={() => setOpen(undefined)} onSaved={() => setOpen(undefined)} />}
      {open === 'delete' && (
        <Confirm title={`Delete the set ${set.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(undefined)}>
          <p>Its variables are gone from all workspaces that it applies to, with the next run of each.</p>
        </Confirm>
      )}
    </div>
  )
}

function Edit({ org, set, onClose, onSaved }: { org: string; set?: Set; onClose: () => void; onSaved: (s: Set) => void }) {
  const projects = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  const [f, setF] = useState({ name: set?.attributes.name ?? '', description: set?.attributes.description ?? '', global: set?.attributes.global ?? false, priority: set?.attributes.priority ?? false })
  const [chosen, setChosen] = useState<string[]>(refsOf(set, 'projects').map((r) => r.id))
  const change = useChange(
    ['varsets'],
    () => {
      const document = body('varsets', f, f.global ? undefined : { projects: chosen.map((id) => ({ type: 'projects', id })) }, set?.id)
      return set ? api.update('/varsets/{id}', { id: set.id }, document) : api.create('/organizations/{organization}/varsets', { organization: org }, document)
    },
    ({ item }) => onSaved(item),
  )
  return (
    <FormDialog title={set ? 'Change the set' : 'New variable set'} action={set ? 'Save' : 'Create'} change={change} shows={['name']} onClose={onClose}>
      <Field label="Name" error={fieldsOf(change.error).name}><Input required autoFocus value={f.name} onChange={(e) => setF({ ...f, name: e.target.value })} /></Field>
      <Field label="Description" optional><Input value={f.description} onChange={(e) => setF({ ...f, description: e.target.value })} /></Field>
      <fieldset className="space-y-2.5">
        <legend className="mb-1.5 font-medium">Applies to</legend>
        <Choice type="radio" name="scope" label="Everything in the organization" checked={f.global} onChange={() => setF({ ...f, global: true })} />
        <Choice type="radio" name="scope" label="These projects" checked={!f.global} onChange={() => setF({ ...f, global: false })} />
        {!f.global && (
          <div className="max-h-40 space-y-2 overflow-y-auto pl-6">
            {projects.data?.map((p) => <Choice key={p.id} label={p.attributes.name} checked={chosen.includes(p.id)} onChange={(e) => setChosen(e.target.checked ? [...chosen, p.id] : chosen.filter((c) => c !== p.id))} />)}
          </div>
        )}
      </fieldset>
      <Choice label="Wins over variables of the workspace" checked={f.priority} onChange={(e) => setF({ ...f, priority: e.target.checked })} />
    </FormDialog>
  )
}
