// Who is logged in. The session is a cookie that scripts cannot read; the login pages set it.
import { queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import * as api from './api'
import { allQuery } from './queries'

/** meQuery is the user of the session. */
export const meQuery = queryOptions({
  queryKey: ['users', 'me'],
  queryFn: async ({ signal }) => (await api.read('/account/details', {}, {}, signal)).item,
  staleTime: 5 * 60_000,
})

/** useMe is the user of the session. Routes below the shell have loaded it. */
export function useMe() {
  return useSuspenseQuery(meQuery).data
}

/** organizationsQuery are the organizations that the user belongs to. */
export const organizationsQuery = allQuery('organizations', '/organizations', {})

/** useOrganizations are those that the user belongs to. */
export function useOrganizations() {
  return useQuery(organizationsQuery).data ?? []
}

/** organizationQuery is one of them, with what the user may do there. */
export const organizationQuery = (org: string) =>
  queryOptions({
    queryKey: ['organizations', 'read', org],
    queryFn: async ({ signal }) => (await api.read('/organizations/{organization}', { organization: org }, {}, signal)).item,
    staleTime: 60_000,
  })

/** useOrganization is the one that the page is about; its attributes say what the user may do there. */
export function useOrganization(org: string) {
  return useSuspenseQuery(organizationQuery(org)).data
}

const lastKey = 'plumbline.organization'

/** lastOrganization is the one that was open last in this browser. */
export const lastOrganization = {
  get: () => localStorage.getItem(lastKey) ?? undefined,
  set: (org: string) => localStorage.setItem(lastKey, org),
}

/** logOut ends the session. It is a form, because the answer is the login page. */
export function logOut() {
  const form = document.createElement('form')
  form.method = 'post'
  form.action = '/app/logout'
  document.body.append(form)
  form.submit()
}
