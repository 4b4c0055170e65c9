// The members of an organization, to choose from.
import { useQuery } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { refOf, refsOf } from '~/kernel/jsonapi'
import { cut, most } from '~/kernel/queries'

/** Person is a member who has accepted the invitation; teams are ids. */
export type Person = { id: string; name: string; email: string; membership: string; teams: string[] }

/** useMembers are the people of an organization, by name. */
export function useMembers(org: string) {
  return useQuery({ queryKey: ['organization-memberships', 'people', org], staleTime: 60_000, queryFn: ({ signal }) => members(org, signal) })
}

async function members(org: string, signal: AbortSignal): Promise<Person[]> {
  const out: Person[] = []
  for (let number = 1; out.length < most; number++) {
    const page = await api.list('/organizations/{organization}/organization-memberships', { organization: org }, { 'page[size]': 100, 'page[number]': number, include: 'user', 'filter[status]': 'active' }, signal)
    for (const m of page.items) {
      const user = page.included.get('users', refOf(m, 'user')?.id)
      if (user) out.push({ id: user.id, name: user.attributes.username ?? user.id, email: m.attributes.email ?? '', membership: m.id, teams: refsOf(m, 'teams').map((t) => t.id) })
    }
    if (page.pagination.next === null) break
    if (out.length >= most) cut.set('people')
  }
  return out.toSorted((a, b) => a.name.localeCompare(b.name))
}
