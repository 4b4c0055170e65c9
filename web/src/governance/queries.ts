// Notifications of a workspace, a project or a team: each has addresses of its own.
import * as api from '~/kernel/api'
import { refsOf, type Resource } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'

/** Place is what notifications are about. */
export type Place = { kind: 'workspaces' | 'projects' | 'teams'; id: string }

/** Configuration is one notification: of what, and to where. */
export type Configuration = Resource<'notification-configurations'>

/** configurationsQuery are the notifications of a place. */
export function configurationsQuery({ kind, id }: Place) {
  if (kind === 'workspaces') return listQuery('notification-configurations', '/workspaces/{id}/notification-configurations', { id })
  if (kind === 'projects') return listQuery('notification-configurations', '/projects/{id}/notification-configurations', { id })
  return listQuery('notification-configurations', '/teams/{team}/notification-configurations', { team: id })
}

/** create makes a notification in a place. */
export function create({ kind, id }: Place, document: unknown) {
  if (kind === 'workspaces') return api.create('/workspaces/{id}/notification-configurations', { id }, document)
  if (kind === 'projects') return api.create('/projects/{id}/notification-configurations', { id }, document)
  return api.create('/teams/{team}/notification-configurations', { team: id }, document)
}

/** usersOf are the users who get the mail: a request that does not name them would take them away. */
export function usersOf(c: Configuration) {
  return c.attributes['destination-type'] === 'email' ? { users: refsOf(c, 'users') } : undefined
}
