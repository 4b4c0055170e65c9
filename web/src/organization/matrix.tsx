// Who may do what in the whole organization: rows are what, columns are teams; or one person,
// and why they may.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { count } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery } from '~/kernel/queries'
import { textIn } from '~/kernel/search'
import { Badge, Tag } from '~/ui/Badge'
import { Dialog } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { groups, levelOf, levelWord, type Right } from './rights'
import { settingsRoute } from './frame'
import { useMembers } from './people'
import { TeamAccess } from './teamAccess'

type Team = Resource<'teams'>

export const rightsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/rights',
  validateSearch: (s: Record<string, unknown>): { person?: string } => ({ person: textIn(s.person) }),
  component: WhoMayWhat,
})

/** Person is a member with the teams that they are in; id is that of the membership. */
type Person = { id: string; name: string; teams: Team[] }

function usePeople(org: string, teams: Team[] | undefined) {
  const { data, error, refetch } = useMembers(org)
  const people: Person[] | undefined = teams && data?.map((m) => ({ id: m.membership, name: m.name, teams: teams.filter((t) => m.teams.includes(t.id)) }))
  return { people, error, refetch }
}

function WhoMayWhat() {
  const { org } = rightsRoute.useParams()
  const { person: id } = rightsRoute.useSearch()
  const navigate = rightsRoute.useNavigate()
  const { data, error, refetch } = useQuery(allQuery('teams', '/organizations/{organization}/teams', { organization: org }))
  const teams = data?.toSorted((a, b) => Number(b.attributes.name === 'owners') - Number(a.attributes.name === 'owners'))
  const { people, error: wrong, refetch: again } = usePeople(org, teams)
  const person = people?.find((p) => p.id === id)
  const failure = error ?? wrong
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-2">
        <Select aria-label="Whose rights" className="w-56! max-sm:w-full!" value={person?.id ?? ''} onChange={(e) => void navigate({ search: { person: e.target.value || undefined }, replace: true })}>
          <option value="">All teams</option>
          <optgroup label="One person">{people?.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}</optgroup>
        </Select>
        <p className="text-sm text-muted">{person ? 'What they may do, and because of which team.' : 'What teams may do in the whole organization. Rights in single projects and workspaces are on their pages, under Access.'}</p>
      </div>
      {failure && <Failure error={failure} retry={() => void (error ? refetch() : again())} className="mb-4" />}
      {!failure && !(teams && people) && <Panel><SkeletonRows rows={8} /></Panel>}
      {teams && people && !person && <ByTeam org={org} teams={teams} people={people} />}
      {person && <OfPerson org={org} person={person} />}
    </>
  )
}

