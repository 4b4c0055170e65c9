// The projects of an organization: workspaces that belong together, and their access.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { Page, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'

export const projectsRoute = createRoute({ getParentRoute: () => orgRoute, path: '/projects', staticData: { crumb: () => 'Projects' }, component: Projects })

function Projects() {
  const { org } = projectsRoute.useParams()
  const navigate = projectsRoute.useNavigate()
  const can = useOrganization(org).attributes.permissions
  const [creating, setCreating] = useState(false)
  const { data, error, refetch } = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  return (
    <Page title="Projects" about="Workspaces that belong together share access, variables and settings." actions={can['can-create-project'] && <Button look="primary" icon="plus" onClick={() => setCreating(true)}>New project</Button>}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      <Panel>
        {!data && !error && <SkeletonRows rows={4} />}
        <ul>
          {data?.map((p) => (
            <li key={p.id} className="relative flex min-h-14 items-center gap-3 border-b border-line px-4 py-2 last:border-0 hover:bg-hover">
              <Icon name="project" className="text-muted" />
              <div className="min-w-0 flex-1">
                <Link to="/$org/projects/$project" params={{ org, project: p.id }} className="font-medium after:absolute after:inset-0 hover:text-accent">{p.attributes.name}</Link>
                {p.attributes.description && <p className="truncate text-sm text-muted">{p.attributes.description}</p>}
              </div>
              {p.attributes['team-count'] !== null && p.attributes['team-count'] > 0 && <span className="text-sm text-muted tabular max-sm:hidden">{count(p.attributes['team-count'], 'team')}</span>}
              {p.attributes['workspace-count'] !== null && <span className="w-32 text-right text-sm text-muted tabular max-sm:hidden">{count(p.attributes['workspace-count'], 'workspace')}</span>}
              <Icon name="right" className="text-faint" />
            </li>
          ))}
        </ul>
      </Panel>
      {creating && <Create org={org} onClose={() => setCreating(false)} onCreated={(id) => void navigate({ to: '/$org/projects/$project', params: { org, project: id } })} />}
    </Page>
  )
}

function Create({ org, onClose, onCreated }: { org: string; onClose: () => void; onCreated: (id: string) => void }) {
  const [f, setF] = useState({ name: '', description: '' })
  const change = useChange(['projects'], () => api.create('/organizations/{organization}/projects', { organization: org }, body('projects', f)), ({ item }) => onCreated(item.id))
  return (
    <FormDialog title="New project" action="Create" change={change} onClose={onClose}>
      <Field label="Name" error={fieldsOf(change.error).name}><Input required autoFocus value={f.name} onChange={(e) => setF({ ...f, name: e.target.value })} /></Field>
      <Field label="Description" optional error={fieldsOf(change.error).description}><Input value={f.description} onChange={(e) => setF({ ...f, description: e.target.value })} /></Field>
    </FormDialog>
  )
}
