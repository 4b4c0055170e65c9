// One team: its members, its rights in the organization, its tokens.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { Notifications } from '~/governance/Notifications'
import { Tokens } from '~/identity/tokens'
import * as api from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, readQuery, useChange, wholeQuery } from '~/kernel/queries'
import { Avatar } from '~/ui/Avatar'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Panel, useDetail } from '~/ui/Page'
import { Picker, type Pick } from '~/ui/Picker'
import { SkeletonRows } from '~/ui/Skeleton'
import { toastError } from '~/ui/Toast'
import { useMembers } from './people'
import { Rights } from './rights'
import { TeamAccess } from './teamAccess'
import { TeamSettings } from './teamSettings'
import { settingsRoute } from './frame'

type Team = Resource<'teams'>

export const teamRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/teams/$team', component: TeamPage })

function TeamPage() {
  const { org, team: id } = teamRoute.useParams()
  const navigate = teamRoute.useNavigate()
  const { data, error } = useQuery(readQuery('teams', '/teams/{team}', { team: id }, { include: 'users,organization-memberships' }))
  const [deleting, setDeleting] = useState(false)
  const [editing, setEditing] = useState(false)
  const remove = useChange(['teams'], () => api.remove('/teams/{team}', { team: id }), () => navigate({ to: '/$org/settings/teams', params: { org } }))
  useDetail(data?.item.attributes.name)
  if (error) return <Failure error={error} />
  if (!data) return <Panel><SkeletonRows /></Panel>
  const team = data.item
  const may = team.attributes.permissions
  return (
    <InOrder className="space-y-4">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <span className="flex flex-wrap items-center gap-3">
          <h2 className="text-xl">{team.attributes.name}</h2>
          <Badge icon={team.attributes.visibility === 'secret' ? 'lock' : 'eye'}>{team.attributes.visibility === 'secret' ? 'only its members know of it' : 'everybody knows of it'}</Badge>
        </span>
        <span className="flex gap-2">
        {may['can-update-visibility'] && <Button icon="pencil" onClick={() => setEditing(true)}>Change</Button>}
        {may['can-destroy'] && team.attributes.name !== 'owners' && <Button look="danger" icon="trash" onClick={() => setDeleting(true)}>Delete</Button>}
        </span>
      </div>
      <InOrder below="lg" className="grid items-start gap-4 lg:grid-cols-[20rem_minmax(0,1fr)]">
        <div className="min-w-0 space-y-4">
          <Members org={org} team={team} users={data.included.all('users')} />
          {team.attributes.name !== 'owners' && <TeamAccess org={org} team={team.id} />}
        </div>
        <Rights team={team} />
      </InOrder>
      {editing && <TeamSettings team={team} onClose={() => setEditing(false)} />}
      {may['can-update-api-token'] && (
        <Tokens
          title="Tokens of the team"
          can="Whoever has one can do what the team may do. They are for pipelines, not for people."
          query={wholeQuery('authentication-tokens', '/teams/{id}/authentication-tokens', { id })}
          create={(document) => api.create('/teams/{id}/authentication-tokens', { id }, document)}
        />
      )}
      {may['can-update-membership'] && <Notifications org={org} place={{ kind: 'teams', id }} about="A team is told of change requests. This server makes none yet; a notification can be made and verified." />}
      {deleting && (
        <Confirm title={`Delete the team ${team.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setDeleting(false)}>
          <p>Its members lose what only it may do, and its tokens stop working.</p>
        </Confirm>
      )}
    </InOrder>
  )
}

function Members({ org, team, users }: { org: string; team: Team; users: Resource<'users'>[] }) {
  const [adding, setAdding] = useState(false)
  const may = team.attributes.permissions['can-update-membership']
  const path = api.address('/teams/{team}/relationships/users', { team: team.id })
  const change = (method: string) => (name: string) => api.send(method, path, { data: [{ type: 'users', id: name }] })
  const remove = useChange(['teams', 'organization-memberships'], change('DELETE'))
  return (
    <Panel title={`Members (${users.length})`} actions={may && <Button small icon="plus" onClick={() => setAdding(true)}>Add</Button>}>
      {users.length === 0 && <p className="px-4 py-3 text-muted">Nobody yet.</p>}
      <ul>
        {users.map((u) => (
          <li key={u.id} className="flex h-11 items-center gap-2.5 border-b border-line px-4 last:border-0">
            <Avatar name={u.attributes.username ?? '?'} />
            <span className="min-w-0 flex-1 truncate">{u.attributes.username}</span>
            {may && <IconButton small icon="cross" label={`Take ${u.attributes.username} out of the team`} onClick={() => remove.mutate(u.attributes.username ?? '', { onError: toastError })} />}
          </li>
        ))}
      </ul>
      {adding && <Add org={org} present={users.map((u) => u.id)} add={change('POST')} onClose={() => setAdding(false)} />}
    </Panel>
  )
}

function Add({ org, present, add, onClose }: { org: string; present: string[]; add: (name: string) => Promise<unknown>; onClose: () => void }) {
  const people = useMembers(org)
  const free = (people.data ?? []).filter((p) => !present.includes(p.id))
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState<readonly Pick[]>([])
  const found = free.filter((p) => `${p.name} ${p.email}`.toLowerCase().includes(text.trim().toLowerCase()))
  const change = useChange(['teams', 'organization-memberships'], () => add(chosen[0]?.name ?? ''), () => onClose())
  return (
    <FormDialog title="Add to the team" action="Add" change={change} disabled={chosen.length === 0} onClose={onClose}>
      {people.error && <Failure error={people.error} retry={() => void people.refetch()} />}
      <Picker single what="people" text={text} onText={setText} chosen={chosen} found={people.data && found.slice(0, 50).map((p) => ({ id: p.id, name: p.name, about: p.email }))} onChange={setChosen} />
    </FormDialog>
  )
}

/** teamsQuery are the teams that can be given access. */
export const teamsQuery = (org: string) => allQuery('teams', '/organizations/{organization}/teams', { organization: org })

/** useTeams are the teams that can be given access, none before they are known. */
export function useTeams(org: string) {
  return useQuery(teamsQuery(org)).data ?? []
}