function ByTeam({ org, teams, people }: { org: string; teams: Team[]; people: Person[] }) {
  const [asked, setAsked] = useState<Right>()
  return (
    <Panel>
      <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Rights of teams, to be scrolled">
        <table aria-label="Rights of teams" className="w-full border-collapse text-left">
          <thead>
            <tr className="border-b border-line text-sm">
              <th scope="col" className="sticky left-0 z-10 h-11 min-w-44 bg-surface px-4 font-medium text-muted">Right</th>
              {teams.map((t) => (
                <th key={t.id} scope="col" className="px-3 text-center font-medium whitespace-nowrap">
                  <Link to="/$org/settings/teams/$team" params={{ org, team: t.id }} className="block max-w-40 truncate hover:text-accent" title={t.attributes.name}>{t.attributes.name}</Link>
                  <span className="block text-xs font-normal text-muted">{count(t.attributes['users-count'], 'person', 'people')}</span>
                </th>
              ))}
              <th scope="col" className="w-24 px-4 text-right font-medium text-muted">Who</th>
            </tr>
          </thead>
          {groups.map((g) => (
            <tbody key={g.title} className="border-b border-line last:border-0">
              <tr><th scope="rowgroup" colSpan={teams.length + 2} className="bg-sunken px-4 py-1.5 text-sm font-medium text-muted"><span className="sticky left-4">{g.title}</span></th></tr>
              {g.rights.map((r) => (
                <tr key={r.name} className="border-t border-line hover:bg-hover">
                  <th scope="row" className="sticky left-0 z-10 h-10 bg-surface px-4 font-medium" title={typeof r.help === 'string' ? r.help : undefined}>{r.title}</th>
                  {teams.map((t) => <td key={t.id} className="px-3 text-center"><Level right={r} level={levelOf(t, r)} /></td>)}
                  <td className="px-4 text-right"><Who right={r} people={people} onAsk={() => setAsked(r)} /></td>
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
      {asked && <Holders right={asked} people={people} onClose={() => setAsked(undefined)} />}
    </Panel>
  )
}

/** Level is how much of a right there is; nothing is a dash. */
function Level({ right, level }: { right: Right; level: string }) {
  if (level === 'none') return <span className="text-faint"><span aria-hidden="true">–</span><span className="sr-only">no</span></span>
  return <Badge tone={level === 'read' ? 'idle' : 'accent'}>{levelWord(right, level)}</Badge>
}

/** best is the most that a person may of a right, and the teams that give it. */
function best(p: Person, r: Right): { level: string; teams: Team[] } {
  const level = r.options.findLast((o) => p.teams.some((t) => levelOf(t, r) === o.value))?.value ?? 'none'
  return { level, teams: level === 'none' ? [] : p.teams.filter((t) => levelOf(t, r) === level) }
}

function Who({ right, people, onAsk }: { right: Right; people: Person[]; onAsk: () => void }) {
  const n = people.filter((p) => best(p, right).level !== 'none').length
  if (n === 0) return <span className="text-sm text-faint">nobody</span>
  return <button type="button" aria-label={`${count(n, 'person', 'people')}: ${right.title}`} className="text-sm whitespace-nowrap text-accent hover:underline" onClick={onAsk}>{count(n, 'person', 'people')}</button>
}

function Holders({ right, people, onClose }: { right: Right; people: Person[]; onClose: () => void }) {
  const holders = people.map((p) => ({ ...p, ...best(p, right) })).filter((p) => p.level !== 'none')
  return (
    <Dialog title={`Who has this right: ${right.title}`} onClose={onClose}>
      <p className="mb-3 text-muted">{right.help}</p>
      <ul className="divide-y divide-line">
        {holders.map((p) => (
          <li key={p.id} className="flex items-center gap-3 py-2">
            <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1"><span className="min-w-32 flex-1 font-medium wrap-anywhere">{p.name}</span><Because teams={p.teams} /></span>
            <Level right={right} level={p.level} />
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

function Because({ teams }: { teams: Team[] }) {
  return <span className="flex flex-wrap items-center gap-1 text-sm text-muted">as {teams.some((t) => t.attributes.name === 'owners') ? 'an owner' : <>a member of {teams.map((t) => <Tag key={t.id}>{t.attributes.name}</Tag>)}</>}</span>
}

function OfPerson({ org, person: p }: { org: string; person: Person }) {
  const owner = p.teams.some((t) => t.attributes.name === 'owners')
  const has = groups.map((g) => ({ ...g, rights: g.rights.filter((r) => best(p, r).level !== 'none') })).filter((g) => g.rights.length > 0)
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <Panel title={<>{p.name} <span className="font-normal text-muted">may, in the whole organization</span></>}>
        {p.teams.length === 0 && <p className="px-4 py-3 text-muted">Nothing: they are in no team. An owner, or who manages teams, puts them into one on its page.</p>}
        {owner && <p className="flex items-center gap-2 px-4 py-3"><Icon name="check" className="text-ok" />Everything, as an owner.</p>}
        {!owner && p.teams.length > 0 && has.length === 0 && <p className="px-4 py-3 text-muted">Nothing by their teams alone. What the teams may in single projects and workspaces is beside.</p>}
        {!owner && has.map((g) => (
          <section key={g.title} aria-label={g.title} className="border-b border-line px-4 py-2 last:border-0">
            <h3 className="py-1 text-sm font-medium text-muted">{g.title}</h3>
            <ul>
              {g.rights.map((r) => {
                const b = best(p, r)
                return (
                  <li key={r.name} className="flex min-h-9 items-center gap-3 py-1">
                    <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1"><span className="min-w-36 flex-1 font-medium">{r.title}</span><Because teams={b.teams} /></span>
                    <Level right={r} level={b.level} />
                  </li>
                )
              })}
            </ul>
          </section>
        ))}
      </Panel>
      <div className="min-w-0 space-y-4">
        <Panel title="Teams">
          {p.teams.length === 0 && <p className="px-4 py-3 text-muted">None.</p>}
          <ul>{p.teams.map((t) => <li key={t.id} className="border-b border-line last:border-0"><Link to="/$org/settings/teams/$team" params={{ org, team: t.id }} className="flex h-10 items-center gap-2 px-4 hover:bg-hover"><Icon name="people" className="text-muted" />{t.attributes.name}</Link></li>)}</ul>
        </Panel>
        {!owner && p.teams.map((t) => <TeamAccess key={t.id} org={org} team={t.id} title={`In projects and workspaces, by ${t.attributes.name}`} />)}
      </div>
    </div>
  )
}
