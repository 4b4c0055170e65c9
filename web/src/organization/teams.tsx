// Teams: who is in them and what they may do in the whole organization, in sentences.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { flags } from './permissions'
import { settingsRoute, useCan } from './frame'

export const teamsRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/teams', component: Teams })

function Teams() {
  const { org } = teamsRoute.useParams()
  const can = useCan(org)
  const navigate = teamsRoute.useNavigate()
  const [creating, setCreating] = useState(false)
  const { data, error, refetch } = useQuery(allQuery('teams', '/organizations/{organization}/teams', { organization: org }))
  return (
    <>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel title="Teams" actions={can['can-create-team'] && <Button small icon="plus" onClick={() => setCreating(true)}>New team</Button>}>
        {!data && !error && <SkeletonRows rows={4} />}
        {data && (
          <Table
            label="Teams"
            items={data}
            keyOf={(t) => t.id}
            columns={[
              { name: 'Team', cell: (t) => <Link to="/$org/settings/teams/$team" params={{ org, team: t.id }} className="font-medium hover:text-accent">{t.attributes.name}</Link> },
              { name: 'People', className: 'w-28', cell: (t) => count(t.attributes['users-count'], 'person', 'people') },
              { name: 'May, in the whole organization', className: 'max-md:hidden', cell: (t) => <Summary team={t} /> },
              { name: 'Seen by', className: 'w-36 max-sm:hidden', cell: (t) => <Badge>{t.attributes.visibility === 'organization' ? 'everybody' : 'its members'}</Badge> },
            ]}
          />
        )}
      </Panel>
      {creating && <Create org={org} onClose={() => setCreating(false)} onCreated={(t) => void navigate({ to: '/$org/settings/teams/$team', params: { org, team: t.id } })} />}
    </>
  )
}

function Summary({ team }: { team: Resource<'teams'> }) {
  if (team.attributes.name === 'owners') return <span>everything</span>
  const has = flags.filter((f) => (team.attributes['organization-access'] as Record<string, unknown> | undefined)?.[f.name] === true)
  if (has.length === 0) return <span className="text-faint">nothing by itself</span>
  return <span className="text-sm text-muted">{has.slice(0, 3).map((f) => f.short).join(', ')}{has.length > 3 && `, ${has.length - 3} more`}</span>
}

function Create({ org, onClose, onCreated }: { org: string; onClose: () => void; onCreated: (t: Resource<'teams'>) => void }) {
  const [name, setName] = useState('')
  const change = useChange(['teams'], () => api.create('/organizations/{organization}/teams', { organization: org }, body('teams', { name })), ({ item }) => onCreated(item))
  return (
    <FormDialog title="New team" action="Create" change={change} onClose={onClose}>
      <Field label="Name" error={fieldsOf(change.error).name}>
        <Input value={name} onChange={(e) => setName(e.target.value)} required autoFocus />
      </Field>
    </FormDialog>
  )
}
