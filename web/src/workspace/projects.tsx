// The projects of an organization: workspaces that belong together, and their access.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { useOrganization } from '~/kernel/session'
import { Button, IconButton, LinkButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { Page, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'

type Project = Resource<'projects'>

export const projectsRoute = createRoute({ getParentRoute: () => orgRoute, path: '/projects', staticData: { crumb: () => 'Projects' }, component: Projects })

function Projects() {
  const { org } = projectsRoute.useParams()
  const can = useOrganization(org).attributes.permissions
  const [editing, setEditing] = useState<Project | 'new'>()
  const [removing, setRemoving] = useState<Project>()
  const { data, error, refetch } = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  const remove = useChange(['projects'], (p: Project) => api.remove('/projects/{id}', { id: p.id }), () => setRemoving(undefined))
  return (
    <Page title="Projects" about="Workspaces that belong together share access, variables and settings." actions={can['can-create-project'] && <Button look="primary" icon="plus" onClick={() => setEditing('new')}>New project</Button>}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      <Panel>
        {!data && !error && <SkeletonRows rows={4} />}
        <ul>
          {data?.map((p) => (
            <li key={p.id} className="relative flex min-h-14 items-center gap-3 border-b border-line px-4 py-2 last:border-0 hover:bg-hover">
              <Icon name="project" className="text-muted" />
              <div className="min-w-0 flex-1">
                <Link to="/$org/workspaces" params={{ org }} search={{ project: p.id }} className="font-medium after:absolute after:inset-0 hover:text-accent">{p.attributes.name}</Link>
                {p.attributes.description && <p className="truncate text-sm text-muted">{p.attributes.description}</p>}
              </div>
              {p.attributes['workspace-count'] !== null && <span className="text-sm text-muted tabular max-sm:hidden">{count(p.attributes['workspace-count'], 'workspace')}</span>}
              <span className="relative z-10 flex">
                {p.attributes.permissions['can-update'] && <LinkButton small look="quiet" icon="bell" to="/$org/projects/$project/notifications" params={{ org, project: p.id }} aria-label={`Notifications of ${p.attributes.name}`} title={`Notifications of ${p.attributes.name}`} />}
                {p.attributes.permissions['can-update'] && <IconButton small icon="pencil" label={`Change ${p.attributes.name}`} onClick={() => setEditing(p)} />}
                {p.attributes.permissions['can-destroy'] && <IconButton small icon="trash" label={`Delete ${p.attributes.name}`} onClick={() => setRemoving(p)} />}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
      {editing && <Edit org={org} project={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing)} onClose={() => setRemoving(undefined)}>
          <p>Only an empty project can be deleted: move or delete its workspaces first.</p>
        </Confirm>
      )}
    </Page>
  )
}

function Edit({ org, project, onClose }: { org: string; project: Project | undefined; onClose: () => void }) {
  const [f, setF] = useState({ name: project?.attributes.name ?? '', description: project?.attributes.description ?? '' })
  const change = useChange(
    ['projects'],
    () => (project ? api.update('/projects/{id}', { id: project.id }, body('projects', f, undefined, project.id)) : api.create('/organizations/{organization}/projects', { organization: org }, body('projects', f))),
    () => {
      onClose()
      toast(project ? 'The project is changed.' : 'The project is made.')
    },
  )
  return (
    <FormDialog title={project ? 'Change the project' : 'New project'} action={project ? 'Save' : 'Create'} change={change} shows={['name']} onClose={onClose}>
      <Field label="Name" error={fieldsOf(change.error).name}><Input required autoFocus value={f.name} onChange={(e) => setF({ ...f, name: e.target.value })} /></Field>
      <Field label="Description" optional><Input value={f.description} onChange={(e) => setF({ ...f, description: e.target.value })} /></Field>
    </FormDialog>
  )
}
