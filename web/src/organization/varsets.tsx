// Sets of variables that several workspaces share.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { useDraft } from '~/kernel/draft'
import { body, refsOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel, useDetail } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Icon } from '~/ui/Icon'
import type { Pick } from '~/ui/Picker'
import { ProjectPicker, WorkspacePicker } from '~/workspace/picking'
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
      {data?.length === 0 && <Empty icon="variable" title="No variable sets" actions={button}><p>Credentials and settings that many workspaces need are kept once, in a set.</p></Empty>}
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
                  <p className="text-sm wrap-anywhere text-muted">{s.attributes.description}</p>
                  <p className="mt-1 flex flex-wrap items-center gap-2 text-sm text-muted sm:hidden"><Applies set={s} />{count(s.attributes['var-count'], 'variable')}</p>
                </div>
              ),
            },
            { name: 'Variables', className: 'w-28 max-sm:hidden', cell: (s) => s.attributes['var-count'] },
            { name: 'Applies to', className: 'w-64 max-sm:hidden', cell: (s) => <Applies set={s} /> },
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
      {a.global ? <Badge tone="info">everywhere</Badge> : <Badge>{[a['project-count'] > 0 && count(a['project-count'], 'project'), a['workspace-count'] > 0 && count(a['workspace-count'], 'workspace')].filter(Boolean).join(', ') || 'nothing yet'}</Badge>}
      {a.priority && <Badge tone="warn" title="Its variables win over those of workspaces">overrides</Badge>}
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
  useDetail(data?.item.attributes.name)
  if (error) return <Failure error={error} />
  if (!data) return <Panel><SkeletonRows /></Panel>
  const set = data.item
  const may = set.attributes.permissions['can-update']
  const present = {
    projects: refsOf(set, 'projects').map((r) => ({ id: r.id, name: data.included.get('projects', r.id)?.attributes.name ?? r.id })),
    workspaces: refsOf(set, 'workspaces').map((r) => ({ id: r.id, name: data.included.get('workspaces', r.id)?.attributes.name ?? r.id })),
  }
  return (
    <div className="space-y-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <div className="flex items-center gap-3"><h2 className="text-xl">{set.attributes.name}</h2><Applies set={set} /></div>
          <p className="text-muted">{set.attributes.description}</p>
          {present.projects.length + present.workspaces.length > 0 && (
            <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
              {present.projects.map((p) => <Link key={p.id} to="/$org/projects/$project" params={{ org, project: p.id }} className="inline-flex items-center gap-1 hover:text-accent"><Icon name="project" size={14} />{p.name}</Link>)}
              {present.workspaces.map((w) => <Link key={w.id} to="/$org/workspaces/$workspace" params={{ org, workspace: w.name }} className="inline-flex items-center gap-1 hover:text-accent"><Icon name="workspace" size={14} />{w.name}</Link>)}
            </p>
          )}
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
      {open === 'edit' && <Edit org={org} set={set} present={present} onClose={() => setOpen(undefined)} onSaved={() => setOpen(undefined)} />}
      {open === 'delete' && (
        <Confirm title={`Delete the set ${set.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(undefined)}>
          <p>Its variables are gone from all workspaces that it applies to, with the next run of each.</p>
        </Confirm>
      )}
    </div>
  )
}

type EditProps = { org: string; set?: Set; present?: { projects: Pick[]; workspaces: Pick[] }; onClose: () => void; onSaved: (s: Set) => void }

function Edit({ org, set, present, onClose, onSaved }: EditProps) {
  const draft = useDraft({
    name: set?.attributes.name ?? '', description: set?.attributes.description ?? '', global: set?.attributes.global ?? false, priority: set?.attributes.priority ?? false,
    projects: present?.projects ?? [], workspaces: present?.workspaces ?? [],
  })
  const { projects, workspaces, ...f } = draft.values
  const refs = (type: string, list: Pick[]) => list.map((p) => ({ type, id: p.id }))
  const change = useChange(
    ['varsets'],
    () => {
      const document = body('varsets', f, f.global ? undefined : { projects: refs('projects', projects), workspaces: refs('workspaces', workspaces) }, set?.id)
      return set ? api.update('/varsets/{id}', { id: set.id }, document) : api.create('/organizations/{organization}/varsets', { organization: org }, document)
    },
    ({ item }) => onSaved(item),
  )
  return (
    <FormDialog title={set ? 'Change the set' : 'New variable set'} action={set ? 'Save' : 'Create'} change={change} draft={draft} names={{ global: 'what it applies to', priority: 'what it overrides' }} onClose={onClose}>
      <Field label="Name" error={fieldsOf(change.error).name}><Input required autoFocus value={f.name} onChange={(e) => draft.set({ name: e.target.value })} /></Field>
      <Field label="Description" optional error={fieldsOf(change.error).description}><Input value={f.description} onChange={(e) => draft.set({ description: e.target.value })} /></Field>
      <fieldset className="space-y-2.5">
        <legend className="mb-1.5 font-medium">Applies to</legend>
        <Choice type="radio" name="scope" label="Everything in the organization" checked={f.global} onChange={() => draft.set({ global: true })} />
        <Choice type="radio" name="scope" label="Some projects and workspaces" checked={!f.global} onChange={() => draft.set({ global: false })} />
      </fieldset>
      {!f.global && (
        <div className="space-y-3">
          <section aria-label="Projects"><h3 className="mb-1 font-medium">All workspaces of these projects</h3><ProjectPicker org={org} chosen={projects} onChange={(picks) => draft.set({ projects: picks })} /></section>
          <section aria-label="Workspaces"><h3 className="mb-1 font-medium">These workspaces</h3><WorkspacePicker org={org} chosen={workspaces} onChange={(picks) => draft.set({ workspaces: picks })} /></section>
        </div>
      )}
      <Choice label="Override variables of workspaces" help="A variable of this set counts even where a workspace has one with the same key." checked={f.priority} onChange={(e) => draft.set({ priority: e.target.checked })} />
    </FormDialog>
  )
}
